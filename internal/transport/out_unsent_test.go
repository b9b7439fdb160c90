package transport

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
)

// CloseInfo.Unsent and the counters of the queue: what the drainer has under way counts
// as far as it is not written, however the connection ends.
func TestUnsentIsWhatTheKernelNeverGot(t *testing.T) {
	const first, second, slices = 4 * sliceLimit, 500, 3
	for _, tt := range []struct {
		name string
		end  func(c *recorder, w *fakeWire)
		want int
	}{
		{"abort", func(c *recorder, _ *fakeWire) { c.Abort(client.ErrAborted) }, FrameSize(first) - slices*sliceLimit + FrameSize(second)},
		{"stall", func(_ *recorder, w *fakeWire) { w.fail(os.ErrDeadlineExceeded) }, FrameSize(first) - slices*sliceLimit + FrameSize(second)},
		{"lost", func(_ *recorder, w *fakeWire) { w.fail(errors.New("cable is cut")) }, FrameSize(first) - slices*sliceLimit + FrameSize(second)},
		{"close", func(c *recorder, w *fakeWire) {
			c.CloseWith(1000, "", false, client.ErrCloseCalled)
			close(w.gate)
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeWire{take: func(int) int { return 0 }, gate: make(chan struct{})}
				c := outgoing(t, w)
				must(t, c.Send(bytesOf('a', first)))
				must(t, c.Send(bytesOf('b', second)))
				for range slices {
					w.gate <- struct{}{}
				}
				synctest.Wait()
				if n, want := c.Counters().Buffered, FrameSize(first)-slices*sliceLimit+FrameSize(second); n != want {
					t.Errorf("%d bytes wait, want %d", n, want)
				}
				tt.end(c, w)
				synctest.Wait()
				if n := c.Info().Unsent; n != tt.want {
					t.Errorf("Unsent = %d, want %d", n, tt.want)
				}
				if n := c.Counters().Buffered; n != 0 {
					t.Errorf("%d bytes wait at the end", n)
				}
			})
		})
	}
}

// fail has the write that waits fail.
func (w *fakeWire) fail(err error) {
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	w.gate <- struct{}{}
}

// CloseInfo.Unsent: what waits behind a message in pieces is lost with it.
func TestWhatWaitsBehindABrokenStreamIsUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := outgoing(t, w)
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
		s.Write([]byte("piece"))
		must(t, s.Flush())
		for range 3 {
			must(t, c.Send(bytesOf('b', 8)))
		}
		s.Fail(errors.New("no more"))
		synctest.Wait()
		if n := c.Info().Unsent; n != 30 || c.Counters().Buffered != 0 {
			t.Errorf("Unsent = %d, want 30; %d bytes wait", n, c.Counters().Buffered)
		}
		if got := story(t, w.written()); len(got) != 2 || got[1][0] != '8' {
			t.Errorf("on the wire are %q", got)
		}
	})
}
