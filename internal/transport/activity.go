package transport

import "sync/atomic"

// activity is what the reader does. Only it begins and ends it; any goroutine may ask, and
// take the answer.
type activity struct{ v atomic.Uint32 }

const (
	readerWaits   = iota
	readerBusy    // it has input, or is inside a handler
	readerAnswers // and that is for the last message that is here, for which nothing was sent yet
)

func (a *activity) Load() bool { return a.v.Load() != readerWaits }

func (a *activity) Store(on bool) {
	if on {
		a.v.Store(readerBusy)
	} else {
		a.v.Store(readerWaits)
	}
}

// deliver notes whether the message that is delivered next is the last that is here.
func (a *activity) deliver(last bool) {
	now := uint32(readerBusy)
	if last {
		now = readerAnswers
	}
	if a.v.Load() != now {
		a.v.Store(now)
	}
}

// answered reports whether what is sent now is the first for the last message.
func (a *activity) answered() bool {
	return a.v.Load() == readerAnswers && a.v.CompareAndSwap(readerAnswers, readerBusy)
}
