package wsserver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// X-12, O-25: Shutdown closes with 1001, waits for the last event of each, and
// then Done is closed.
func TestShutdownWaitsForLastEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.disconnect = func(_ *guest, i client.CloseInfo) {
			time.Sleep(3 * time.Second)
			if i.Remote || !errors.Is(i.Cause, client.ErrServerShutdown) {
				t.Errorf("the last event gets %v", i)
			}
			d.add("leave")
		}
		srv := newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		var peers []*clienttest.Peer
		for range 10 {
			peers = append(peers, clienttest.Dial(t, l, "/"))
		}
		synctest.Wait()
		again := make(chan error, 3)
		for range cap(again) { // more than one may wait
			go func() { again <- srv.Shutdown(context.Background()) }()
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		select {
		case <-srv.Done():
		default:
			t.Error("Shutdown returns before Done")
		}
		for range cap(again) {
			if err := <-again; err != nil {
				t.Errorf("another Shutdown = %v", err)
			}
		}
		srv.Wait()
		if d.count("leave") != 10 || srv.ClientCount() != 0 || srv.State() != wsserver.StateClosed {
			t.Errorf("%d last events, %d clients, state %v", d.count("leave"), srv.ClientCount(), srv.State())
		}
		for _, p := range peers {
			if code := p.CloseCode(); code != client.StatusGoingAway {
				t.Errorf("closed with %v", code)
			}
			if err := p.WaitEnd(); err != nil {
				t.Errorf("the connection ends with %v", err)
			}
		}
		for _, call := range []func() error{srv.Close, srv.Abort, srv.StopListening} {
			if err := call(); err != nil {
				t.Errorf("after the end: %v", err)
			}
		}
	})
}

// peers that do not answer the close frame are given CloseTimeout; when the
// context ends first they are aborted, and its error is the result.
func TestShutdownIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit time.Duration
		want  error
		after time.Duration
	}{
		{"by CloseTimeout", time.Minute, nil, 5 * time.Second},
		{"by its context", 2 * time.Second, context.DeadlineExceeded, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				srv := newServer(t, d, wsserver.Config{})
				l := serve(t, srv)
				wstest.Open(raw(t, l), "/")
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()
				start := time.Now()
				if err := srv.Shutdown(ctx); !errors.Is(err, tt.want) {
					t.Errorf("Shutdown = %v, want %v", err, tt.want)
				}
				if took := time.Since(start); took != tt.after {
					t.Errorf("it takes %v, want %v", took, tt.after)
				}
				ended(t, srv)
				if d.count("disconnect 1001") != 1 {
					t.Errorf("events are %v", d.lines())
				}
			})
		})
	}
}

// a handler that never returns costs the context's time; the others end in
// order, and Done waits for it.
func TestShutdownWithAHandlerThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, leave := &desk{}, make(chan struct{})
		d.message = func(*guest, client.Message) error { <-leave; return nil }
		srv := newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		stuck, fine := clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")
		stuck.SendText("x")
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("enough"))
		defer cancel()
		if err := srv.Shutdown(ctx); err == nil || err.Error() != "enough" {
			t.Errorf("Shutdown = %v, want the cause of its context", err)
		}
		if code := fine.CloseCode(); code != client.StatusGoingAway || d.count("disconnect") != 1 {
			t.Errorf("the other client: %v, events %v", code, d.lines())
		}
		if err := srv.Close(); !errors.Is(err, context.DeadlineExceeded) { // ShutdownTimeout
			t.Errorf("Close = %v", err)
		}
		close(leave)
		ended(t, srv)
		if d.count("disconnect") != 2 {
			t.Errorf("events are %v", d.lines())
		}
	})
}

// Close sends 1001 and does not wait for the answer; the last event comes
// once for each, and Close waits for that.
func TestCloseIsAtOnce(t *testing.T) { onDrivers(t, testCloseIsAtOnce) }

func testCloseIsAtOnce(t *testing.T) {
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", CloseTimeout: time.Hour})
	addr := open(t, srv)
	var peers []*wstest.Peer
	for range 5 {
		peers = append(peers, wstest.Open(wstest.DialTCP(t, addr), "/"))
	}
	eventually(t, "five clients", func() bool { return srv.ClientCount() == 5 })
	if err := srv.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if d.count("disconnect 1001") != 5 || srv.ClientCount() != 0 {
		t.Errorf("events are %v", d.lines())
	}
	for _, p := range peers {
		p.WantClose(1001)
	}
	ended(t, srv)
}
