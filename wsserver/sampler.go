package wsserver

import (
	"sync"
	"time"
)

// maxRefusalLines is how many lines of one Reason are logged per second. A flood of
// refused peers is counted and reported to OnReject, but does not fill the log.
const maxRefusalLines = 100

// sampler lets that many lines a second pass. The zero value is ready.
type sampler struct {
	mu      sync.Mutex // guards the following
	second  int64
	lines   int
	dropped int
}

// pass reports whether a line may be logged, and how many were not before it.
func (s *sampler) pass(now time.Time) (ok bool, dropped int) {
	return s.passUpTo(maxRefusalLines, now)
}

// passUpTo is pass with another number of lines a second.
func (s *sampler) passUpTo(most int, now time.Time) (ok bool, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec := now.Unix(); sec != s.second {
		s.second, s.lines = sec, 0
	}
	if s.lines >= most {
		s.dropped++
		return false, 0
	}
	s.lines++
	dropped, s.dropped = s.dropped, 0
	return true, dropped
}
