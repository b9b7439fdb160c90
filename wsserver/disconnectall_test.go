package wsserver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// a handler that calls Shutdown and then stays is not waited for for ever:
// the others end, its context is honoured, and Done waits for it.
func TestHandlerShutsDownAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, leave := &desk{}, make(chan struct{})
		d.message = func(g *guest, _ client.Message) error {
			if err := wsserver.ServerOf(g).Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown = %v", err)
			}
			<-leave
			return nil
		}
		srv := newServer(t, d, wsserver.Config{ShutdownTimeout: 7 * time.Second})
		l := serve(t, srv)
		stays := clienttest.Dial(t, l, "/")
		synctest.Wait()
		other := clienttest.Dial(t, l, "/")
		synctest.Wait()
		stays.SendText("x")
		if code := other.CloseCode(); code != client.StatusGoingAway {
			t.Errorf("the other is closed with %v", code)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case <-srv.Done():
			t.Error("Done although a handler runs")
		default:
		}
		d.want(t, "new", "connect", "new", "connect", "message x", "disconnect 1001 going away")
		close(leave)
		synctest.Wait()
		ended(t, srv)
		if d.count("disconnect") != 2 {
			t.Errorf("events are %v", d.lines())
		}
	})
}

// DisconnectAll waits for the last event of each client that was there, up
// to its context, and for nobody else.
func TestDisconnectAllWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.disconnect = func(*guest, client.CloseInfo) { time.Sleep(2 * time.Second); d.add("leave") }
		srv := newServer(t, d, wsserver.Config{CloseCode: 4010, CloseReason: "by default", Banner: banner.Policy{MaxClients: 9}})
		l := serve(t, srv)
		a, b := clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")
		synctest.Wait()
		for code, want := range map[client.StatusCode]error{1005: client.ErrBadCloseCode, 999: client.ErrBadCloseCode} {
			if err := srv.DisconnectAll(t.Context(), code, ""); !errors.Is(err, want) {
				t.Errorf("DisconnectAll with %d = %v", code, err)
			}
		}
		if err := srv.DisconnectAll(t.Context(), 1000, "\xff"); !errors.Is(err, client.ErrInvalidUTF8) || srv.ClientCount() != 2 {
			t.Errorf("DisconnectAll with a bad reason = %v, %d clients", err, srv.ClientCount())
		}
		if err := srv.DisconnectAll(t.Context(), 0, ""); err != nil {
			t.Errorf("DisconnectAll = %v", err)
		}
		if d.count("leave") != 2 {
			t.Error("it does not wait for the last events")
		}
		for _, p := range []*clienttest.Peer{a, b} {
			if e := p.ReceiveClose(); e.Code != 4010 || e.Reason != "by default" {
				t.Errorf("closed with %v", &e)
			}
		}
		mute := wstest.Open(raw(t, l), "/") // never answers the close frame
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := srv.DisconnectAll(ctx, 1000, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("DisconnectAll = %v, want its context's error", err)
		}
		mute.WantClose(1000)
		if !srv.Listening() {
			t.Error("the server does not listen any more")
		}
		if err := srv.DisconnectAll(t.Context(), 1000, ""); err != nil { // CloseTimeout ends it
			t.Errorf("DisconnectAll = %v", err)
		}
	})
}
