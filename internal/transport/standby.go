package transport

import (
	"sync"
	"sync/atomic"
)

// standby is where the reader of a dormant connection stands between two pieces of
// input. Whoever learns of input calls ready, the reader calls pause and retire, and
// the sweeper calls tire; each but the reader from any goroutine. A call of ready is
// never lost: the reader looks for input after it.
type standby struct {
	state  atomic.Uint32
	waiter chan bool  // the reader's, borrowed while it has a goroutine
	pool   *sync.Pool // where from; nil: it is made, and left to the collector
}

const (
	reading uint32 = iota // the reader is at work
	alerted               // and there is input that it may not have seen
	waiting               // it waits on its goroutine
	asleep                // it has none
)

// ready tells of input. It returns true when the caller has to start a reader.
func (r *standby) ready() (start bool) {
	for {
		switch s := r.state.Load(); s {
		case reading:
			if r.state.CompareAndSwap(s, alerted) {
				return false
			}
		case waiting:
			if r.state.CompareAndSwap(s, reading) {
				r.waiter <- false
				return false
			}
		case asleep:
			if r.state.CompareAndSwap(s, reading) {
				return true
			}
		default:
			return false
		}
	}
}

// pause waits for ready, or for tire, when it returns true.
func (r *standby) pause() (tired bool) {
	if r.state.CompareAndSwap(alerted, reading) {
		return false
	}
	if r.waiter == nil && r.pool != nil {
		r.waiter, _ = r.pool.Get().(chan bool)
	}
	if r.waiter == nil {
		r.waiter = make(chan bool, 1)
	}
	if r.state.CompareAndSwap(reading, waiting) {
		return <-r.waiter
	}
	r.state.Store(reading)
	return false
}

// tire ends a pause of which nothing came; false if the reader is in none.
func (r *standby) tire() bool {
	if !r.state.CompareAndSwap(waiting, reading) {
		return false
	}
	r.waiter <- true
	return true
}

// retire tells that the reader is about to give up its goroutine; it must then touch
// nothing any more. It returns false when there is input.
func (r *standby) retire() bool {
	if r.pool != nil && r.waiter != nil {
		r.pool.Put(r.waiter)
	}
	r.waiter = nil
	return r.state.CompareAndSwap(reading, asleep)
}
