package memnet

import (
	"sync"
	"time"
)

// deadline tells whether a point in time has passed and wakes who waits for
// that. The lock of the owner guards it.
type deadline struct {
	expired bool
	timer   *time.Timer
	epoch   uint64 // which setting a fired timer belongs to
}

// setLocked replaces the deadline; the zero time means none. cond belongs to
// the lock that guards d.
func (d *deadline) setLocked(t time.Time, cond *sync.Cond) {
	d.stopLocked()
	d.expired = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		cond.Broadcast()
		return
	}
	epoch := d.epoch
	d.timer = time.AfterFunc(wait, func() {
		cond.L.Lock()
		defer cond.L.Unlock()
		if d.epoch == epoch {
			d.expired = true
			cond.Broadcast()
		}
	})
}

// stopLocked forgets the timer, also one that has just fired and waits for the
// lock.
func (d *deadline) stopLocked() {
	d.epoch++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
