package wsserver_test

import (
	"crypto/tls"
	"errors"
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

// hook writes every event of Hooks number n into the journal.
func hook(j *journal, n int) wsserver.Hooks {
	name := "hook " + strconv.Itoa(n) + " "
	return wsserver.Hooks{
		OnClientCreate:     func(client.Client, *client.OpenRequest) error { j.add(name + "create"); return nil },
		OnClientConnect:    func(client.Client) error { j.add(name + "connect"); return nil },
		OnClientMessage:    func(_ client.Client, m client.Message) error { j.add(name + string(m.Data)); return nil },
		OnClientDisconnect: func(_ client.Client, i client.CloseInfo) { j.add(name + "disconnect " + i.Code.String()) },
	}
}

// E-01, E-02, E-03, A-04; they cover E-04, E-06, E-07, E-08, E-09.
func TestLifeHasItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		cfg := wsserver.Config{
			Banner:  banner.Policy{Welcome: "welcome", MaxClients: 1},
			NewName: func(r *client.OpenRequest) string { d.add("name"); return "n" + strconv.FormatUint(r.ID, 10) },
			Hooks:   []wsserver.Hooks{hook(&d.journal, 1), {}, hook(&d.journal, 2)},
		}
		srv := newServer(t, d, cfg)
		p := clienttest.Dial(t, serve(t, srv), "/")
		if m := p.Receive(); string(m.Data) != "welcome" {
			t.Errorf("first message is %q, want the banner", m.Data)
		}
		p.SendText("one")
		p.SendText("two")
		p.Receive()
		p.Receive()
		p.Close(client.StatusNormalClosure, "")
		if code := p.CloseCode(); code != client.StatusNormalClosure {
			t.Errorf("answer to the close frame is %v", code)
		}
		synctest.Wait()
		d.want(t, "name", "new", "hook 1 create", "hook 2 create",
			"hook 1 connect", "hook 2 connect", "connect",
			"hook 1 one", "hook 2 one", "message one", "hook 1 two", "hook 2 two", "message two",
			"disconnect 1000 normal closure", "hook 2 disconnect 1000 normal closure", "hook 1 disconnect 1000 normal closure")
		if n := srv.ClientCount(); n != 0 {
			t.Errorf("ClientCount = %d after the end", n)
		}
	})
}

// E-01: nothing is sent and nobody is a client before the 101; E-02: then it is.
// E-03: at the last event it is no longer. A-12, C-04: the id is that of the
// request, and IsClient says so.
func TestWhatHoldsInEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var srv *wsserver.Server[*guest]
		check := func(event string, g *guest, connected, listed bool, sendErr error) {
			t.Helper()
			if g.Connected() != connected || srv.IsClient(g) != listed {
				t.Errorf("%s: Connected %v, IsClient %v; want %v, %v", event, g.Connected(), srv.IsClient(g), connected, listed)
			}
			if err := g.SendText(event); !errors.Is(err, sendErr) {
				t.Errorf("%s: Send = %v, want %v", event, err, sendErr)
			}
		}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			g := d.guest()
			check("new", g, false, false, client.ErrClosed)
			if g.ID() != 0 {
				t.Errorf("new: ID = %d before the client belongs to the server", g.ID())
			}
			return g, nil
		}
		d.connect = func(g *guest) error { check("connect", g, true, true, nil); return nil }
		d.disconnect = func(g *guest, _ client.CloseInfo) {
			check("disconnect", g, false, false, client.ErrClosed)
			if !g.Closing() || g.Close(0, "") == nil || g.Context().Err() == nil {
				t.Error("disconnect: the client looks open")
			}
		}
		create := func(c client.Client, r *client.OpenRequest) error {
			check("create", c.(*guest), false, false, client.ErrClosed)
			if c.ID() != r.ID || c.ID() == 0 || c.UUID() != r.UUID {
				t.Errorf("create: the client is %d %v, the request %d %v", c.ID(), c.UUID(), r.ID, r.UUID)
			}
			if err := c.Close(1000, ""); !errors.Is(err, client.ErrClosed) {
				t.Errorf("create: Close = %v", err)
			}
			return nil
		}
		srv = newServer(t, d, wsserver.Config{Hooks: []wsserver.Hooks{{OnClientCreate: create}}})
		p := clienttest.Dial(t, serve(t, srv), "/")
		if m := p.Receive(); string(m.Data) != "connect" {
			t.Errorf("received %q", m.Data)
		}
		p.Drop()
		synctest.Wait()
		d.want(t, "new", "connect", "disconnect 1006 connection lost")
	})
}

// A-06, E-01: what has been called when a handshake is refused on its way.
func TestRefusalEndsTheOrder(t *testing.T) {
	no := &client.RejectError{Status: http.StatusTeapot}
	for _, tt := range []struct {
		name   string
		spoil  func(d *desk, hooks []wsserver.Hooks)
		status int
		want   []string
	}{
		{"NewClient returns an error", func(d *desk, _ []wsserver.Hooks) {
			d.newClient = func(*client.OpenRequest) (*guest, error) { return nil, no }
		}, 418, []string{"new", "reject rejected 418"}},
		{"NewClient panics", func(d *desk, _ []wsserver.Hooks) {
			d.newClient = func(*client.OpenRequest) (*guest, error) { panic("no") }
		}, 500, []string{"new", "panic NewClient", "reject failed 500"}},
		{"first hook returns an error", func(_ *desk, hooks []wsserver.Hooks) {
			hooks[0].OnClientCreate = func(client.Client, *client.OpenRequest) error { return no }
		}, 418, []string{"new", "reject rejected 418"}},
		{"second hook panics", func(_ *desk, hooks []wsserver.Hooks) {
			hooks[1].OnClientCreate = func(client.Client, *client.OpenRequest) error { panic("no") }
		}, 500, []string{"new", "hook 1 create", "panic OnClientCreate", "reject failed 500"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				hooks := []wsserver.Hooks{hook(&d.journal, 1), hook(&d.journal, 2)}
				tt.spoil(d, hooks)
				srv := newServer(t, d, wsserver.Config{Hooks: hooks, Events: noted(&d.journal)})
				_, res, err := clienttest.TryDial(t, serve(t, srv), "/")
				if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != tt.status {
					t.Fatalf("dialling = %v, want status %d", err, tt.status)
				}
				synctest.Wait()
				d.want(t, tt.want...)
			})
		})
	}
}

// noted writes refusals and panics into the journal.
func noted(j *journal) wsserver.Events {
	return wsserver.Events{
		OnReject: func(i wsserver.RejectInfo) { j.add("reject " + i.Reason.String() + " " + strconv.Itoa(i.Status)) },
		OnBgException: func(p wsserver.PanicInfo) bool {
			j.add("panic " + p.Event)
			return false
		},
	}
}

// E-02, A-25: what comes right behind the handshake, or in pieces with it, is not
// lost, and waits for OnClientConnect.
func TestDataBehindTheHandshake(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	for _, tt := range []struct {
		name   string
		secure bool
		piece  int
	}{{"plain", false, 1 << 20}, {"TLS", true, 1 << 20}, {"plain in bytes", false, 1}, {"TLS in bytes", true, 1}, {"in odd pieces", false, 7}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				d.connect = func(*guest) error { time.Sleep(time.Second); d.add("connected"); return nil }
				srv := newServer(t, d, wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
				l := clienttest.NewListener()
				method := srv.Serve
				if tt.secure {
					method = srv.ServeTLS
				}
				serveOn(t, srv, l, method)
				p := raw(t, l)
				if tt.secure {
					p = p.OverTLS(&tls.Config{RootCAs: ca.Pool(), ServerName: "server.example"})
				}
				frames := p.Encode(wstest.Text("one"), wstest.Text("two").Open(), wstest.Continuation([]byte("!")), wstest.Close(1000, ""))
				p.WriteChopped(append(wstest.Upgrade("/").Bytes(), frames...), tt.piece)
				p.ReadUpgraded()
				p.WantText("one")
				p.WantText("two!")
				p.WantClose(1000)
				p.Conn.Close()
				synctest.Wait()
				d.want(t, "new", "connect", "connected", "message one", "message two!", "disconnect 1000 normal closure")
			})
		})
	}
}

// E-02, E-03: a hook that fails ends the others' turn, and each that was called
// is told the end.
func TestFailingHookIsTheLastToConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		hooks := []wsserver.Hooks{hook(&d.journal, 1), hook(&d.journal, 2), hook(&d.journal, 3)}
		hooks[1].OnClientConnect = func(client.Client) error { return &client.CloseError{Code: 4000, Reason: "full"} }
		srv := newServer(t, d, wsserver.Config{Hooks: hooks, Banner: banner.Policy{Welcome: "never seen"}})
		p := clienttest.Dial(t, serve(t, srv), "/")
		if e := p.ReceiveClose(); e.Code != 4000 || e.Reason != "full" {
			t.Errorf("closed with %v", &e)
		}
		if got := p.Received(); len(got) != 0 {
			t.Errorf("%d messages before the close frame", len(got))
		}
		p.WaitEnd()
		synctest.Wait()
		d.want(t, "new", "hook 1 create", "hook 2 create", "hook 3 create", "hook 1 connect",
			"hook 2 disconnect 4000", "hook 1 disconnect 4000")
	})
}
