package wsserver_test

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// S-29: OnSent may ask the client for its context, also while the broadcasts go out
// that waited for the banner.
func TestSentMayAskForTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &club{}
		c.connect = func(k *keen) error {
			wsserver.ServerOf(k).Broadcast(client.Binary(make([]byte, 20_000)))
			return nil
		}
		frames := 0
		cfg := wsserver.Config{Events: wsserver.Events{OnSent: func(i wsserver.SentInfo) {
			frames++
			i.Client.Context()
		}}}
		reach(t, "memory", c, cfg)
		synctest.Wait() // a deadlock ends the test
		if frames != 1 {
			t.Errorf("%d frames are sent, want 1", frames)
		}
	})
}

// S-29, E-15: an OnSent that ends its goroutine ends its client, and nobody else.
func TestSentMayEndItsGoroutine(t *testing.T) {
	for _, limit := range []int{0, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			c := &club{}
			cfg := wsserver.Config{BandwidthLimit: limit, Events: wsserver.Events{OnSent: func(wsserver.SentInfo) { runtime.Goexit() }}}
			_, k, _ := reach(t, "memory", c, cfg)
			go k.SendText("x")
			synctest.Wait()
			if err := k.SendText("y"); !errors.Is(err, client.ErrClosed) {
				t.Errorf("limit %d: Send = %v", limit, err)
			}
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.ends) != 1 || c.ends[0].Code != client.StatusAbnormal {
				t.Errorf("limit %d: it ends with %v", limit, c.ends)
			}
		})
	}
}

// S-18, S-12: broadcasts that waited for the banner and do not fit then are told.
func TestHeldBroadcastsAreNotDroppedInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 100 << 10
		c := &club{}
		took := 0
		c.connect = func(k *keen) error {
			_ = k.SetSendQueue(client.SendQueue{MaxBytes: size, Policy: client.QueueDropNewest})
			for range 9 {
				took += wsserver.ServerOf(k).Broadcast(client.Binary(make([]byte, size)))
			}
			_ = k.SetBandwidthLimit(1)
			return k.SendBinary(make([]byte, 9*size/10))
		}
		_, k, _ := reach(t, "memory", c, wsserver.Config{})
		synctest.Wait()
		s := k.Stats()
		if got := int(s.MessagesOut) - 1 + int(s.MessagesDropped); took != 9 || got != took {
			t.Errorf("%d messages are taken, %d are sent or told as dropped", took, got)
		}
		k.Abort()
	})
}
