package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

// attached is a connection over w whose reader is the caller.
func attached(t *testing.T, w wire, edit ...func(*Settings)) *recorder {
	t.Helper()
	r := newRecorder(testSettings(append(edit, func(s *Settings) { s.Dormant = true })...), w, nil)
	r.idle()
	t.Cleanup(func() {
		r.Abort(errors.New("the test is over"))
		r.Finish()
		r.Linger()
		r.svc.Close()
	})
	return r
}

// TestFileIsSentWhileTheWireIsSwapped looks, under the race detector, at the wire from
// where a stream does.
func TestFileIsSentWhileTheWireIsSwapped(t *testing.T) {
	_, far := tcpPair(t, 0)
	r := attached(t, NewWire(far).wire)
	f := fileOf(t, make([]byte, 256<<10))
	s := r.NewStream(StreamConfig{Context: context.Background(), Op: client.OpBinary, Total: -1})
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(50 * time.Millisecond)
		s.span(f)
	}()
	if _, ok := r.adopt(); !ok {
		t.Error("the socket was not adopted")
	}
	<-done
}

// TestLateWakeOfTheOldWire: the sweeper has noted that the reader is to doze, which the
// reader then does because somebody else has woken it; the sweeper's own call comes late.
func TestLateWakeOfTheOldWire(t *testing.T) {
	for range 300 {
		_, far := tcpPair(t, 0)
		r := attached(t, NewWire(NewTLS(far, &tls.Config{})).wire)
		w := r.wire.(*tlsWire)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.doze()
		}()
		for !w.dozing.Swap(false) { // the reader, awake
			runtime.Gosched()
		}
		if _, ok := r.adopt(); !ok {
			t.Fatal("the socket was not adopted")
		}
		<-done
	}
}

// TestAbortBeforeAttach: a client may be aborted by the program while the handshake is
// being answered.
func TestAbortBeforeAttach(t *testing.T) {
	near, far := tcpPair(t, 0)
	_, server := tlsPair(t, near, far, nil)
	r := &recorder{Conn: new(Conn), done: make(chan struct{})}
	r.Init(NewService(), testSettings(), NewWire(server), nil, nil, r)
	r.Abort(errors.New("aborted"))
	r.Attach()
	r.Open()
	r.serve(t)
}

// TestReaderThatCouldNotRestIsLookedAtAgain: the first try may find a writer at work, or
// no descriptor left.
func TestReaderThatCouldNotRestIsLookedAtAgain(t *testing.T) {
	near, far := tcpPair(t, 0)
	_, server := tlsPair(t, near, far, nil)
	r := attached(t, NewWire(server).wire)
	r.svc.forget(r.Conn) // as the sweeper does before it calls doze
	r.mu.Lock()
	r.writing = true
	r.mu.Unlock()
	if r.Rest() {
		t.Fatal("it rests beside a writer")
	}
	r.mu.Lock()
	r.writing = false
	r.mu.Unlock()
	r.svc.mu.Lock()
	defer r.svc.mu.Unlock()
	if r.warmAt == 0 {
		t.Error("nobody will look at the reader again")
	}
}

// TestNoAlarmAfterTheEnd: the payload of a ping is made while the connection ends.
func TestNoAlarmAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, answer := make(chan struct{}), make(chan struct{})
		r := newRecorder(testSettings(func(s *Settings) {
			s.PingInterval, s.PongTimeout = time.Second, time.Hour
			s.PingPayload = func() []byte { close(asked); <-answer; return nil }
		}), &fakeWire{}, nil)
		r.idle()
		<-asked
		r.Abort(errors.New("over"))
		r.Finish()
		r.Linger()
		close(answer)
		synctest.Wait()
		k := &r.lane().clock
		k.mu.Lock()
		defer k.mu.Unlock()
		if r.alarmAt != 0 {
			t.Errorf("a connection that has ended has an alarm in %v", k.alarms[r.alarmAt-1].at-r.svc.now())
		}
	})
}
