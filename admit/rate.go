package admit

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Rate is how often something may happen. The zero value is no limit.
//
// Rate{Count: 20, Per: time.Minute} lets 20 through at once, and from then on one every
// three seconds; a minute of silence makes it 20 again.
type Rate struct {
	Count int           // events in each Per; zero is no limit
	Per   time.Duration // zero means 1 s
	Burst int           // events that may come at once; zero means Count
}

// String is such as "20/1m0s", or "20/1m0s burst 5"; "none" without a limit.
func (r Rate) String() string {
	switch r = r.withDefaults(); {
	case r.Count == 0:
		return "none"
	case r.Burst == r.Count:
		return fmt.Sprintf("%d/%v", r.Count, r.Per)
	}
	return fmt.Sprintf("%d/%v burst %d", r.Count, r.Per, r.Burst)
}

func (r Rate) withDefaults() Rate {
	if r.Count == 0 {
		return Rate{Burst: r.Burst, Per: r.Per} // for check
	}
	if r.Per == 0 {
		r.Per = time.Second
	}
	if r.Burst == 0 {
		r.Burst = r.Count
	}
	return r
}

// longest keeps sums of times away from the end of an int64.
const longest = math.MaxInt64 / 8

func (r Rate) check() error {
	d := r.withDefaults()
	switch {
	case r.Count < 0 || r.Per < 0 || r.Burst < 0:
		return errors.New("negative")
	case r.Count == 0 && (r.Per != 0 || r.Burst != 0):
		return errors.New("without Count there is no limit")
	case r.Count == 0:
		return nil
	case int64(d.Per) < int64(r.Count):
		return fmt.Errorf("%d in %v is more than one in a nanosecond", r.Count, d.Per)
	case int64(d.Burst) > longest/(int64(d.Per)/int64(r.Count)):
		return fmt.Errorf("a burst of %d takes too long to come back", d.Burst)
	}
	return nil
}

// bucket judges a Rate by the generic cell rate algorithm: the whole state of a token
// bucket is one number, the time at which it will be full again. The zero value lets
// everything through.
type bucket struct {
	every int64 // nanoseconds from one event to the next
	depth int64 // nanoseconds from empty to full
}

func (r Rate) bucket() bucket {
	if r = r.withDefaults(); r.Count == 0 {
		return bucket{}
	}
	every := int64(r.Per) / int64(r.Count)
	return bucket{every, every * int64(r.Burst)}
}

// times is a bucket of n times the rate and n times the burst.
func (b bucket) times(n int64) bucket {
	if b.every == 0 {
		return b
	}
	return bucket{max(b.every/n, 1), b.depth}
}

// after returns when a bucket that is full at the time full will be so after one event
// more, or how long that has to wait. What full says is cut to what the bucket holds, so
// that a rate that was raised counts at once.
func (b bucket) after(full, now int64) (then int64, wait time.Duration) {
	if b.every == 0 {
		return full, 0
	}
	then = min(max(full, now), now+b.depth) + b.every
	return then, time.Duration(max(then-now-b.depth, 0))
}

// take books one event, or tells how long it has to wait.
func (b bucket) take(full *int64, now int64) (wait time.Duration) {
	then, wait := b.after(*full, now)
	if wait == 0 {
		*full = then
	}
	return wait
}

// shared is the state of a bucket that many goroutines use without a lock.
type shared struct{ full atomic.Int64 }

func (s *shared) take(b bucket, now int64) (wait time.Duration) {
	for {
		full := s.full.Load()
		then, wait := b.after(full, now)
		if wait > 0 || s.full.CompareAndSwap(full, then) {
			return wait
		}
	}
}

// peek tells how long an event would have to wait.
func (s *shared) peek(b bucket, now int64) (wait time.Duration) {
	_, wait = b.after(s.full.Load(), now)
	return wait
}
