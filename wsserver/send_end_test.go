package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-14: Interrupt ends what waits for this client, and nothing else: the connection only
// if a part of a message is out.
func TestInterruptEndsWhatWaits(t *testing.T) {
	for _, mode := range modes {
		for _, tt := range []struct {
			name string
			wait func(k *keen) error
			lost bool
		}{
			{"Send", func(k *keen) error { return k.SendText(prose(1, 500)) }, false},
			{"SendWith", func(k *keen) error {
				return k.SendWith(context.Background(), client.Text(prose(1, 500)), client.SendOptions{}).Err
			}, false},
			{"WaitWritable", func(k *keen) error { return k.WaitWritable(context.Background()) }, false},
			{"a source that is slow", func(k *keen) error {
				return k.SendReader(context.Background(), client.OpText, sourceFunc(func(p []byte) (int, error) {
					time.Sleep(time.Minute)
					return copy(p, prose(1, 500)), nil
				}))
			}, false},
			{"SendReader", func(k *keen) error {
				return k.SendReader(context.Background(), client.OpText, strings.NewReader(noise(1, 300_000)))
			}, true},
			{"a message that is written slowly", func(k *keen) error {
				m := k.Writer(client.OpText)
				for {
					if _, err := io.WriteString(m, prose(1, 500)); err != nil {
						return err
					}
					if err := m.Flush(); err != nil {
						return err
					}
					time.Sleep(time.Second)
				}
			}, true},
		} {
			t.Run(mode.String()+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := &club{}
					_, k, w := narrow(t, 700, c, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 3200, HighWater: 3100, Policy: client.QueueBlock}, WriteTimeout: -1, CloseTimeout: time.Hour, Compression: client.Compression{Mode: mode}})
					k.Interrupt() // with nothing under way nothing happens
					plug(t, k)
					no(t, k.SendWith(t.Context(), client.Binary(make([]byte, 98)), client.SendOptions{NoCompression: true}).Err)
					const waiting = 3
					done := make(chan error, waiting)
					for range waiting {
						go func() { done <- tt.wait(k) }()
					}
					synctest.Wait()
					if len(done) != 0 {
						t.Fatalf("%d calls return: %v", len(done), <-done)
					}
					time.Sleep(time.Second / 2)
					k.Interrupt()
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					if len(done) != waiting {
						t.Fatalf("%d calls of %d return", len(done), waiting)
					}
					interrupted := 0
					for range waiting {
						switch err := <-done; {
						case errors.Is(err, client.ErrInterrupted):
							interrupted++
						case !tt.lost || !errors.Is(err, client.ErrClosed): // of a stream the others hear what it did
							t.Errorf("it returns %v", err)
						}
					}
					if interrupted == 0 {
						t.Error("nobody was interrupted")
					}
					if !tt.lost {
						w.message()
						w.message()
						no(t, k.SendText(prose(1, 500)))
						w.want(prose(1, 500))
						return
					}
					if code := w.rest(); code != 1011 {
						t.Errorf("closed with %d", code)
					}
					synctest.Wait()
					broken(t, c.ending(t), client.ErrInterrupted)
				})
			})
		}
	}
}

// S-14: a file that is interrupted over TCP or TLS, while the peer reads nothing and its
// queue is in the kernel: the peer gets the close frame when it reads on, and the file
// may be closed at once.
func TestInterruptedFileOverASocket(t *testing.T) { onDrivers(t, testInterruptedFileOverASocket) }

func testInterruptedFileOverASocket(t *testing.T) {
	for _, road := range []string{"TCP", "TLS"} {
		for _, max := range []int{0, 1000} {
			c := &club{}
			_, k, w := reach(t, road, c, wsserver.Config{WriteTimeout: time.Minute, MaxFrameSize: max, OutBufferSize: 256 << 10})
			name := fileOf(t, make([]byte, 64<<20))
			done := make(chan error, 1)
			moving := make(chan struct{}, 1)
			go func() {
				done <- k.SendFile(context.Background(), name, client.SendOptions{Progress: func(sent, _ int64) bool {
					select {
					case moving <- struct{}{}:
					default:
					}
					return true
				}})
			}()
			still := 0
			for last := uint64(0); still < 20; { // until the kernel takes no more
				time.Sleep(5 * time.Millisecond)
				if n := k.Stats().BytesOut; n == last && n > 0 {
					still++
				} else {
					last, still = n, 0
				}
			}
			k.Interrupt()
			if err := <-done; !errors.Is(err, client.ErrInterrupted) {
				t.Errorf("%s: SendFile = %v", road, err)
			}
			if code := w.rest(); code != 1011 || len(w.messages) != 0 {
				t.Errorf("%s, frames of %d: closed with %d", road, max, code)
			}
			eventually(t, "the end", c.ended)
			broken(t, c.ending(t), client.ErrInterrupted)
		}
	}
}

// what becomes of a stream, of what waits behind it, and of
// the connection, for each way to end.
func TestEndsDuringAStream(t *testing.T) {
	for _, mode := range []client.CompressionMode{client.CompressionOff, client.CompressionContext} {
		for _, tt := range []struct {
			name  string
			end   func(srv *wsserver.Server[*keen], k *keen, w *wire)
			reads bool // the peer reads on
			whole bool // stream and what waits behind it arrive
			code  int  // that the peer gets; 1006: none
			cause error
		}{
			{"CloseAfterFlush", func(_ *wsserver.Server[*keen], k *keen, _ *wire) { k.CloseAfterFlush(4000, "") }, true, true, 4000, client.ErrCloseCalled},
			{"Close", func(_ *wsserver.Server[*keen], k *keen, _ *wire) { k.Close(4000, "") }, true, false, 4000, client.ErrCloseCalled},
			{"Close of a peer that reads nothing", func(_ *wsserver.Server[*keen], k *keen, _ *wire) { k.Close(4000, "") }, false, false, 1006, client.ErrCloseCalled},
			{"Abort", func(_ *wsserver.Server[*keen], k *keen, _ *wire) { k.Abort() }, false, false, 1006, client.ErrAborted},
			{"Disconnect", func(srv *wsserver.Server[*keen], k *keen, _ *wire) { srv.Disconnect(k.ID(), 4000, "") }, true, false, 4000, client.ErrCloseCalled},
			{"Shutdown", func(srv *wsserver.Server[*keen], _ *keen, _ *wire) { go srv.Shutdown(context.Background()) }, true, false, 1001, client.ErrServerShutdown},
			{"Shutdown of a peer that reads nothing", func(srv *wsserver.Server[*keen], _ *keen, _ *wire) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				go func() { defer cancel(); srv.Shutdown(ctx) }()
			}, false, false, 1006, client.ErrServerShutdown},
			{"the server's Close", func(srv *wsserver.Server[*keen], _ *keen, _ *wire) { go srv.Close() }, true, false, 1001, client.ErrServerShutdown},
			{"the server's Abort", func(srv *wsserver.Server[*keen], _ *keen, _ *wire) { go srv.Abort() }, false, false, 1006, client.ErrServerShutdown},
			{"the peer's close frame", func(_ *wsserver.Server[*keen], _ *keen, w *wire) { w.p.Send(wstest.Close(4000, "")) }, true, false, 4000, nil},
			{"the peer's reset", func(_ *wsserver.Server[*keen], _ *keen, w *wire) { w.p.Drop() }, false, false, 1006, nil},
			{"a violation", func(_ *wsserver.Server[*keen], _ *keen, w *wire) { w.p.Send(wstest.Continuation(nil)) }, true, false, 1002, nil},
		} {
			t.Run(mode.String()+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := &club{}
					srv, k, w := narrow(t, 700, c, wsserver.Config{WriteTimeout: -1, Compression: client.Compression{Mode: mode}})
					data := noise(1, 500_000)
					done := make(chan error, 1)
					go func() { done <- k.SendReader(t.Context(), client.OpText, strings.NewReader(data)) }()
					w.step() // the first fragment
					no(t, k.SendText("waits"))
					synctest.Wait()
					tt.end(srv, k, w)
					synctest.Wait()
					if err := k.SendText("too late"); tt.cause != nil && !errors.Is(err, client.ErrClosed) {
						t.Errorf("Send = %v", err)
					}
					code := 1006
					if tt.reads {
						code = w.rest()
						for w.step() == nil {
						}
					}
					err := <-done
					time.Sleep(time.Hour)
					synctest.Wait()
					if code != tt.code {
						t.Errorf("closed with %d, want %d", code, tt.code)
					}
					if whole := len(w.messages) == 2 && string(w.messages[0].Data) == data && string(w.messages[1].Data) == "waits"; whole != tt.whole || !whole && len(w.messages) > 0 {
						t.Errorf("%d messages arrive", len(w.messages))
					}
					if tt.whole != (err == nil) || err != nil && !errors.Is(err, client.ErrClosed) {
						t.Errorf("SendReader = %v", err)
					}
					i := c.ending(t)
					if tt.cause != nil && !errors.Is(i.Cause, tt.cause) {
						t.Errorf("it ends with %v", i)
					}
					if !tt.whole && i.Unsent < len("waits") || tt.whole && i.Unsent != 0 {
						t.Errorf("Unsent = %d", i.Unsent)
					}
					if s := srv.Stats(); s.Unsent != uint64(i.Unsent) || s.Buffered != 0 {
						t.Errorf("the server's counters are %+v", s)
					}
				})
			})
		}
	}
}

// X-02, K-11: Close during a stream is bounded by CloseTimeout, Shutdown by its context,
// even if the source never says another word.
func TestCloseDoesNotWaitForASource(t *testing.T) {
	for _, how := range []string{"Close", "Shutdown", "the server's Close", "Abort"} {
		synctest.Test(t, func(t *testing.T) {
			c := &club{}
			srv, k, w := narrow(t, 0, c, wsserver.Config{})
			r, pw := io.Pipe()
			done := make(chan error, 1)
			go func() { done <- k.SendReader(t.Context(), client.OpText, r) }()
			io.WriteString(pw, "first")
			no(t, w.step())
			synctest.Wait() // until it reads its source again
			start := time.Now()
			switch how {
			case "Close":
				k.Close(4000, "")
			case "Shutdown":
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				srv.Shutdown(ctx)
			case "the server's Close":
				srv.Close()
			case "Abort":
				k.Abort()
			}
			eventually(t, "the end", c.ended)
			if took := time.Since(start); took > 5100*time.Millisecond {
				t.Errorf("%s: the end comes after %v", how, took)
			}
			if len(done) != 0 {
				t.Errorf("%s: SendReader = %v, while its source is read", how, <-done)
			}
			io.WriteString(pw, "second")
			if err := <-done; !errors.Is(err, client.ErrClosed) {
				t.Errorf("%s: SendReader = %v", how, err)
			}
		})
	}
}

// the connection ends while a stream waits for the turn, and while a message waits
// for room: all of them return.
func TestEndFreesAllWhoWait(t *testing.T) {
	for _, mode := range modes {
		for _, how := range []func(k *keen, w *wire){
			func(k *keen, _ *wire) { k.Close(4000, "") },
			func(k *keen, _ *wire) { k.CloseAfterFlush(4000, "") },
			func(k *keen, _ *wire) { k.Abort() },
			func(_ *keen, w *wire) { w.p.Drop() },
		} {
			synctest.Test(t, func(t *testing.T) {
				c := &club{}
				_, k, w := narrow(t, 700, c, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 1000, Policy: client.QueueBlock}, WriteTimeout: -1, Compression: client.Compression{Mode: mode}})
				const each = 3
				done := make(chan error, 4*each)
				for range each {
					go func() { done <- k.SendReader(t.Context(), client.OpText, strings.NewReader(noise(1, 100_000))) }()
				}
				synctest.Wait()
				for i := range 2 * each {
					go func() {
						for {
							if err := k.SendText(noise(i, 400)); err != nil {
								done <- err
								return
							}
						}
					}()
				}
				for range each {
					go func() {
						for {
							if err := k.WaitWritable(t.Context()); err != nil {
								done <- err
								return
							}
							time.Sleep(time.Millisecond)
						}
					}()
				}
				time.Sleep(time.Second)
				synctest.Wait()
				how(k, w)
				for i := range cap(done) {
					if i == cap(done)-1 { // CloseAfterFlush waits for the stream
						w.drain()
					}
					if err := <-done; err != nil && !errors.Is(err, client.ErrClosed) {
						t.Errorf("it returns %v", err)
					}
				}
				synctest.Wait()
				time.Sleep(time.Hour)
				synctest.Wait()
				c.ending(t)
			})
		}
	}
}

// CloseInfo.Unsent is what the kernel never got: all but what is in the buffers on the
// way.
func TestUnsentIsCounted(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(k *keen, w *wire)
	}{
		{"Abort", func(k *keen, _ *wire) { k.Abort() }},
		{"a stall", func(*keen, *wire) { time.Sleep(time.Hour) }},
		{"Close that is not answered", func(k *keen, _ *wire) { k.Close(1000, ""); time.Sleep(time.Hour) }},
		{"the peer's reset", func(_ *keen, w *wire) { w.p.Drop() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &club{}
				srv, k, w := narrow(t, 1000, c, wsserver.Config{})
				sum := 0
				for i := range 10 {
					no(t, k.SendBinary(make([]byte, 30_000+i)))
					sum += 30_000 + i + 4
				}
				synctest.Wait()
				if n := k.BufferedAmount(); n != sum {
					t.Errorf("%d bytes wait, want %d", n, sum)
				}
				tt.end(k, w)
				synctest.Wait()
				if n := c.ending(t).Unsent; n != sum {
					t.Errorf("Unsent = %d, want %d", n, sum)
				}
				if n := srv.Stats().Unsent; n != uint64(sum) {
					t.Errorf("the server's Unsent = %d, want %d", n, sum)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // all is delivered
		c := &club{}
		_, k, w := narrow(t, 1000, c, wsserver.Config{})
		no(t, k.SendText(strings.Repeat("x", 30_000)))
		no(t, k.CloseAfterFlush(1000, ""))
		if code := w.rest(); code != 1000 {
			t.Errorf("closed with %d", code)
		}
		synctest.Wait()
		if i := c.ending(t); i.Unsent != 0 {
			t.Errorf("%v, Unsent = %d", i, i.Unsent)
		}
	})
}

// CloseAfterFlush behind two streams of which one has not begun: the first becomes
// whole, the other is refused.
func TestCloseAfterFlushWaitsForOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &club{}
		_, k, w := narrow(t, 700, c, wsserver.Config{WriteTimeout: -1})
		done := make(chan string, 2)
		for id := range 2 {
			go func() {
				err := k.SendReader(t.Context(), client.OpText, strings.NewReader(prose(id, 100_000)))
				done <- fmt.Sprint(id, " ", errors.Is(err, client.ErrClosed))
			}()
			synctest.Wait()
		}
		no(t, k.CloseAfterFlush(4000, ""))
		if code := w.rest(); code != 4000 || len(w.messages) != 1 || string(w.messages[0].Data) != prose(0, 100_000) {
			t.Errorf("closed with %d behind %d messages", code, len(w.messages))
		}
		got := map[string]bool{<-done: true, <-done: true}
		if !got["0 false"] || !got["1 true"] {
			t.Errorf("the streams end with %v", got)
		}
	})
}
