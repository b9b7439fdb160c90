package acme

import (
	"context"
	"sync"
	"time"
)

// limiter keeps a start with thousands of hosts from flooding the authority: at most
// ordersInWindow new orders in any orderWindow. The authority's own limits are met by
// backing off.
type limiter struct {
	mu     sync.Mutex // guards the following
	starts [ordersInWindow]time.Time
	oldest int
}

// wait takes the next free place and returns when its time has come.
func (l *limiter) wait(ctx context.Context) error {
	l.mu.Lock()
	at := time.Now()
	if free := l.starts[l.oldest].Add(orderWindow); free.After(at) {
		at = free
	}
	l.starts[l.oldest] = at
	l.oldest = (l.oldest + 1) % len(l.starts)
	l.mu.Unlock()
	return sleep(ctx, time.Until(at))
}

// sleep returns after d, or with the context's error when it ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
