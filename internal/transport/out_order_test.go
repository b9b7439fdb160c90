package transport

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// send sends a whole stream of p.
func sendStream(c *recorder, o StreamConfig, p []byte) error {
	o.Op = client.OpBinary
	if o.Context == nil {
		o.Context = context.Background()
	}
	s := c.NewStream(o)
	if _, err := s.Write(p); err != nil {
		return err
	}
	return s.Close()
}

// S-03: what an event has sent before it sends a file comes before the file.
func TestFileFollowsTheCork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fileFake{}
		c := newRecorder(testSettings(), w, nil) // its reader is inside an event
		must(t, c.Send(bytesOf('a', 3)))
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
		if _, err := s.ReadFrom(fileOf(t, bytes.Repeat([]byte{'f'}, streamChunk))); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if w.files == 0 {
			t.Error("the file went through memory")
		}
		wantStory(t, w.written(), "2:aaa", "2:f*32768+", "0:")
		c.Abort(errors.New("over"))
		c.Finish()
	})
}

// O-21: what an event has sent before it sets a limit comes first.
func TestLimitFollowsTheCork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := newRecorder(testSettings(), w, nil) // its reader is inside an event
		must(t, c.Send(bytesOf('a', 3)))
		c.SetBandwidth(1 << 20)
		must(t, c.Send(bytesOf('b', 3)))
		c.idle()
		synctest.Wait()
		wantStory(t, w.written(), "2:aaa", "2:bbb")
		c.Abort(errors.New("over"))
		c.Finish()
	})
}

// O-21: a limit that is set while somebody writes neither loses nor reorders nor
// tears what others send meanwhile.
func TestLimitIsSetInTheMiddleOfAWrite(t *testing.T) {
	for _, tt := range []struct {
		name string
		take func(int) int
	}{
		{"all is taken", nil},
		{"a part is taken", func(n int) int { return min(n, 4) }},
		{"nothing is taken", func(int) int { return 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPaused()
				w.take = tt.take
				c := outgoing(t, w)
				entered, release := w.hold()
				go c.Send(bytesOf('a', 9))
				<-entered
				c.SetBandwidth(1 << 20)
				must(t, c.Send(bytesOf('b', 9)))
				must(t, c.SendControl(opPing, []byte("p")))
				must(t, c.Send(bytesOf('c', 9)))
				release()
				synctest.Wait()
				must(t, c.Send(bytesOf('d', 9)))
				synctest.Wait()
				if got := joined(t, w.written()); len(got) != 4 || got[0].Data[0] != 'a' || got[1].Data[0] != 'b' || got[2].Data[0] != 'c' || got[3].Data[0] != 'd' {
					t.Errorf("on the wire are %q", story(t, w.written()))
				}
				if n := bytes.Count(w.written(), []byte("\x89\x01p")); n != 1 || c.Counters().Buffered != 0 {
					t.Errorf("%d pings are written, %d bytes wait", n, c.Counters().Buffered)
				}
			})
		})
	}
}

// O-21: the limit goes away in the middle of a write, and comes again.
func TestLimitComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := outgoing(t, w)
		var want []string
		for i := range 40 {
			c.SetBandwidth([]int{0, 1 << 20}[i%2])
			b := byte('a' + i%26)
			must(t, c.Send(bytesOf(b, 2)))
			want = append(want, "2:"+string([]byte{b, b}))
		}
		synctest.Wait()
		wantStory(t, w.written(), want...)
	})
}

// S-03: a message in pieces ends while somebody else writes: what waited for its end
// is sent, behind that write, and before what is sent later.
func TestTurnIsGivenInTheMiddleOfAWrite(t *testing.T) {
	for _, tt := range []struct {
		name string
		take func(int) int
	}{
		{"all is taken", nil},
		{"a part is taken", func(n int) int { return min(n, 1) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPaused()
				c := outgoing(t, w)
				s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
				s.Write([]byte("piece"))
				must(t, s.Flush())
				must(t, c.Send(bytesOf('b', 5)))
				var release func()
				s.Progress = func(int64, int64) bool { // the last piece is written, and the turn not given
					w.fakeWire.take = tt.take
					entered, r := w.hold()
					release = r
					go c.SendControl(opPing, []byte("ping"))
					<-entered
					return true
				}
				closed := make(chan error, 1)
				go func() { closed <- s.Close() }()
				synctest.Wait()
				go c.Send(bytesOf('c', 5))
				synctest.Wait()
				release()
				synctest.Wait()
				if err := <-closed; err != nil {
					t.Errorf("Close = %v", err)
				}
				must(t, c.Send(bytesOf('d', 5)))
				synctest.Wait()
				wantStory(t, w.written(), "2:piece+", "0:", "9:ping", "2:bbbbb", "2:ccccc", "2:ddddd")
			})
		})
	}
}

// hookLock is a lock that tells when it is given back.
type hookLock struct {
	unlocked func()
}

func (l *hookLock) Lock()   {}
func (l *hookLock) Unlock() { l.unlocked() }

// S-03: the turn is given in the moment in which another stream finds it taken.
func TestTurnIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{}
		c := outgoing(t, w)
		first := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
		first.Write([]byte("one"))
		must(t, first.Flush())
		lock := &hookLock{}
		lock.unlocked = func() {
			lock.unlocked = func() {}
			if err := first.Close(); err != nil {
				t.Errorf("first Close = %v", err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- sendStream(c, StreamConfig{Lock: lock, Total: -1}, []byte("two")) }()
		synctest.Wait()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("second stream: %v", err)
			}
		default:
			t.Error("the second stream still waits for the turn, which is free")
		}
		wantStory(t, w.written(), "2:one+", "0:", "2:two")
	})
}

// S-11, S-12: something is to be told in the moment in which the reader goes to wait:
// it is woken.
func TestNoticeIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &drowsy{}
		c := newRecorder(testSettings(queued(client.SendQueue{MaxBytes: 100, Policy: client.QueueDropNewest})), w, nil)
		w.before = func() { // the reader has looked, and does not wait yet
			c.mu.Lock()
			c.noteDropLocked(client.DropNewest, 1, 10)
			c.mu.Unlock()
		}
		c.run()
		if w.woken == 0 {
			t.Error("the reader waits, and nobody tells it of a drop")
		}
		c.Finish()
		c.Linger()
	})
}

// drowsy is a wire whose reader finds nothing; before runs just before that.
type drowsy struct {
	fakeWire
	before func()
	woken  int
}

func (w *drowsy) wake() { w.woken++ }

func (w *drowsy) fill(c *Conn) (int, error) {
	w.before()
	c.idle()
	return 0, errors.New("end of the script")
}

// the peer closes while a close frame waits for the end of a message in
// pieces: it gets that frame now.
func TestPeerClosesBeforeTheEndOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWire{end: errors.New("end of input")}
		c := newRecorder(testSettings(), w, nil)
		s := c.NewStream(StreamConfig{Context: t.Context(), Op: client.OpBinary, Total: -1})
		s.Write([]byte("piece"))
		must(t, s.Flush())
		must(t, c.CloseWith(4000, "later", true, client.ErrCloseCalled))
		w.script = [][]byte{wstest.Close(1000, "").Bytes()}
		c.run()
		c.Finish()
		c.Linger()
		wantStory(t, w.written(), "2:piece+", "8:\x0f\xa0later")
		if err := s.Close(); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Close of the message = %v", err)
		}
		if i := c.Info(); i.Code != 4000 || i.Remote {
			t.Errorf("it ends with %v", i)
		}
	})
}

// S-03, X-02: the connection is closed while the last piece waits for somebody else's
// write: the message does not become whole, and its sender hears of it.
func TestCloseBeforeTheLastPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPaused()
		c := outgoing(t, w)
		entered, release := w.hold()
		go c.Send(bytesOf('a', 3))
		<-entered
		done := make(chan error, 1)
		go func() { done <- sendStream(c, StreamConfig{Total: -1}, []byte("piece")) }()
		synctest.Wait()
		must(t, c.CloseWith(1000, "", false, client.ErrCloseCalled))
		release()
		synctest.Wait()
		if err := <-done; !errors.Is(err, client.ErrClosed) {
			t.Errorf("the stream ends with %v, and on the wire are %q", err, story(t, w.written()))
		}
		wantStory(t, w.written(), "2:aaa", "8:\x03\xe8")
		if n := c.Counters().Buffered; n != 0 {
			t.Errorf("%d bytes wait", n)
		}
	})
}
