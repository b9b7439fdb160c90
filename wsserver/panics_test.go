package wsserver_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// pingers is a class with every optional event, each of which panics.
type pingers struct{ plain }

func (*pingers) OnPing([]byte) error { panic("ping") }
func (*pingers) OnPong([]byte) error { panic("pong") }

// E-15: whatever user code panics, the server lives on and says so.
func TestServerSurvivesEveryPanic(t *testing.T) {
	oh := func() { panic("oh") }
	for _, tt := range []struct {
		name  string
		event string // in PanicInfo
		who   bool   // it has a client
		set   func(cfg *wsserver.Config, d *desk)
		start func(t *testing.T, srv *wsserver.Server[*guest], l *clienttest.Listener)
	}{
		{"NewClient", "NewClient", false, func(_ *wsserver.Config, d *desk) {
			d.newClient = func(*client.OpenRequest) (*guest, error) { oh(); return nil, nil }
		}, connects},
		{"NewName", "NewName", false, func(cfg *wsserver.Config, _ *desk) {
			cfg.NewName = func(*client.OpenRequest) string { oh(); return "" }
		}, connects},
		{"OnClientConnect", "OnClientConnect", true, func(_ *wsserver.Config, d *desk) {
			d.connect = func(*guest) error { oh(); return nil }
		}, connects},
		{"OnMessage", "OnMessage", true, func(_ *wsserver.Config, d *desk) {
			d.message = func(*guest, client.Message) error { oh(); return nil }
		}, connects},
		{"OnClientDisconnect", "OnClientDisconnect", true, func(_ *wsserver.Config, d *desk) {
			d.disconnect = func(*guest, client.CloseInfo) { oh() }
		}, connects},
		{"hook OnClientCreate", "OnClientCreate", true, func(cfg *wsserver.Config, _ *desk) {
			cfg.Hooks = []wsserver.Hooks{{OnClientCreate: func(client.Client, *client.OpenRequest) error { oh(); return nil }}}
		}, connects},
		{"hook OnClientConnect", "OnClientConnect", true, func(cfg *wsserver.Config, _ *desk) {
			cfg.Hooks = []wsserver.Hooks{{OnClientConnect: func(client.Client) error { oh(); return nil }}}
		}, connects},
		{"hook OnClientMessage", "OnMessage", true, func(cfg *wsserver.Config, _ *desk) {
			cfg.Hooks = []wsserver.Hooks{{OnClientMessage: func(client.Client, client.Message) error { oh(); return nil }}}
		}, connects},
		{"hook OnClientDisconnect", "Hooks.OnClientDisconnect", true, func(cfg *wsserver.Config, _ *desk) {
			cfg.Hooks = []wsserver.Hooks{{OnClientDisconnect: func(client.Client, client.CloseInfo) { oh() }}}
		}, connects},
		{"OnReject", "OnReject", false, func(cfg *wsserver.Config, _ *desk) {
			cfg.Events.OnReject = func(wsserver.RejectInfo) { oh() }
		}, func(t *testing.T, _ *wsserver.Server[*guest], l *clienttest.Listener) {
			_, res, _ := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Origin: "https://evil.example"})
			if res == nil || res.StatusCode != 403 {
				t.Errorf("the answer is %v", res)
			}
		}},
		{"OnChangeState", "OnChangeState", false, func(cfg *wsserver.Config, _ *desk) {
			cfg.Events.OnChangeState = func(wsserver.StateChange) { oh() }
		}, func(*testing.T, *wsserver.Server[*guest], *clienttest.Listener) {}},
		{"PingPayload", "PingPayload", false, func(cfg *wsserver.Config, _ *desk) {
			cfg.PingInterval = time.Second
			cfg.PingPayload = func() []byte { oh(); return nil }
		}, func(t *testing.T, _ *wsserver.Server[*guest], l *clienttest.Listener) {
			p := clienttest.Dial(t, l, "/")
			time.Sleep(time.Minute)
			p.SendText("still here")
			p.Receive()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var mu sync.Mutex // guards infos
				var infos []wsserver.PanicInfo
				var log logbook
				cfg := wsserver.Config{Logger: log.logger(), Events: wsserver.Events{
					OnBgException: func(p wsserver.PanicInfo) bool {
						mu.Lock()
						defer mu.Unlock()
						infos = append(infos, p)
						return false
					},
				}}
				tt.set(&cfg, d)
				srv := newServer(t, d, cfg)
				l := serve(t, srv)
				for range 3 {
					tt.start(t, srv, l)
				}
				synctest.Wait()
				if len(infos) == 0 || infos[0].Event != tt.event || infos[0].Value != "oh" || len(infos[0].Stack) == 0 || (infos[0].Client != nil) != tt.who {
					t.Errorf("OnBgException gets %d, first %+v", len(infos), infos)
				}
				if st := srv.Stats(); st.Panics != uint64(len(infos)) {
					t.Errorf("%d are counted, %d told", st.Panics, len(infos))
				}
				if n := len(log.lines("panic", "event="+tt.event, "value=oh", "stack=")); n != len(infos) {
					t.Errorf("%d lines of the log for %d panics", n, len(infos))
				}
				if d.count("connect") != d.count("disconnect")+srv.ClientCount() || wsserver.Places(srv) != srv.ClientCount() {
					t.Errorf("%d clients, %d places, events %v", srv.ClientCount(), wsserver.Places(srv), d.lines())
				}
				srv.Shutdown(t.Context())
				ended(t, srv)
			})
		})
	}
}

// connects lives a short life, as far as it comes.
func connects(t *testing.T, _ *wsserver.Server[*guest], l *clienttest.Listener) {
	p, _, err := clienttest.TryDial(t, l, "/")
	if err != nil {
		return
	}
	defer p.Drop()
	synctest.Wait()
	if _, err := p.NetConn().Write([]byte{0x81, 0x81, 0, 0, 0, 0, 'x'}); err == nil {
		p.TryReceive()
	}
}

// E-15: OnBgException may keep the client, fail itself, or not be there.
func TestOnBgExceptionDecides(t *testing.T) {
	for _, tt := range []struct {
		name  string
		event func(wsserver.PanicInfo) bool
		kept  bool
	}{
		{"not set", nil, false},
		{"keeps", func(wsserver.PanicInfo) bool { return true }, true},
		{"does not keep", func(wsserver.PanicInfo) bool { return false }, false},
		{"panics", func(wsserver.PanicInfo) bool { panic("again") }, false},
		{"ends the goroutine", func(wsserver.PanicInfo) bool { runtime.Goexit(); return true }, false},
	} {
		for _, where := range []string{"connect", "message"} {
			t.Run(tt.name+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, spoil := &desk{}, true
					fail := func() error {
						if spoil {
							spoil = false
							panic("oh")
						}
						return nil
					}
					if where == "connect" {
						d.connect = func(*guest) error { return fail() }
					} else {
						d.message = func(g *guest, m client.Message) error { return errors.Join(fail(), g.Send(m)) }
					}
					srv := newServer(t, d, wsserver.Config{Events: wsserver.Events{OnBgException: tt.event}})
					p := clienttest.Dial(t, serve(t, srv), "/")
					if where == "message" {
						p.SendText("first")
					}
					synctest.Wait()
					if !tt.kept {
						if code := p.CloseCode(); code != client.StatusInternalError {
							t.Errorf("closed with %v", code)
						}
						synctest.Wait()
						if d.count("disconnect") != 1 {
							t.Errorf("events are %v", d.lines())
						}
						return
					}
					p.SendText("second")
					if m := p.Receive(); string(m.Data) != "second" {
						t.Errorf("received %q", m.Data)
					}
				})
			})
		}
	}
}

// E-15: the optional events of a class.
func TestPanicInPingAndPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServerOf(t, wsserver.Class[pingers](), wsserver.Config{})
		l := serve(t, srv)
		for _, frame := range [][]byte{{0x89, 0x80, 0, 0, 0, 0}, {0x8a, 0x80, 0, 0, 0, 0}} {
			p := clienttest.Dial(t, l, "/")
			p.NetConn().Write(frame)
			if code := p.CloseCode(); code != client.StatusInternalError {
				t.Errorf("closed with %v", code)
			}
		}
		if n := srv.Stats().Panics; n != 2 {
			t.Errorf("%d panics", n)
		}
	})
}

// E-15: a filter belongs to the caller: it panics there, and breaks nothing.
func TestPanicInAFilterIsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		bad := func(client.Client) bool { panic("filter") }
		d.message = func(g *guest, m client.Message) error { wsserver.ServerOf(g).Broadcast(m, bad); return nil }
		srv := newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		a, b := clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")
		synctest.Wait()
		func() {
			defer func() {
				if v := recover(); v != "filter" {
					t.Errorf("recovered %v", v)
				}
			}()
			srv.Broadcast(client.Text("x"), bad)
		}()
		a.SendText("x")
		if code := a.CloseCode(); code != client.StatusInternalError {
			t.Errorf("closed with %v", code)
		}
		synctest.Wait()
		if n := srv.Broadcast(client.Text("fine")); n != 1 {
			t.Errorf("a broadcast goes to %d", n)
		}
		if m := b.Receive(); string(m.Data) != "fine" {
			t.Errorf("received %q", m.Data)
		}
	})
}
