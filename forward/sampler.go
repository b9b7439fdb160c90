package forward

import (
	"sync"
	"time"
)

// maxLines is how many lines a second a handler logs: every request to a target that is
// down would be one.
const maxLines = 100

// sampler lets maxLines a second pass.
type sampler struct {
	mu      sync.Mutex // guards the following
	second  int64
	lines   int
	leftOut int
}

// pass reports whether a line may be logged, and how many were not before it.
func (s *sampler) pass(now time.Time) (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec := now.Unix(); sec != s.second {
		s.second, s.lines = sec, 0
	}
	if s.lines >= maxLines {
		s.leftOut++
		return 0, false
	}
	s.lines++
	leftOut, s.leftOut = s.leftOut, 0
	return leftOut, true
}
