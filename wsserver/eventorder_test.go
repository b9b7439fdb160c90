package wsserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// watching has a line for each event of wsserver.Events: what it notes beside its name. An
// event that is new gets one here, and its places in the lists of the tests below.
var watching = map[string]func(e *wsserver.Events, note func(detail ...any)){
	"OnChangeState": func(e *wsserver.Events, note func(...any)) {
		e.OnChangeState = func(c wsserver.StateChange) {
			note(map[bool]string{true: "server", false: "listener"}[c.Index < 0], c.To)
		}
	},
	"OnAcceptFilter": func(e *wsserver.Events, note func(...any)) {
		e.OnAcceptFilter = func(wsserver.AcceptInfo) bool { note(); return true }
	},
	"OnConnectionRequest": func(e *wsserver.Events, note func(...any)) {
		e.OnConnectionRequest = func(*wsserver.ConnectionRequest) { note() }
	},
	"OnDrain": func(e *wsserver.Events, note func(...any)) {
		e.OnDrain = func(i wsserver.DrainInfo) { note(map[bool]string{true: "over", false: "goes on"}[i.Over]) }
	},
	"OnReject": func(e *wsserver.Events, note func(...any)) {
		e.OnReject = func(i wsserver.RejectInfo) { note(i.Reason, i.Status) }
	},
	"OnError": func(e *wsserver.Events, note func(...any)) {
		e.OnError = func(err *wsserver.ServerError) { note(err.Op) }
	},
	"OnSent": func(e *wsserver.Events, note func(...any)) {
		e.OnSent = func(i wsserver.SentInfo) { note(i.Opcode) }
	},
	"OnTLSHello": func(e *wsserver.Events, note func(...any)) {
		e.OnTLSHello = func(*tls.ClientHelloInfo) (*tls.Config, error) { note(); return nil, nil }
	},
	"OnTLSStatus": func(e *wsserver.Events, note func(...any)) {
		e.OnTLSStatus = func(s wsserver.TLSStatus) { note(s.Phase) }
	},
	"OnTLSClientAuth": func(e *wsserver.Events, note func(...any)) {
		e.OnTLSClientAuth = func(a *hosts.ClientAuth) { a.Accept = true; note() }
	},
	"OnNewCert": func(e *wsserver.Events, note func(...any)) {
		e.OnNewCert = func(h *hosts.Entry, _ hosts.CertStatus) { note(h.Tag()) }
	},
	"OnBgException": func(e *wsserver.Events, note func(...any)) {
		e.OnBgException = func(p wsserver.PanicInfo) bool { note(p.Event); return false }
	},
}

// hooked is the same for each of wsserver.Hooks.
var hooked = map[string]func(h *wsserver.Hooks, note func(detail ...any)){
	"OnClientCreate": func(h *wsserver.Hooks, note func(...any)) {
		h.OnClientCreate = func(client.Client, *client.OpenRequest) error { note(); return nil }
	},
	"OnClientConnect": func(h *wsserver.Hooks, note func(...any)) {
		h.OnClientConnect = func(client.Client) error { note(); return nil }
	},
	"OnClientMessage": func(h *wsserver.Hooks, note func(...any)) {
		h.OnClientMessage = func(client.Client, client.Message) error { note(); return nil }
	},
	"OnClientFragment": func(h *wsserver.Hooks, note func(...any)) {
		h.OnClientFragment = func(client.Client, client.Fragment) error { note(); return nil }
	},
	"OnClientDisconnect": func(h *wsserver.Hooks, note func(...any)) {
		h.OnClientDisconnect = func(client.Client, client.CloseInfo) { note() }
	},
}

// Nothing is left out of what the tests below watch.
func TestEveryEventIsWatched(t *testing.T) {
	for _, tt := range []struct {
		what any
		has  func(string) bool
	}{
		{wsserver.Events{}, func(n string) bool { return watching[n] != nil }},
		{wsserver.Hooks{}, func(n string) bool { return hooked[n] != nil }},
	} {
		v := reflect.TypeOf(tt.what)
		for i := range v.NumField() {
			if n := v.Field(i).Name; !tt.has(n) {
				t.Errorf("%v.%s is not watching", v, n)
			}
		}
	}
}

// scene is a factory that notes everything that is called in the life of its clients, in
// order, and who has called it.
type scene struct {
	journal
	fail  map[string]error // what an event returns, by name
	panic string           // the event that panics
	loop  told             // all events of clients have to run there; without one elsewhere

	whereMu   sync.Mutex // guards the following
	elsewhere []string   // events that ran where they should not
}

// ofClients are the events that run on a loop.
func ofClients(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "1st "), "2nd ")
	return slices.Contains([]string{
		"OnClientConnect", "OnClientMessage", "OnClientFragment", "OnClientDisconnect",
		"OnMessage", "OnFragment", "OnPing", "OnPong", "OnReadyToSend", "OnDropped",
	}, name)
}

// note writes an event down, once if it comes several times in a row, and does what the
// test wants of it.
func (s *scene) note(name string, detail ...any) error {
	line := strings.TrimSuffix(fmt.Sprintln(append([]any{name}, detail...)...), "\n")
	if list := s.lines(); len(list) == 0 || list[len(list)-1] != line {
		s.add(line)
	}
	if on := goroutine() == s.loop.on; on != ofClients(name) && s.loop.Loop != nil && name != "OnBgException" && name != "OnSent" {
		s.whereMu.Lock()
		s.elsewhere = append(s.elsewhere, line)
		s.whereMu.Unlock()
	}
	if name == s.panic {
		panic("oh")
	}
	return s.fail[name]
}

func (s *scene) NewClient(*client.OpenRequest) (*actor, error) {
	if err := s.note("NewClient"); err != nil {
		return nil, err
	}
	return &actor{scene: s}, nil
}

func (s *scene) OnClientConnect(*actor) error { return s.note("OnClientConnect") }

func (s *scene) OnClientDisconnect(_ *actor, i client.CloseInfo) {
	_ = s.note("OnClientDisconnect", i.Code.String())
}

// actor is a class with every event but OnFragment.
type actor struct {
	client.Base
	scene *scene
}

// OnMessage answers; to "fill" with more than the queue takes.
func (a *actor) OnMessage(m client.Message) error {
	err := a.scene.note("OnMessage", string(m.Data))
	switch {
	case err != nil:
		return err
	case string(m.Data) == "fill":
		for a.SendBinary(make([]byte, 30_000)) == nil {
		}
		time.Sleep(time.Second)
		return nil
	case string(m.Data) == "abort":
		a.Abort()
	case string(m.Data) == "error":
		return &client.CloseError{Code: 4002}
	case string(m.Data) == "close":
		return a.Close(4000, "")
	}
	return a.SendText("answer")
}

func (a *actor) OnPing(p []byte) error       { return a.scene.note("OnPing") }
func (a *actor) OnPong(p []byte) error       { return a.scene.note("OnPong") }
func (a *actor) OnReadyToSend() error        { return a.scene.note("OnReadyToSend") }
func (a *actor) OnDropped(client.Drop) error { return a.scene.note("OnDropped") }

// carver is an actor whose messages come in pieces.
type carver struct{ actor }

func (c *carver) OnFragment(client.Fragment) error { return c.scene.note("OnFragment") }

// carvers is the factory of carvers of a scene.
func (s *scene) carvers() wsserver.Factory[*carver] {
	return wsserver.Factory[*carver]{
		New: func(r *client.OpenRequest) (*carver, error) {
			_, err := s.NewClient(r)
			return &carver{actor{scene: s}}, err
		},
		Connect:    func(*carver) error { return s.OnClientConnect(nil) },
		Disconnect: func(_ *carver, i client.CloseInfo) { s.OnClientDisconnect(nil, i) },
	}
}

// ender are the ways to end a server.
type ender interface {
	Shutdown(context.Context) error
	Close() error
	Abort() error
}

// scenario is what peers do with a server.
type scenario func(t *testing.T, srv ender, l *clienttest.Listener)

// anything is wanted by who compares himself.
const anything = "anything"

// play runs a server with everything watched, which do visits, and compares what has
// happened since it began to serve. It serves TLS if it has hosts.
func play[T client.Client](t *testing.T, s *scene, f wsserver.ClientFactory[T], cfg wsserver.Config, do scenario, want ...string) {
	t.Helper()
	for name, set := range watching {
		set(&cfg.Events, func(detail ...any) { _ = s.note(name, detail...) })
	}
	s.refuse(&cfg.Events)
	cfg.Hooks = nil
	for _, n := range []string{"1st ", "2nd "} {
		var h wsserver.Hooks
		for name, set := range hooked {
			set(&h, func(detail ...any) { _ = s.note(n+name, detail...) })
		}
		cfg.Hooks = append(cfg.Hooks, h)
	}
	cfg.NewName = func(*client.OpenRequest) string { _ = s.note("NewName"); return "" }
	cfg.PingInterval = -1
	srv := newServerOf(t, f, cfg)
	l := clienttest.NewListener()
	method := srv.Serve
	if len(cfg.Hosts) > 0 {
		method = srv.ServeTLS
	}
	serveOn(t, srv, l, method)
	do(t, srv, l)
	synctest.Wait()
	s.pongFirst()
	if len(want) != 1 || want[0] != anything {
		s.want(t, append([]string{"OnChangeState listener listening", "OnChangeState server listening"}, want...)...)
	}
	if len(s.elsewhere) > 0 {
		t.Errorf("these run where they should not: %q", s.elsewhere)
	}
}

// refuse has the two events at the door say no, if the test wants it.
func (s *scene) refuse(e *wsserver.Events) {
	if filter := e.OnAcceptFilter; s.fail["OnAcceptFilter"] != nil {
		e.OnAcceptFilter = func(i wsserver.AcceptInfo) bool { return !filter(i) }
	}
	if ask := e.OnConnectionRequest; s.fail["OnConnectionRequest"] != nil {
		e.OnConnectionRequest = func(r *wsserver.ConnectionRequest) { ask(r); r.Accept = false }
	}
}

// pongFirst notes the pong before OnPing if there is a loop: the reader writes it, so
// either may be first.
func (s *scene) pongFirst() {
	s.mu.Lock()
	defer s.mu.Unlock()
	pong, ping := slices.Index(s.list, "OnSent 10"), slices.Index(s.list, "OnPing")
	if s.loop.Loop != nil && pong > ping && ping >= 0 {
		s.list = slices.Insert(slices.Delete(s.list, pong, pong+1), ping, "OnSent 10")
	}
}

// onAndOff runs a test in a bubble without a loop and with one.
func onAndOff(t *testing.T, test func(t *testing.T, s *scene, loop client.Loop)) {
	t.Helper()
	t.Run("no loop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, &scene{}, nil) })
	})
	t.Run("loop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := tell(t, run(t, pump.Options{}))
			test(t, &scene{loop: l}, l.Loop)
		})
	})
}

// theHost is a host a.example that asks for client certificates, and another one.
func theHosts(t *testing.T) []hosts.Host {
	t.Helper()
	_, list := twoHosts(t)
	list[0].ClientAuth = hosts.ClientCertOptional
	return list
}

var upgrade = wstest.Upgrade("/").Replace("Host: a.example")

// The parts of the order.
var (
	accepted  = []string{"OnAcceptFilter", "OnConnectionRequest"}
	atTheDoor = order(accepted, "OnTLSStatus start", "OnTLSStatus hello", "OnTLSHello", "OnTLSClientAuth", "OnTLSStatus done")
	made      = []string{"NewName", "NewClient", "1st OnClientCreate", "2nd OnClientCreate"}
	connected = []string{"1st OnClientConnect", "2nd OnClientConnect", "OnClientConnect"}
	heard     = []string{"1st OnClientMessage", "2nd OnClientMessage"}
	windingUp = []string{"OnChangeState server closing", "OnChangeState listener closing", "OnChangeState listener closed", "OnChangeState server closed"}
)

// gone is the end of a client.
func gone(code client.StatusCode) []string {
	return []string{"OnClientDisconnect " + code.String(), "2nd OnClientDisconnect", "1st OnClientDisconnect"}
}

// order joins parts, which are strings and lists.
func order(parts ...any) (all []string) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}

// E-01 to E-04, E-06, E-10, E-26 to E-30: the whole life of a server and of a client over
// TLS: all that is told, in its order. With a loop pings are answered while it is busy.
func TestOrderOfANormalLife(t *testing.T) {
	list := theHosts(t)
	onAndOff(t, func(t *testing.T, s *scene, loop client.Loop) {
		cfg := wsserver.Config{Pump: loop, Hosts: list, Banner: banner.Policy{Welcome: "welcome"}}
		ping := order("OnPing", "OnSent 10")
		if loop != nil {
			slices.Reverse(ping)
		}
		play(t, s, s, cfg, func(t *testing.T, srv ender, l *clienttest.Listener) {
			p := rawTLS(t, l, "a.example")
			p.Upgrade(upgrade)
			p.WantText("welcome")
			synctest.Wait() // a frame may be here before OnSent has told of it
			p.Send(wstest.Text("hello"))
			p.WantText("answer")
			synctest.Wait()
			p.Send(wstest.Ping(nil))
			p.WantPong(nil)
			synctest.Wait()
			p.Send(wstest.Pong(nil))
			synctest.Wait()
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
			synctest.Wait()
			p.Conn.Close()
			synctest.Wait()
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}, order(atTheDoor, made, connected, "OnSent 1", heard, "OnMessage hello", "OnSent 1", ping, "OnPong",
			"OnSent 8", gone(1000), windingUp)...)
	})
}

// E-01, E-02, A-06: a refusal ends the order where it happens, and OnReject comes last.
func TestOrderOfRefusals(t *testing.T) {
	list := theHosts(t)
	ask := func(r wstest.Request) scenario {
		return func(t *testing.T, _ ender, l *clienttest.Listener) { rawTLS(t, l, "a.example").Request(r) }
	}
	unheard := func(t *testing.T, _ ender, l *clienttest.Listener) { _, _ = raw(t, l).NextFrame() }
	second := func(t *testing.T, _ ender, l *clienttest.Listener) {
		rawTLS(t, l, "a.example").Upgrade(upgrade)
		synctest.Wait()
		rawTLS(t, l, "a.example").Request(upgrade)
	}
	for _, tt := range []struct {
		name string
		cfg  wsserver.Config
		fail map[string]error
		do   scenario
		want []string
	}{
		{"no TLS", wsserver.Config{}, nil, func(t *testing.T, _ ender, l *clienttest.Listener) {
			raw(t, l).Request(upgrade)
		}, order(accepted, "OnTLSStatus start", "OnTLSStatus failed", "OnReject tls 400")},
		{"TLS that is too old", wsserver.Config{}, nil, func(t *testing.T, _ ender, l *clienttest.Listener) {
			_, _ = look(t, l, &tls.Config{ServerName: "a.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		}, order(atTheDoor[:5], "OnTLSStatus failed", "OnReject tls 0")},
		{"bad request", wsserver.Config{}, nil, ask(upgrade.Replace("Sec-WebSocket-Key: no")), order(atTheDoor, "OnReject bad request 400")},
		{"two hosts", wsserver.Config{}, nil, ask(upgrade.Replace("Host: x.b.example")), order(atTheDoor, "OnReject misdirected 421")},
		{"origin", wsserver.Config{}, nil, ask(upgrade.With("Origin: https://else.example")), order(atTheDoor, "OnReject origin 403")},
		{"too many clients", wsserver.Config{Banner: banner.Policy{MaxClients: 1}}, nil, second,
			order(atTheDoor, made, connected, atTheDoor, "OnReject too busy 503")},
		{"too many clients, who are told so", wsserver.Config{Banner: banner.Policy{MaxClients: 1, TooBusy: "busy", Mode: banner.UpgradeThenClose, NotifyHandlers: true}}, nil,
			func(t *testing.T, _ ender, l *clienttest.Listener) {
				rawTLS(t, l, "a.example").Upgrade(upgrade)
				synctest.Wait()
				p := rawTLS(t, l, "a.example")
				p.Upgrade(upgrade)
				p.WantText("busy")
				p.WantClose(1013)
				synctest.Wait()
				p.Conn.Close()
			}, order(atTheDoor, made, connected, atTheDoor, "OnReject too busy 101", made, connected, "OnSent 1", "OnSent 8", gone(1013))},
		{"filter", wsserver.Config{}, map[string]error{"OnAcceptFilter": errors.New("no")}, unheard, order(accepted[:1], "OnReject filter 0")},
		{"list", wsserver.Config{DeniedClients: []string{"127.0.0.1"}}, nil, unheard, order(accepted[:1], "OnReject denied 0")},
		{"connection request", wsserver.Config{}, map[string]error{"OnConnectionRequest": errors.New("no")}, unheard, order(accepted, "OnReject filter 0")},
		{"NewClient", wsserver.Config{}, map[string]error{"NewClient": &client.RejectError{Status: http.StatusTeapot}}, ask(upgrade),
			order(atTheDoor, made[:2], "OnReject rejected 418")},
		{"NewClient fails", wsserver.Config{}, map[string]error{"NewClient": errors.New("no database")}, ask(upgrade),
			order(atTheDoor, made[:2], "OnError handshake", "OnReject failed 500")},
		{"shutdown", wsserver.Config{}, nil, func(t *testing.T, srv ender, l *clienttest.Listener) {
			p := rawTLS(t, l, "a.example")
			p.Write([]byte("GET / HTTP/1.1\r\n"))
			synctest.Wait()
			go srv.Shutdown(t.Context())
			p.ReadResponse()
			p.Conn.Close()
		}, order(atTheDoor, windingUp[:3], "OnReject shutdown 503", windingUp[3])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onAndOff(t, func(t *testing.T, s *scene, loop client.Loop) {
				s.fail = tt.fail
				tt.cfg.Pump, tt.cfg.Hosts = loop, list
				play(t, s, s, tt.cfg, tt.do, tt.want...)
			})
		})
	}
}

// E-03, E-05, X-01 to: whoever ends a connection, and however: OnClientDisconnect
// is the last event of the class, and the hooks follow.
func TestOrderOfEnds(t *testing.T) {
	open := func(then func(p *wstest.Peer), more ...func(srv ender) error) scenario {
		return func(t *testing.T, srv ender, l *clienttest.Listener) {
			p := raw(t, l)
			p.Upgrade(wstest.Upgrade("/"))
			synctest.Wait()
			go then(p)
			for _, f := range more {
				if err := f(srv); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(30 * time.Second)
			p.Conn.Close()
		}
	}
	say := func(frames ...wstest.Frame) func(p *wstest.Peer) {
		return func(p *wstest.Peer) { p.Send(frames...); go drained(p) }
	}
	for _, tt := range []struct {
		name string
		cfg  wsserver.Config
		do   scenario
		want []string
	}{
		{"the peer closes", wsserver.Config{}, open(say(wstest.Close(4001, ""))), order("OnSent 8", gone(4001))},
		{"the peer is lost", wsserver.Config{}, open(func(p *wstest.Peer) { p.Conn.Close() }), gone(1006)},
		{"the peer breaks a rule", wsserver.Config{}, open(say(wstest.Frame{Op: 3})), order("OnSent 8", gone(1002))},
		{"Close in an event", wsserver.Config{}, open(say(wstest.Text("close"), wstest.Close(4000, ""))), order(heard, "OnMessage close", "OnSent 8", gone(4000))},
		{"Abort in an event", wsserver.Config{}, open(say(wstest.Text("abort"))), order(heard, "OnMessage abort", gone(1006))},
		{"error in an event", wsserver.Config{}, open(say(wstest.Text("error"), wstest.Close(4002, ""))), order(heard, "OnMessage error", "OnSent 8", gone(4002))},
		{"a slow peer", tight(), func(t *testing.T, srv ender, l *clienttest.Listener) {
			l.SetBuffer(5000)
			open(func(p *wstest.Peer) {
				p.Send(wstest.Text("fill"))
				time.Sleep(500 * time.Millisecond)
				go drained(p)
			})(t, srv, l)
		}, order(heard, "OnMessage fill", "OnSent 2", "OnDropped", "OnReadyToSend", gone(1006))},
		{"Shutdown", wsserver.Config{}, open(func(p *wstest.Peer) { p.WantClose(1001); time.Sleep(time.Millisecond); p.Send(wstest.Close(1001, "")) },
			func(srv ender) error { return srv.Shutdown(context.Background()) }), order(windingUp[:3], "OnSent 8", gone(1001), windingUp[3])},
		{"Shutdown with a window", wsserver.Config{Drain: wsserver.Drain{Window: time.Second}}, open(func(p *wstest.Peer) { p.WantClose(1001); time.Sleep(time.Millisecond); p.Send(wstest.Close(1001, "")) },
			func(srv ender) error { return srv.Shutdown(context.Background()) }),
			order(windingUp[:3], "OnDrain goes on", "OnSent 8", gone(1001), "OnDrain over", windingUp[3])},
		{"Server.Close", wsserver.Config{}, open(func(p *wstest.Peer) { p.WantClose(1001) }, ender.Close), order(windingUp[:3], "OnSent 8", gone(1001), windingUp[3])},
		{"Server.Abort", wsserver.Config{}, open(func(*wstest.Peer) {}, ender.Abort), order(windingUp[:3], gone(1006), windingUp[3])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onAndOff(t, func(t *testing.T, s *scene, loop client.Loop) {
				tt.cfg.Pump = loop
				play(t, s, s, tt.cfg, tt.do, order(accepted, made, connected, tt.want)...)
			})
		})
	}
}

// everything does a bit of all, as far as it gets, and then ends the server.
func everything(t *testing.T, srv ender, l *clienttest.Listener) {
	l.SetBuffer(5000)
	conn, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, &tls.Config{ServerName: "a.example", InsecureSkipVerify: true})
	if secure.HandshakeContext(t.Context()) == nil {
		_, _ = secure.Write(upgrade.Bytes())
		synctest.Wait()
		p := wstest.Wrap(t, secure)
		send := func(list ...wstest.Frame) {
			for _, f := range list {
				_, _ = secure.Write(p.Encode(f))
				synctest.Wait()
			}
		}
		send(wstest.Text("hello"), wstest.Ping(nil), wstest.Pong(nil), wstest.Text("fill"))
		go func() { _, _ = io.Copy(io.Discard, secure) }()
		time.Sleep(2 * time.Second)
		send(wstest.Close(1000, ""))
		time.Sleep(time.Minute)
	}
	conn.Close()
	synctest.Wait()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// E-15: a panic in any event is told once, right behind it; it ends at most its client,
// and what was called has its end.
func TestOrderOfPanics(t *testing.T) {
	list := theHosts(t)
	panics := func(name string) string { return "OnBgException " + name }
	var (
		busy   = order(heard, "OnMessage fill", "OnSent 2")
		good   = order("OnDropped", "OnReadyToSend", "OnSent 8", gone(1000), windingUp)
		failed = order("OnSent 8", gone(1011), windingUp)
	)
	for _, tt := range []struct {
		event string // where it panics
		want  func(ping []string) []string
	}{
		{"OnAcceptFilter", func([]string) []string {
			return order(accepted[:1], panics("OnAcceptFilter"), "OnReject filter 0", windingUp)
		}},
		{"OnConnectionRequest", func([]string) []string {
			return order(accepted, panics("OnConnectionRequest"), "OnReject filter 0", windingUp)
		}},
		{"OnTLSHello", func([]string) []string {
			return order(atTheDoor[:5], panics("OnTLSHello"), "OnTLSStatus failed", "OnReject tls 0", windingUp)
		}},
		{"OnTLSClientAuth", func([]string) []string {
			return order(atTheDoor[:6], panics("OnTLSClientAuth"), "OnTLSStatus failed", "OnReject tls 0", windingUp)
		}},
		{"NewClient", func([]string) []string {
			return order(atTheDoor, made[:2], panics("NewClient"), "OnReject failed 500", windingUp)
		}},
		{"1st OnClientCreate", func([]string) []string {
			return order(atTheDoor, made[:3], panics("OnClientCreate"), "OnReject failed 500", windingUp)
		}},
		{"NewName", func(ping []string) []string {
			return order(atTheDoor, made[:1], panics("NewName"), made[1:], connected, heard, "OnMessage hello", "OnSent 1", ping, "OnPong", busy, good)
		}},
		{"2nd OnClientConnect", func([]string) []string {
			return order(atTheDoor, made, connected[:2], panics("OnClientConnect"), "OnSent 8", gone(1011)[1:], windingUp)
		}},
		{"OnClientConnect", func([]string) []string {
			return order(atTheDoor, made, connected, panics("OnClientConnect"), failed)
		}},
		{"1st OnClientMessage", func([]string) []string {
			return order(atTheDoor, made, connected, heard[:1], panics("OnMessage"), failed)
		}},
		{"OnMessage", func([]string) []string {
			return order(atTheDoor, made, connected, heard, "OnMessage hello", panics("OnMessage"), failed)
		}},
		{"2nd OnClientFragment", func([]string) []string {
			return order(atTheDoor, made, connected, "1st OnClientFragment", "2nd OnClientFragment", panics("OnFragment"), failed)
		}},
		{"OnFragment", func([]string) []string {
			return order(atTheDoor, made, connected, "1st OnClientFragment", "2nd OnClientFragment", "OnFragment", panics("OnFragment"), failed)
		}},
		{"OnPing", func(ping []string) []string {
			i := slices.Index(ping, "OnPing") + 1
			return order(atTheDoor, made, connected, heard, "OnMessage hello", "OnSent 1", ping[:i], panics("OnPing"), ping[i:], failed)
		}},
		{"OnPong", func(ping []string) []string {
			return order(atTheDoor, made, connected, heard, "OnMessage hello", "OnSent 1", ping, "OnPong", panics("OnPong"), failed)
		}},
		{"OnDropped", func(ping []string) []string {
			return order(atTheDoor, made, connected, heard, "OnMessage hello", "OnSent 1", ping, "OnPong", busy,
				"OnDropped", panics("OnDropped"), failed)
		}},
		{"OnReadyToSend", func(ping []string) []string {
			return order(atTheDoor, made, connected, heard, "OnMessage hello", "OnSent 1", ping, "OnPong", busy,
				"OnDropped", "OnReadyToSend", panics("OnReadyToSend"), failed)
		}},
		{"OnClientDisconnect", func(ping []string) []string {
			return order(atTheDoor, made, connected, heard, "OnMessage hello", "OnSent 1", ping, "OnPong", busy,
				good[:4], panics("OnClientDisconnect"), good[4:])
		}},
		{"2nd OnClientDisconnect", func(ping []string) []string {
			return order(atTheDoor, made, connected, heard, "OnMessage hello", "OnSent 1", ping, "OnPong", busy,
				good[:5], panics("Hooks.OnClientDisconnect"), good[5:])
		}},
	} {
		t.Run(tt.event, func(t *testing.T) {
			onAndOff(t, func(t *testing.T, s *scene, loop client.Loop) {
				s.panic = tt.event
				cfg := tight()
				cfg.Pump, cfg.Hosts = loop, list
				ping := order("OnPing", "OnSent 10")
				if loop != nil {
					slices.Reverse(ping)
				}
				if strings.HasSuffix(tt.event, "Fragment") {
					play(t, s, s.carvers(), cfg, everything, tt.want(ping)...)
				} else {
					play(t, s, s, cfg, everything, tt.want(ping)...)
				}
			})
		})
	}
}

// E-15: the same for the events that only tell: nothing changes but that the panic is told.
func TestPanicsOfWhatOnlyTellsChangeNothing(t *testing.T) {
	list := theHosts(t)
	for _, event := range []string{"OnTLSStatus", "OnReject", "OnChangeState", "OnSent"} {
		t.Run(event, func(t *testing.T) {
			var calm, upset scene
			for _, s := range []*scene{&calm, &upset} {
				if s == &upset {
					s.panic = event
				}
				synctest.Test(t, func(t *testing.T) {
					play(t, s, s, wsserver.Config{Hosts: list, Banner: banner.Policy{Welcome: "welcome"}}, func(t *testing.T, srv ender, l *clienttest.Listener) {
						rawTLS(t, l, "a.example").Request(upgrade.Replace("Sec-WebSocket-Key: no"))
						everything(t, srv, l)
					}, anything)
				})
			}
			told := 0
			rest := slices.DeleteFunc(upset.lines(), func(s string) bool {
				if s == "OnBgException "+event {
					told++
					return true
				}
				return false
			})
			if !slices.Equal(slices.Compact(rest), slices.Compact(calm.lines())) || told == 0 {
				t.Errorf("with %d panics it goes\n%q, without\n%q", told, rest, calm.lines())
			}
		})
	}
}
