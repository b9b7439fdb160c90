package transport

import (
	"testing"
)

// TestWatchdogIsThereWhileAReaderIsEntered: it goes to rest when it finds nobody at work,
// which may be just when somebody begins.
func TestWatchdogIsThereWhileAReaderIsEntered(t *testing.T) {
	s := new(sock)
	start := make(chan *shift)
	done := make(chan struct{})
	go func() {
		for h := range start {
			h.begin(0, s)
			done <- struct{}{}
		}
	}()
	defer close(start)
	for i := range 300_000 {
		h := &shift{relief: func(uint64) {}}
		h.tick()
		h.timer.Stop()
		start <- h
		h.look()
		<-done
		if h.now.Load()&1 == 1 && !h.ticking.Load() {
			t.Fatalf("round %d: a reader is entered, and the watchdog rests", i)
		}
		h.mu.Lock()
		h.timer.Stop()
		h.mu.Unlock()
	}
}
