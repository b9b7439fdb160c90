package wsserver_test

import (
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// with NotifyHandlers the handlers see a busy peer, in the usual order, and
// the server does not count it.
func TestNotifyHandlersSeeTheBusyPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		policy := banner.Policy{Mode: banner.UpgradeThenClose, TooBusy: "full", NotifyHandlers: true}
		var srv *wsserver.Server[*guest]
		var info client.CloseInfo
		d.connect = func(g *guest) error {
			if g.RawURI() != "/late" {
				return nil
			}
			_, found := srv.Client(g.ID())
			if srv.ClientCount() != 1 || srv.IsClient(g) || found {
				t.Errorf("%d clients, IsClient %v, found by id %v", srv.ClientCount(), srv.IsClient(g), found)
			}
			for c := range srv.Clients() {
				if c == g {
					t.Error("it is in Clients")
				}
			}
			if n := srv.Broadcast(client.Text("all")); n != 1 {
				t.Errorf("a broadcast goes to %d", n)
			}
			return g.SendText("from the handler")
		}
		d.disconnect = func(_ *guest, i client.CloseInfo) { info = i }
		srv = newServer(t, d, wsserver.Config{
			Banner: banner.Policy{MaxClients: 1, Mode: policy.Mode, TooBusy: policy.TooBusy, NotifyHandlers: true},
			Events: noted(&d.journal), Hooks: []wsserver.Hooks{hook(&d.journal, 1)},
		})
		l := serve(t, srv)
		clienttest.Dial(t, l, "/first")
		synctest.Wait()
		d.list = nil
		p := clienttest.Dial(t, l, "/late")
		for _, want := range []string{"from the handler", "full"} {
			if m := p.Receive(); string(m.Data) != want {
				t.Errorf("received %q, want %q", m.Data, want)
			}
		}
		if code := p.CloseCode(); code != client.StatusTryAgainLater {
			t.Errorf("closed with %v", code)
		}
		p.WaitEnd()
		synctest.Wait()
		d.want(t, "reject too busy 101", "new", "hook 1 create", "hook 1 connect", "connect",
			"disconnect 1013 try again later", "hook 1 disconnect 1013 try again later")
		if info.Remote || !is(client.ErrTooBusy)(info.Cause) {
			t.Errorf("the last event gets %v", info)
		}
		st := srv.Stats()
		if st.Connected != 1 || st.Disconnected != 0 || st.Busy != 0 {
			t.Errorf("connected %d, disconnected %d, busy %d", st.Connected, st.Disconnected, st.Busy)
		}
	})
}

// a busy peer whose handlers fail counts once, and gives everything back.
func TestBusyPeerWhoseHandlersFail(t *testing.T) {
	for _, tt := range spoilers {
		if tt.reason == wsserver.ReasonTimeout {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				d.newClient = func(r *client.OpenRequest) (*guest, error) {
					if r.RawURI == "/late" {
						return tt.do(d.guest())
					}
					return d.guest(), nil
				}
				d.connect = func(g *guest) error { used.Store(g); return nil }
				policy := banner.Policy{Mode: banner.UpgradeThenClose, NotifyHandlers: true}
				srv, l, _ := fullHouse(t, d, policy, wsserver.Events{})
				for range 3 {
					if _, res, err := clienttest.TryDial(t, l, "/late"); res == nil || res.StatusCode != tt.status {
						t.Fatalf("dialling = %v, want status %d", err, tt.status)
					}
				}
				synctest.Wait()
				st := srv.Stats()
				if st.Busy != 0 || wsserver.Places(srv) != 1 || d.count("connect") != 0 || d.count("disconnect") != 0 {
					t.Errorf("busy %d, places %d, events %v", st.Busy, wsserver.Places(srv), d.lines())
				}
				total := uint64(0)
				for _, n := range st.Refused {
					total += n
				}
				if total != 3 {
					t.Errorf("3 refusals are counted as %v", st.Refused)
				}
			})
		})
	}
}
