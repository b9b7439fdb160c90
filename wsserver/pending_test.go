package wsserver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// a peer that does not read its answer holds nothing up for long: neither a
// refusal, nor the 101 of a client, which WriteTimeout ends.
func TestPeersThatDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{MaxPending: 1, WriteTimeout: 3 * time.Second, Banner: banner.Policy{MaxClients: 1}})
		l := serve(t, srv)
		l.SetBuffer(20)
		raw(t, l).Write(line("POST / HTTP/1.1").Bytes())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st := srv.Stats(); st.Pending != 0 || st.Refused["bad request"] != 1 {
			t.Errorf("after a refusal: %+v", st)
		}
		raw(t, l).Write(wstest.Upgrade("/").Bytes())
		time.Sleep(time.Second)
		synctest.Wait()
		if wsserver.Places(srv) != 1 {
			t.Error("the client has no place")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := wsserver.Places(srv); n != 0 {
			t.Errorf("%d places are taken", n)
		}
		d.want(t, "new", "connect", "disconnect 1006 connection lost")
	})
}

// OnReject holds up the answer to its own peer only.
func TestOnRejectHoldsUpOnePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Events: wsserver.Events{OnReject: func(wsserver.RejectInfo) { time.Sleep(time.Minute) }}})
		l := serve(t, srv)
		p := raw(t, l)
		p.Write(line("POST / HTTP/1.1").Bytes())
		synctest.Wait()
		start := time.Now()
		clienttest.Dial(t, l, "/")
		if waited := time.Since(start); waited != 0 {
			t.Errorf("another peer waits %v", waited)
		}
		p.Timeout = time.Hour
		if res := p.ReadResponse(); res.Status != 405 {
			t.Errorf("status %d", res.Status)
		}
	})
}

// MaxPending bounds what is in handshake; the next one waits for its
// turn, and loses no time of its own.
func TestMaxPendingBoundsHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{MaxPending: 3})
		l := serve(t, srv)
		for range 3 {
			raw(t, l)
		}
		synctest.Wait()
		if n := srv.Stats().Pending; n != 3 {
			t.Errorf("%d are in handshake, want 3", n)
		}
		start := time.Now()
		waiting := raw(t, l)
		waiting.Timeout = time.Hour
		whole := wstest.Upgrade("/").Bytes()
		waiting.Write(whole[:20])
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := srv.Stats().Pending; n != 3 {
			t.Errorf("%d are in handshake, want 3", n)
		}
		time.Sleep(12 * time.Second) // the three have timed out, the fourth has its own time
		waiting.Write(whole[20:])
		waiting.ReadUpgraded()
		if waited := time.Since(start); waited != 17*time.Second {
			t.Errorf("the fourth is answered after %v", waited)
		}
		synctest.Wait()
		d.want(t, "new", "connect")
	})
}

// A-02, O-22: a raised limit lets those in who wait in the kernel; a lowered one leaves those
// in handshake alone.
func TestMaxPendingChangesWhileConnectionsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{MaxPending: 2})
		l := serve(t, srv)
		for range 6 {
			raw(t, l)
		}
		for _, tt := range []struct{ most, want int }{{2, 2}, {4, 6}, {1, 6}} {
			if err := srv.Update(t.Context(), func(c *wsserver.Config) { c.MaxPending = tt.most }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := srv.Stats().Pending; n != tt.want {
				t.Errorf("with %d: %d are in handshake, want %d", tt.most, n, tt.want)
			}
		}
		time.Sleep(time.Minute)
		for range 3 {
			raw(t, l)
		}
		synctest.Wait()
		if n := srv.Stats().Pending; n != 1 {
			t.Errorf("%d are in handshake, want 1", n)
		}
	})
}

// listeners share MaxPending, and none of them keeps another waiting by
// having nothing to do.
func TestIdleListenersTakeNothingOfMaxPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{MaxPending: 1})
		var ls []*clienttest.Listener
		for range 3 {
			l := clienttest.NewListener()
			done := make(chan struct{})
			go func() { defer close(done); srv.Serve(l) }()
			t.Cleanup(func() { l.Close(); <-done })
			ls = append(ls, l)
		}
		synctest.Wait()
		for range 2 {
			for _, l := range ls {
				clienttest.Dial(t, l, "/")
			}
		}
	})
}

// clients and connections that were refused take no place in MaxPending.
func TestPendingIsOverWithTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{MaxPending: 1})
		l := serve(t, srv)
		for range 5 {
			clienttest.Dial(t, l, "/")
			p := raw(t, l)
			if res := p.Request(line("POST / HTTP/1.1")); res.Status != 405 {
				t.Errorf("status %d", res.Status)
			}
			p.Conn.Close()
			raw(t, l).Conn.Close()
		}
		synctest.Wait()
		if st := srv.Stats(); st.Pending != 0 || st.Clients != 5 || st.Accepted != 15 {
			t.Errorf("the figures are %+v", st)
		}
	})
}
