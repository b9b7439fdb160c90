package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

func text(s string) Frame { return Frame{First: finBit | opText, Payload: []byte(s)} }

// TestBatchLeavesInOneWrite: what the messages of one piece of input send is
// written when there is no more input, with one call.
func TestBatchLeavesInOneWrite(t *testing.T) { synctest.Test(t, batchLeavesInOneWrite) }

func batchLeavesInOneWrite(t *testing.T) {
	var in []byte
	for i := range 16 {
		in = wstest.Text(fmt.Sprint(i)).Append(in)
	}
	w := &fakeWire{script: [][]byte{in, in}, end: io.EOF}
	r := newRecorder(testSettings(), w, nil)
	seen := []int{}
	r.onMessage = func(_ byte, p []byte) {
		if err := r.Send(text(string(p))); err != nil {
			t.Error(err)
		}
		if len(seen) == 5 {
			r.Flush() // an event may ask for it
		}
		seen = append(seen, w.writes)
	}
	r.run()
	if seen[4] != 0 || seen[5] != 1 || seen[31] != 1 || w.writes != 2 {
		t.Errorf("writes seen after each message %v, in all %d; want 1 with Flush after the sixth and 1 at the end", seen, w.writes)
	}
	if n := len(outFrames(t, w.written())); n != 32 {
		t.Errorf("%d frames, want 32", n)
	}
	r.Finish()
	r.Linger()
}

// TestCorkIsFlushedAtItsLimit, and a large frame goes past it, in order.
func TestCorkIsFlushedAtItsLimit(t *testing.T) { synctest.Test(t, corkIsFlushedAtItsLimit) }

func corkIsFlushedAtItsLimit(t *testing.T) {
	w := &fakeWire{}
	r := newRecorder(testSettings(), w, nil)
	for range 8 {
		if err := r.Send(Frame{First: finBit | opBinary, Payload: make([]byte, 1020)}); err != nil { // 1024 with its header
			t.Fatal(err)
		}
	}
	if w.writes != 1 || len(w.out) != corkLimit {
		t.Errorf("%d writes of %d bytes, want 1 of 8192", w.writes, len(w.out))
	}
	r.Send(text("small"))
	r.Send(Frame{First: finBit | opBinary, Payload: make([]byte, largeFrame)})
	if w.writes != 2 {
		t.Errorf("%d writes, want 2: the small frame leaves together with the large one", w.writes)
	}
	if f := outFrames(t, w.written()); len(f) != 10 || f[8].Op != wstest.OpText || len(f[9].Payload) != largeFrame {
		t.Errorf("%d frames", len(f))
	}
	r.Abort(io.ErrClosedPipe)
	r.Finish()
}

// memPair is a recorder on one end of a connection in memory.
func memPair(t *testing.T, set *Settings, buffer int) (*recorder, *memnet.Conn) {
	t.Helper()
	near, far := memnet.Pipe(buffer)
	t.Cleanup(func() { near.Close() })
	return newRecorder(set, NewWire(far).wire, nil), near
}

// TestWatchdogFreesAHandlersBytes: an event that sends and then blocks holds its
// bytes for at most two ticks, and the timer rests when nothing is corked.
func TestWatchdogFreesAHandlersBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, peer := memPair(t, testSettings(), 0)
		r.onMessage = func(byte, []byte) {
			r.Send(text("at once"))
			r.Send(text("before the long work"))
			time.Sleep(time.Hour)
			r.Send(text("after it"))
		}
		r.serve(t)
		synctest.Wait()
		if r.svc.armed {
			t.Error("the watchdog's timer runs before anything was sent")
		}
		start := time.Now()
		peer.Write(wstest.Text("go").Bytes())
		for _, want := range []struct {
			text   string
			at     time.Duration
			within time.Duration
		}{{"at once", 0, 0}, {"before the long work", 0, 2 * watchTick}, {"after it", time.Hour, 0}} {
			f, err := wstest.ReadFrame(peer, false, 0)
			took := time.Since(start) - want.at
			if err != nil || string(f.Payload) != want.text || took < 0 || took > want.within {
				t.Errorf("%q, %v came %v after it was sent, want %q within %v", f.Payload, err, took, want.text, want.within)
			}
		}
		time.Sleep(2 * watchTick)
		synctest.Wait()
		r.svc.mu.Lock()
		defer r.svc.mu.Unlock()
		if r.svc.armed || len(r.svc.watched) != 0 {
			t.Errorf("armed %v with %d connections watched, when nothing is corked", r.svc.armed, len(r.svc.watched))
		}
	})
}

// TestOneWatchdogForAll: many connections, corked again and again, each within
// its two ticks.
func TestOneWatchdogForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := NewService()
		for i := range 20 {
			near, far := memnet.Pipe(0)
			t.Cleanup(func() { near.Close() })
			r := &recorder{Conn: new(Conn), done: make(chan struct{})}
			r.Init(svc, testSettings(), NewWire(far), nil, nil, r)
			r.Attach()
			r.Open()
			r.onMessage = func(byte, []byte) {
				for range 5 {
					time.Sleep(time.Duration(i) * 300 * time.Microsecond)
					sent := time.Now().Format(time.RFC3339Nano)
					r.Send(text(sent))
				}
				time.Sleep(time.Second)
			}
			r.serve(t)
			near.Write(wstest.Text("go").Bytes())
			go func() {
				for {
					f, err := wstest.ReadFrame(near, false, 0)
					if err != nil {
						return
					}
					sent, _ := time.Parse(time.RFC3339Nano, string(f.Payload))
					if took := time.Since(sent); took > 2*watchTick {
						t.Errorf("connection %d: a frame took %v", i, took)
					}
				}
			}()
		}
		time.Sleep(2 * time.Second)
		svc.mu.Lock()
		defer svc.mu.Unlock()
		if svc.armed || len(svc.watched) != 0 {
			t.Errorf("armed %v with %d watched at the end", svc.armed, len(svc.watched))
		}
	})
}

// TestFlushFromOtherGoroutines while an event runs: nothing is lost or doubled.
func TestFlushFromOtherGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, peer := memPair(t, testSettings(), 512)
		stop := make(chan struct{})
		var flushers sync.WaitGroup
		for range 4 {
			flushers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						r.Flush()
						time.Sleep(10 * time.Microsecond)
					}
				}
			})
		}
		r.onMessage = func(byte, []byte) {
			for i := range 1000 {
				r.Send(text(fmt.Sprint(i)))
				if i%50 == 0 {
					time.Sleep(15 * time.Microsecond)
				}
			}
		}
		r.serve(t)
		peer.Write(wstest.Text("go").Bytes())
		for i := range 1000 {
			if f, err := wstest.ReadFrame(peer, false, 0); err != nil || string(f.Payload) != fmt.Sprint(i) {
				t.Fatalf("message %d is %q, %v", i, f.Payload, err)
			}
		}
		close(stop)
		flushers.Wait()
	})
}

// TestSendFromOutsideAnEventLeavesAtOnce: no timer is needed for it.
func TestSendFromOutsideAnEventLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, peer := memPair(t, testSettings(), 0)
		r.serve(t)
		synctest.Wait() // the reader waits for input
		start := time.Now()
		r.Send(text("x"))
		if f, err := wstest.ReadFrame(peer, false, 0); err != nil || string(f.Payload) != "x" || time.Since(start) != 0 {
			t.Errorf("%q, %v after %v", f.Payload, err, time.Since(start))
		}
		if r.svc.armed {
			t.Error("the watchdog was armed")
		}
	})
}

func TestFlushBeforeAndAfterTheEnd(t *testing.T) {
	w := &fakeWire{}
	r := newRecorder(testSettings(), w, nil)
	if err := r.Flush(); err != nil {
		t.Errorf("Flush with nothing to write: %v", err)
	}
	r.Abort(io.ErrClosedPipe)
	if err := r.Flush(); !errors.Is(err, client.ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Flush after Abort: %v, want ErrClosed", err)
	}
	r.Finish()
	<-w.gone()
}

// TestCloseTakesTheCorkAlong: what an event has sent before Close comes before
// the close frame, in the same write.
func TestCloseTakesTheCorkAlong(t *testing.T) {
	w := &fakeWire{script: [][]byte{append(wstest.Text("go").Bytes(), wstest.Text("more").Bytes()...)}, end: io.EOF}
	r := newRecorder(testSettings(), w, nil)
	r.onMessage = func(byte, []byte) {
		r.Send(text("a"))
		r.Send(text("b"))
		r.CloseWith(1000, "bye", false, client.ErrCloseCalled)
		if err := r.Send(text("c")); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
	}
	r.run()
	r.Finish()
	r.Linger()
	want := append((&Frame{First: 0x81, Payload: []byte("a")}).append(nil), "\x81\x01b\x88\x05\x03\xe8bye"...)
	if got := w.written(); !bytes.Equal(got, want) || w.writes != 1 {
		t.Errorf("% x in %d writes, want % x in one", got, w.writes, want)
	}
}
