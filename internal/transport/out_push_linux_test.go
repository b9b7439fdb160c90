package transport

import (
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteTimeoutIsOfSilence: a peer that takes a little again and again, each time well
// within the write timeout, is not given up, however long the whole takes.
func TestWriteTimeoutIsOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stall, parts = time.Second, 10
		s := new(sock)
		var room atomic.Bool
		peer := make(chan struct{})
		go func() {
			defer close(peer)
			for range parts {
				time.Sleep(stall * 6 / 10)
				room.Store(true)
				s.writable()
			}
		}()
		taken := 0
		err := s.push(stall, func() (int, bool, error) {
			if !room.Swap(false) {
				return -1, false, syscall.EAGAIN
			}
			taken++
			return 1, taken == parts, nil
		})
		if err != nil || taken != parts {
			t.Errorf("push = %v after %d of %d parts", err, taken, parts)
		}
		<-peer
	})
}
