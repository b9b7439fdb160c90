package transport

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// O-21: what leaves keeps to the limit from second to second, but for one burst of what
// was not used; files and messages in pieces too. A frame that is too large for a
// second does not stop the clock.
func TestOutgoingBytesKeepToTheLimit(t *testing.T) {
	const perSecond = 10_000
	for _, tt := range []struct {
		name  string
		burst time.Duration
		send  func(t *testing.T, c *recorder) error
	}{
		{"small messages", time.Second, func(t *testing.T, c *recorder) error {
			for range 600 {
				if err := c.Send(bytesOf('m', 98)); err != nil {
					return err
				}
			}
			return nil
		}},
		{"one large message", time.Second, func(t *testing.T, c *recorder) error { return c.Send(bytesOf('m', 60_000)) }},
		{"a long burst", 3 * time.Second, func(t *testing.T, c *recorder) error { return c.Send(bytesOf('m', 60_000)) }},
		{"a stream", time.Second, func(t *testing.T, c *recorder) error {
			return sendStream(c, StreamConfig{Total: -1}, make([]byte, 60_000))
		}},
		{"a file", time.Second, func(t *testing.T, c *recorder) error {
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
			if _, err := s.ReadFrom(fileOf(t, make([]byte, 60_000))); err != nil {
				return err
			}
			return s.Close()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fileFake{}
				c := outgoing(t, w, func(s *Settings) { s.Bandwidth, s.Sampling = perSecond, tt.burst })
				done := make(chan error, 1)
				go func() { done <- tt.send(t, c) }()
				const slack = 2*perSecond/8 + 100 // two slices
				for i := range 12 {
					synctest.Wait()
					at := time.Duration(i) * time.Second / 2
					least := min(60_000, int((at+tt.burst).Seconds()*perSecond))
					if n := len(w.written()); n > least+slack || n < least-slack {
						t.Errorf("after %v %d bytes have left, want %d", at, n, least)
					}
					time.Sleep(time.Second / 2)
				}
				time.Sleep(10 * time.Second)
				if err := <-done; err != nil {
					t.Errorf("sending = %v", err)
				}
				if n := len(w.written()); n < 60_000 {
					t.Errorf("%d bytes have left in the end", n)
				}
			})
		})
	}
}

// O-21: what was not used is caught up only as far as the sampling time goes.
func TestUnusedBandwidthIsNotSavedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := outgoing(t, w, func(s *Settings) { s.Bandwidth = 1000 })
		time.Sleep(time.Hour)
		must(t, c.Send(bytesOf('m', 5000)))
		synctest.Wait()
		if n := len(w.written()); n > 1300 {
			t.Errorf("%d bytes leave at once after an hour of silence", n)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := len(w.written()); n != FrameSize(5000) {
			t.Errorf("%d bytes have left after 5 s", n)
		}
	})
}

// O-21: what comes keeps to the limit as well, and pings are answered in their turn.
func TestIncomingBytesKeepToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 10_000
		r, peer := memPair(t, testSettings(func(s *Settings) { s.Bandwidth = perSecond }), 1000)
		r.serve(t)
		var in []byte
		for range 60 {
			in = wstest.Binary(make([]byte, 992)).Append(in) // 1000 bytes
		}
		in = wstest.Ping([]byte("p")).Append(in)
		go peer.Write(in)
		pong := make(chan time.Duration, 1)
		start := time.Now()
		go func() {
			for {
				f, err := wstest.ReadFrame(peer, false, 0)
				if err != nil {
					return
				}
				if f.Op == wstest.OpPong {
					pong <- time.Since(start)
				}
			}
		}()
		for i := range 10 {
			synctest.Wait()
			at := time.Duration(i) * time.Second / 2
			want := min(60_000, int((at+time.Second).Seconds()*perSecond))
			if n := int(r.Counters().BytesIn); n < want-1000 || n > want+2000 {
				t.Errorf("after %v %d bytes have come, want %d", at, n, want)
			}
			time.Sleep(time.Second / 2)
		}
		if took := <-pong; took < 4900*time.Millisecond || took > 5200*time.Millisecond {
			t.Errorf("the ping behind 60000 bytes is answered after %v", took)
		}
		peer.Close()
	})
}

// O-21, K-06: a limit is not the peer's fault: a reader that keeps to it, or frames that
// take minutes, are no silence.
func TestLimitIsNoSilenceOfThePeer(t *testing.T) {
	for _, in := range []bool{false, true} {
		t.Run(fmt.Sprint("incoming ", in), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, peer := memPair(t, testSettings(func(s *Settings) {
					s.Bandwidth, s.PingInterval, s.PongTimeout = 100, 5*time.Second, 2*time.Second
					s.IdleTimeout = 10 * time.Minute
				}), 100)
				r.serve(t)
				done := make(chan int, 1)
				go func() { // a peer that answers each ping as soon as it may
					pings := 0
					defer func() { done <- pings }()
					for {
						f, err := wstest.ReadFrame(peer, false, 0)
						if err != nil {
							return
						}
						if f.Op == wstest.OpPing {
							pings++
							peer.Write(wstest.Pong(f.Payload).Bytes())
						}
					}
				}()
				if in {
					go peer.Write(wstest.Binary(make([]byte, 6000)).Bytes()) // a minute
				} else {
					must(t, r.Send(bytesOf('m', 6000)))
				}
				time.Sleep(2 * time.Minute)
				if r.State() != stateOpen {
					t.Errorf("it has ended with %v", r.Info())
				}
				peer.Close()
				if n := <-done; n == 0 {
					t.Error("no ping was sent")
				}
			})
		})
	}
}

// O-21: an end does not wait for the limit.
func TestEndDoesNotWaitForTheLimit(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(r *recorder)
		most time.Duration
	}{
		{"abort", func(r *recorder) { r.Abort(client.ErrAborted) }, 0},
		{"close", func(r *recorder) { r.CloseWith(1000, "", false, client.ErrCloseCalled) }, 5 * time.Second},
		{"drop", func(r *recorder) {
			r.CloseWith(1001, "", false, client.ErrServerShutdown)
			r.Drop(client.ErrServerShutdown)
		}, hastyTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, peer := memPair(t, testSettings(func(s *Settings) { s.Bandwidth = 100 }), 1000)
				r.serve(t)
				go io.Copy(io.Discard, peer)
				go peer.Write(wstest.Binary(make([]byte, 100_000)).Bytes())
				must(t, r.Send(bytesOf('m', 100_000)))
				time.Sleep(time.Second)
				start := time.Now()
				tt.end(r)
				<-r.done
				if took := time.Since(start); took > tt.most+lingerTime {
					t.Errorf("the end takes %v", took)
				}
				peer.Close()
			})
		})
	}
}

// O-21: a new limit counts at once, also for a wait that has begun and for a file that
// is on its way.
func TestNewLimitCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := outgoing(t, w, func(s *Settings) { s.Bandwidth = 10 })
		must(t, c.Send(bytesOf('m', 50_000)))
		time.Sleep(time.Second)
		c.SetBandwidth(0)
		synctest.Wait()
		if n := len(w.written()); n != FrameSize(50_000) {
			t.Errorf("%d bytes have left without a limit", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := &fileFake{fakeWire: fakeWire{gate: make(chan struct{})}}
		c := outgoing(t, w)
		done := make(chan error, 1)
		go func() {
			s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
			_, err := s.ReadFrom(fileOf(t, bytes.Repeat([]byte{'f'}, 4*maxSpan)))
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
		synctest.Wait()
		c.SetBandwidth(maxSpan / 2)
		start := time.Now()
		close(w.gate)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 4*time.Second {
			t.Errorf("a megabyte at 128 KiB a second takes %v", took)
		}
	})
}
