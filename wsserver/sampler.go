package wsserver

import (
	"time"

	"github.com/icsws/icsws/internal/logkey"
)

// maxRefusalLines is how many lines of one Reason are logged per second. A flood of
// refused peers is counted and reported to OnReject, but does not fill the log.
const maxRefusalLines = 100

// sampler lets that many lines a second pass. The zero value is ready.
type sampler struct{ logkey.Sampler }

// pass reports whether a line may be logged, and how many were not before it.
func (s *sampler) pass(now time.Time) (ok bool, dropped int) {
	return s.passUpTo(maxRefusalLines, now)
}

// passUpTo is pass with another number of lines a second.
func (s *sampler) passUpTo(most int, now time.Time) (ok bool, dropped int) {
	dropped, ok = s.Pass(most, now)
	return ok, dropped
}
