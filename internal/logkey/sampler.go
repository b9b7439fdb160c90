package logkey

import (
	"sync"
	"time"
)

// Sampler lets so many lines a second pass. The zero value is ready. It may be used from
// any goroutine.
type Sampler struct {
	mu      sync.Mutex // guards the following
	second  int64
	lines   int
	leftOut int
}

// Pass reports whether a line may be logged, of at most most a second, and how many were
// left out before it.
func (s *Sampler) Pass(most int, now time.Time) (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sec := now.Unix(); sec != s.second {
		s.second, s.lines = sec, 0
	}
	if s.lines >= most {
		s.leftOut++
		return 0, false
	}
	s.lines++
	leftOut, s.leftOut = s.leftOut, 0
	return leftOut, true
}
