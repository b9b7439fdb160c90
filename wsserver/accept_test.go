package wsserver_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// failing is a listener whose Accept fails when a test wants it to.
type failing struct {
	*clienttest.Listener
	errs chan error

	mu    sync.Mutex // guards times
	times []time.Time
}

func newFailing() *failing {
	return &failing{Listener: clienttest.NewListener(), errs: make(chan error, 100)}
}

// fail makes the next Accept return err; one that waits already waits no longer.
func (l *failing) fail(err error) {
	l.errs <- err
	if c, err := l.Dial(context.Background()); err == nil {
		c.Close()
	}
}

func (l *failing) Accept() (net.Conn, error) {
	l.mu.Lock()
	l.times = append(l.times, time.Now())
	l.mu.Unlock()
	select {
	case err := <-l.errs:
		return nil, err
	default:
	}
	c, err := l.Listener.Accept()
	select {
	case e := <-l.errs:
		if c != nil {
			c.Close()
		}
		return nil, e
	default:
	}
	return c, err
}

// tooMany is what accept says while there are no descriptors.
func tooMany() error {
	return &net.OpError{Op: "accept", Net: "tcp", Err: &net.DNSError{Err: syscall.EMFILE.Error(), IsTemporary: true}}
}

// E-12 with E-13, O-03: errors that pass are told and waited out, each time a bit longer up
// to a second; clients do not notice.
func TestAcceptErrorsThatPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var log logbook
		var errs []*wsserver.ServerError
		srv := newServer(t, d, wsserver.Config{Logger: log.logger(), Events: wsserver.Events{
			OnError: func(e *wsserver.ServerError) { errs = append(errs, e) },
		}})
		l := newFailing()
		serveOn(t, srv, l, srv.Serve)
		old := clienttest.Dial(t, l.Listener, "/")
		synctest.Wait()
		l.times = nil
		const failures = 12
		for range failures - 1 {
			l.errs <- tooMany()
		}
		l.fail(tooMany())
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(errs) != failures || errs[0].Op != "accept" || errs[0].Binding != l.Addr().String() {
			t.Fatalf("OnError is called %d times, first with %+v", len(errs), errs[:1])
		}
		if last, ok := errors.AsType[*wsserver.ServerError](srv.LastError()); !ok || last != errs[failures-1] {
			t.Errorf("LastError = %v", srv.LastError())
		}
		if n := len(log.lines("server error", "op=accept")); n != failures || srv.Stats().Errors != failures {
			t.Errorf("%d lines of the log, %d counted", n, srv.Stats().Errors)
		}
		delay := time.Duration(0)
		for i := 1; i < len(l.times); i++ {
			gap := l.times[i].Sub(l.times[i-1])
			if gap < delay || gap > time.Second || i > 1 && gap == 0 {
				t.Errorf("pause %d is %v after one of %v", i, gap, delay)
			}
			delay = gap
		}
		if delay != time.Second {
			t.Errorf("the last pause is %v", delay)
		}
		old.SendText("still here")
		old.Receive()
		clienttest.Dial(t, l.Listener, "/")
	})
}

// E-12: the pause begins anew after a success, and ends with the server.
func TestAcceptPauseEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{})
		l, done := newFailing(), make(chan error, 1)
		go func() { done <- srv.Serve(l) }()
		for range 20 {
			l.errs <- tooMany()
		}
		time.Sleep(3 * time.Second)
		start := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if err := <-done; !errors.Is(err, wsserver.ErrServerClosed) {
			t.Errorf("Serve = %v", err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the end waits %v for the pause", waited)
		}
	})
}

// E-12, O-03: an error that does not pass ends the accept loop of Listen too; it
// goes to OnError, as nobody waits for it, and Listen forgets it.
func TestLastErrorIsForgottenByListen(t *testing.T) {
	var j journal
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", Events: wsserver.Events{
		OnError: func(e *wsserver.ServerError) { j.add(e.Error()); panic("in the event") },
	}})
	if srv.LastError() != nil {
		t.Errorf("LastError = %v at first", srv.LastError())
	}
	l := newFailing()
	serveOn(t, srv, l, srv.Serve)
	l.fail(tooMany())
	eventually(t, "an error", func() bool { return srv.LastError() != nil })
	if !errors.Is(srv.LastError(), errors.Unwrap(srv.LastError())) {
		t.Error("the error hides its cause")
	}
	open(t, srv)
	if err := srv.LastError(); err != nil {
		t.Errorf("LastError = %v after Listen", err)
	}
	eventually(t, "the event", func() bool { return j.count("wsserver: accept on "+l.Addr().String()) == 1 })
}

// nobody is lost in silence: a connection that was accepted just when its listener
// stops is a refusal.
func TestAcceptedTooLateIsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var infos []wsserver.RejectInfo
		srv := newServer(t, &desk{}, wsserver.Config{
			MaxPending: 1, HandshakeTimeout: time.Hour,
			Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { infos = append(infos, i) }},
		})
		first, second := serve(t, srv), serve(t, srv)
		raw(t, first)
		synctest.Wait() // it has the only slot
		late := raw(t, second)
		synctest.Wait()
		if st := srv.Stats(); st.Accepted != 2 || st.Pending != 1 {
			t.Fatalf("%d are accepted, %d in handshake", st.Accepted, st.Pending)
		}
		if err := srv.StopListening(); err != nil {
			t.Error(err)
		}
		late.WantEnd()
		synctest.Wait()
		if n := srv.Stats().Refused["shutdown"]; n != 1 || len(infos) != 1 || infos[0].Status != 0 || !infos[0].Remote.IsValid() {
			t.Errorf("%d are counted, told is %+v", n, infos)
		}
	})
}
