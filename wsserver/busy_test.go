package wsserver_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// fullHouse serves one place, which is taken.
func fullHouse(t *testing.T, d *desk, p banner.Policy, events wsserver.Events, hooks ...wsserver.Hooks) (*wsserver.Server[*guest], *clienttest.Listener, *clienttest.Peer) {
	t.Helper()
	p.MaxClients = 1
	srv := newServer(t, d, wsserver.Config{Banner: p, Events: events, Hooks: hooks})
	l := serve(t, srv)
	first := clienttest.Dial(t, l, "/first")
	first.SendText("x")
	if p.Welcome != "" {
		first.Receive()
	}
	first.Receive()
	d.list = nil
	return srv, l, first
}

// the 503, on the wire.
func TestTooBusyOverHTTP(t *testing.T) {
	for _, tt := range []struct {
		name       string
		policy     banner.Policy
		retryAfter string
		body       string
	}{
		{"defaults", banner.Policy{}, "30", "too many clients are connected, try again later"},
		{"own text", banner.Policy{TooBusy: "come back", RetryAfter: 90*time.Second + 1}, "91", "come back"},
		{"no header", banner.Policy{RetryAfter: -1}, "", "too many clients are connected, try again later"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var infos []wsserver.RejectInfo
				events := wsserver.Events{OnReject: func(i wsserver.RejectInfo) { infos = append(infos, i) }}
				srv, l, _ := fullHouse(t, d, tt.policy, events)
				res := raw(t, l).Request(wstest.Upgrade("/late"))
				if res.Status != http.StatusServiceUnavailable || res.Body != tt.body || res.Header.Get("Retry-After") != tt.retryAfter {
					t.Errorf("answer is %d %q, Retry-After %q", res.Status, res.Body, res.Header.Get("Retry-After"))
				}
				synctest.Wait()
				d.want(t) // no user code
				if len(infos) != 1 || infos[0].Reason != wsserver.ReasonTooBusy || infos[0].Status != 503 ||
					infos[0].Setting != "Banner.MaxClients" || infos[0].URI != "/late" || !infos[0].Remote.IsValid() {
					t.Errorf("OnReject gets %+v", infos)
				}
				if n := srv.Stats().Refused["too busy"]; n != 1 {
					t.Errorf("%d are counted", n)
				}
			})
		})
	}
}

// Drop says nothing at all.
func TestTooBusyDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		_, l, _ := fullHouse(t, d, banner.Policy{Mode: banner.Drop, TooBusy: "unheard"}, noted(&d.journal))
		p := raw(t, l)
		p.Write(wstest.Upgrade("/").Bytes())
		p.WantEnd()
		d.want(t, "reject too busy 0")
	})
}

// C-03: upgrade, text, close, without any user code; the peer is no
// client.
func TestTooBusyAfterUpgrade(t *testing.T) {
	for _, tt := range []struct {
		policy banner.Policy
		text   string
		code   client.StatusCode
	}{
		{banner.Policy{}, "", 1013},
		{banner.Policy{TooBusy: "full", Welcome: "never to the late", CloseCode: 4003}, "full", 4003},
	} {
		t.Run(strconv.Itoa(int(tt.code)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				tt.policy.Mode = banner.UpgradeThenClose
				srv, l, first := fullHouse(t, d, tt.policy, noted(&d.journal), hook(&d.journal, 1))
				p := wstest.Open(raw(t, l), "/") // never answers a close frame
				if tt.text != "" {
					p.WantText(tt.text)
				}
				if code, reason := p.ReadClose(); code != int(tt.code) || reason == "" {
					t.Errorf("closed with %d %q", code, reason)
				}
				synctest.Wait()
				st := srv.Stats()
				if st.Busy != 1 || st.Clients != 1 || srv.ClientCount() != 1 || wsserver.Places(srv) != 1 {
					t.Errorf("busy %d, clients %d, places %d while it is told; want 1 each", st.Busy, st.Clients, wsserver.Places(srv))
				}
				if n := srv.Broadcast(client.Text("all")); n != 1 {
					t.Errorf("a broadcast goes to %d", n)
				}
				p.Send(wstest.Text("ignored"))
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := srv.Stats().Busy; n != 0 {
					t.Errorf("busy %d after CloseTimeout", n)
				}
				d.want(t, "reject too busy 101")
				first.Receive()
			})
		})
	}
}

// peers that are told and do not leave are bounded; further ones are dropped.
func TestBusyPeersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		policy := banner.Policy{Mode: banner.UpgradeThenClose, TooBusy: "full"}
		srv, l, _ := fullHouse(t, d, policy, noted(&d.journal))
		const most, all = 256, 300
		var told, dropped int
		for range all {
			p := raw(t, l)
			p.Write(wstest.Upgrade("/").Bytes())
			buf := make([]byte, 12)
			if n, _ := p.Conn.Read(buf); n == 12 && string(buf) == "HTTP/1.1 101" {
				told++
			} else {
				dropped++
			}
		}
		if told != most || dropped != all-most || srv.Stats().Busy != most {
			t.Errorf("%d are told, %d dropped, busy %d", told, dropped, srv.Stats().Busy)
		}
		if d.count("reject too busy 101") != most || d.count("reject too busy 0") != all-most {
			t.Error("the status told does not agree")
		}
		if err := srv.Shutdown(t.Context()); err != nil { // they end with the server too
			t.Errorf("Shutdown = %v", err)
		}
		if n := srv.Stats().Busy; n != 0 {
			t.Errorf("busy %d at the end", n)
		}
	})
}
