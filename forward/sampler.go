package forward

import (
	"time"

	"github.com/icsws/icsws/internal/logkey"
)

// maxLines is how many lines a second a handler logs: every request to a target that is
// down would be one.
const maxLines = 100

// sampler lets maxLines a second pass.
type sampler struct{ logkey.Sampler }

// pass reports whether a line may be logged, and how many were not before it.
func (s *sampler) pass(now time.Time) (leftOut int, ok bool) { return s.Pass(maxLines, now) }
