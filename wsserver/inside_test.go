package wsserver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// enders are the calls that wait for clients to end, except inside of an event.
var enders = []struct {
	name string
	do   func(srv *wsserver.Server[*guest]) error
	code client.StatusCode // what an open client's peer gets
	ends bool              // the server
}{
	{"Shutdown", func(s *wsserver.Server[*guest]) error { return s.Shutdown(context.Background()) }, 1001, true},
	{"Close", func(s *wsserver.Server[*guest]) error { return s.Close() }, 1001, true},
	{"Abort", func(s *wsserver.Server[*guest]) error { return s.Abort() }, 1006, true},
	{"DisconnectAll", func(s *wsserver.Server[*guest]) error {
		return s.DisconnectAll(context.Background(), 4005, "all out")
	}, 4005, false},
}

// places are where user code runs, each with what starts it after one client is
// connected.
var places = []struct {
	name  string
	set   func(cfg *wsserver.Config, d *desk, do func())
	start func(t *testing.T, l *clienttest.Listener, open *clienttest.Peer)
}{
	{"NewClient", func(_ *wsserver.Config, d *desk, do func()) {
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			if r.RawURI == "/go" {
				do()
			}
			return d.guest(), nil
		}
	}, dialGo},
	{"NewName", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.NewName = func(r *client.OpenRequest) string {
			if r.RawURI == "/go" {
				do()
			}
			return ""
		}
	}, dialGo},
	{"Hooks.OnClientCreate", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.Hooks = []wsserver.Hooks{{OnClientCreate: func(_ client.Client, r *client.OpenRequest) error {
			if r.RawURI == "/go" {
				do()
			}
			return nil
		}}}
	}, dialGo},
	{"Hooks.OnClientConnect", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.Hooks = []wsserver.Hooks{{OnClientConnect: func(c client.Client) error {
			if c.Info().URI == "/go" {
				do()
			}
			return nil
		}}}
	}, dialGo},
	{"OnClientConnect", func(_ *wsserver.Config, d *desk, do func()) {
		d.connect = func(g *guest) error {
			if g.RawURI() == "/go" {
				do()
			}
			return nil
		}
	}, dialGo},
	{"OnMessage", func(_ *wsserver.Config, d *desk, do func()) {
		d.message = func(*guest, client.Message) error { do(); return nil }
	}, func(_ *testing.T, _ *clienttest.Listener, p *clienttest.Peer) { p.SendText("go") }},
	{"Hooks.OnClientMessage", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.Hooks = []wsserver.Hooks{{OnClientMessage: func(client.Client, client.Message) error { do(); return nil }}}
	}, func(_ *testing.T, _ *clienttest.Listener, p *clienttest.Peer) { p.SendText("go") }},
	{"OnClientDisconnect", func(_ *wsserver.Config, d *desk, do func()) {
		d.disconnect = func(g *guest, _ client.CloseInfo) {
			if g.RawURI() == "/go" {
				do()
			}
		}
	}, dropGo},
	{"Hooks.OnClientDisconnect", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.Hooks = []wsserver.Hooks{{OnClientDisconnect: func(c client.Client, _ client.CloseInfo) {
			if c.Info().URI == "/go" {
				do()
			}
		}}}
	}, dropGo},
	{"OnReject", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.Events.OnReject = func(i wsserver.RejectInfo) {
			if i.Reason == wsserver.ReasonOrigin {
				do()
			}
		}
	}, func(t *testing.T, l *clienttest.Listener, _ *clienttest.Peer) {
		clienttest.TryDial(t, l, "/", clienttest.DialOptions{Origin: "https://evil.example"})
	}},
	{"PingPayload", func(cfg *wsserver.Config, _ *desk, do func()) {
		cfg.PingInterval = time.Second
		cfg.PingPayload = func() []byte { do(); return nil }
	}, func(*testing.T, *clienttest.Listener, *clienttest.Peer) { time.Sleep(2 * time.Second) }},
	{"OnBgException", func(cfg *wsserver.Config, d *desk, do func()) {
		d.message = func(*guest, client.Message) error { panic("go") }
		cfg.Events.OnBgException = func(wsserver.PanicInfo) bool { do(); return true }
	}, func(_ *testing.T, _ *clienttest.Listener, p *clienttest.Peer) { p.SendText("go") }},
}

func dialGo(t *testing.T, l *clienttest.Listener, _ *clienttest.Peer) {
	clienttest.TryDial(t, l, "/go")
}

func dropGo(t *testing.T, l *clienttest.Listener, _ *clienttest.Peer) {
	if p, _, err := clienttest.TryDial(t, l, "/go"); err == nil {
		p.Drop()
	}
}

// E-03, O-25: called in an event they begin the work and return at
// once; every client ends, with its last event, and the server does.
func TestEndingFromInsideOfAnEvent(t *testing.T) {
	for _, at := range places {
		for _, end := range enders {
			t.Run(end.name+" in "+at.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{}
					var srv *wsserver.Server[*guest]
					called := 0
					cfg := wsserver.Config{}
					at.set(&cfg, d, func() {
						called++
						start := time.Now()
						if err := end.do(srv); err != nil {
							t.Errorf("%s = %v", end.name, err)
						}
						if d := time.Since(start); d != 0 {
							t.Errorf("it takes %v", d)
						}
					})
					srv = newServer(t, d, cfg)
					l := serve(t, srv)
					open := clienttest.Dial(t, l, "/")
					synctest.Wait()
					at.start(t, l, open)
					if code := open.CloseCode(); code != end.code {
						t.Errorf("the peer gets %v, want %v", code, end.code)
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					if called == 0 || d.count("connect")-d.count("disconnect") != srv.ClientCount() {
						t.Errorf("called %d times, %d clients left, events %v", called, srv.ClientCount(), d.lines())
					}
					if !end.ends {
						clienttest.Dial(t, l, "/") // new clients are welcome
						return
					}
					if n := srv.ClientCount(); n != 0 {
						t.Errorf("%d clients are left", n)
					}
					select {
					case <-srv.Done():
						srv.Wait()
					default:
						t.Error("the server does not end")
					}
				})
			})
		}
	}
}
