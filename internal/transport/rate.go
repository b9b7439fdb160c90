package transport

import "time"

// rate is a limit on bytes a second. What was not used in the last burst may be
// caught up.
type rate struct {
	perSecond int
	burst     time.Duration
	in, out   time.Duration // when what has moved so far would have at the limit
}

// SetBandwidth limits both directions to so many bytes a second; 0 is no limit.
func (c *Conn) SetBandwidth(perSecond int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow.Store(true)
	defer c.signalLocked() // who waits looks again
	if perSecond <= 0 {
		c.flowLocked().rate = nil
		return
	}
	now := c.svc.now()
	c.flowLocked().rate = &rate{perSecond: perSecond, burst: c.set.Sampling, in: now - c.set.Sampling, out: now - c.set.Sampling}
}

// spend books n bytes on at and returns how long to wait.
func (r *rate) spend(at *time.Duration, now time.Duration, n int) time.Duration {
	*at = max(*at, now-r.burst) + time.Duration(float64(n)/float64(r.perSecond)*float64(time.Second))
	return *at - now
}

// slice is how much is written between two looks at the queue's state.
func (c *Conn) slice() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flow.rate == nil {
		return sliceLimit
	}
	return min(sliceLimit, max(c.flow.rate.perSecond/8, 1))
}

// throttle is the drainer's wait before it writes n bytes.
func (c *Conn) throttle(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r *rate
	var until time.Duration
	for n > 0 && c.flow.rate != nil && c.dead == nil {
		if r != c.flow.rate { // the limit, or a new one
			r = c.flow.rate
			until = c.svc.now() + r.spend(&r.out, c.svc.now(), n)
		}
		d := until - c.svc.now()
		if d <= 0 {
			return
		}
		c.pauseLocked(d)
	}
}

// pauseLocked waits for d, or for a change if that comes first.
func (c *Conn) pauseLocked(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	_ = c.waitRoomLocked(t.C, nil)
}

func (c *Conn) idleUnlocked() {
	c.mu.Unlock()
	defer c.mu.Lock()
	c.idle()
}

// slowDown is the reader's wait after n bytes came.
func (c *Conn) slowDown(n int) {
	defer c.active.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	var r *rate
	var until time.Duration
	for n > 0 && c.flow.rate != nil && c.dead == nil && c.State() == stateOpen {
		if r != c.flow.rate {
			r = c.flow.rate
			until = c.svc.now() + r.spend(&r.in, c.svc.now(), n)
		}
		d := until - c.svc.now()
		if d <= 0 {
			return
		}
		if c.active.Load() { // what was sent so far need not wait as well
			c.idleUnlocked()
			continue
		}
		c.held = true // the peer is not to blame
		c.pauseLocked(d)
		c.held = false
		c.handled = c.svc.now()
	}
}
