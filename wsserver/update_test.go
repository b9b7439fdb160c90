package wsserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// change updates srv and wants no error.
func change(t testing.TB, srv *wsserver.Server[*guest], f func(*wsserver.Config)) {
	t.Helper()
	if err := srv.Update(context.Background(), f); err != nil {
		t.Fatalf("Update = %v", err)
	}
}

// O-22: what Update changes holds for what comes from then on, and the clients that are
// connected stay as they are.
func TestUpdateHoldsFromThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{
			Banner: banner.Policy{Welcome: "old"}, MaxMessageSize: 10, CloseCode: 1000, PingInterval: -1,
			HTTP: page("old"), SubProtocols: []string{"old"},
		})
		l := serve(t, srv)
		old := wstest.Open(raw(t, l), "/")
		old.WantText("old")
		change(t, srv, func(c *wsserver.Config) {
			c.Banner = banner.Policy{Welcome: "new", MaxClients: 2}
			c.AllowedOrigins = []string{"https://page.example"}
			c.SubProtocols = []string{"new"}
			c.MaxMessageSize, c.CloseCode, c.CloseReason = 5, 4000, "new"
			c.PingInterval = time.Second
			c.NewName = func(*client.OpenRequest) string { return "named" }
			c.MaxHeaderBytes = 1000
			c.HandshakeTimeout = 2 * time.Second
			c.HTTP = page("new")
			c.Compression = client.Compression{Mode: client.CompressionMessage}
		})
		p := raw(t, l)
		res := p.Upgrade(wstest.Upgrade("/").With("Origin: https://page.example", "Sec-WebSocket-Protocol: old, new", "Sec-WebSocket-Extensions: permessage-deflate"))
		if res.Header.Get("Sec-WebSocket-Protocol") != "new" || res.Header.Get("Sec-WebSocket-Extensions") == "" {
			t.Errorf("answer is %+v", res)
		}
		p.WantText("new")
		for request, status := range map[*wstest.Request]int{
			ptr(wstest.Upgrade("/").With("Origin: http://server.example")): 403,
			ptr(wstest.Upgrade("/")):                                  503, // two clients are connected
			ptr(get("/"+strings.Repeat("x", 1000), "server.example")): 431,
		} {
			if res := raw(t, l).Request(*request); res.Status != status {
				t.Errorf("answer is %+v, want %d", res, status)
			}
		}
		if res := raw(t, l).Request(get("/", "server.example")); !strings.HasPrefix(res.Body, "new") {
			t.Errorf("the page is %q", res.Body)
		}
		old.Send(wstest.Text("12345678"))
		old.WantText("12345678")
		p.Send(wstest.Text("12345678"))
		p.WantClose(1009)
		start := time.Now()
		silent := raw(t, l)
		silent.Timeout = time.Minute
		silent.Write([]byte("GET"))
		if res := silent.ReadResponse(); res.Status != 408 || time.Since(start) != 2*time.Second {
			t.Errorf("answer is %+v after %v", res, time.Since(start))
		}
		synctest.Wait()
		for c := range srv.Clients() {
			no(t, c.Close(0, ""))
		}
		old.WantClose(1000)
	})
}

func ptr[V any](v V) *V { return &v }

// A-01, O-22: limits of all, of hosts and SetMaxClients agree; a lowered one drops nobody.
func TestUpdateChangesLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{
			PingInterval: -1,
			Hosts:        []hosts.Host{{Tag: "a", Names: []string{"a.example"}}, {Tag: "b", Names: []string{"b.example"}}, {Tag: "off", Names: []string{"off.example"}, Disabled: true}},
		})
		l := serve(t, srv)
		status := func(host string) int { return raw(t, l).Request(wstest.Upgrade("/").Replace("Host: " + host)).Status }
		for range 2 {
			status("a.example")
		}
		change(t, srv, func(c *wsserver.Config) { c.BannerByHost = map[string]banner.Policy{"a": {MaxClients: 2}} })
		if a, b := status("a.example"), status("b.example"); a != 503 || b != 101 { // those from before count
			t.Errorf("answers are %d, %d", a, b)
		}
		no(t, srv.SetMaxClients(4))
		if c := srv.Config(); c.Banner.MaxClients != 4 || c.BannerByHost["a"].MaxClients != 2 {
			t.Errorf("the configuration has %+v, %+v", c.Banner, c.BannerByHost)
		}
		change(t, srv, func(c *wsserver.Config) { c.Banner.TooBusy = "full" }) // the limit stays
		if status("b.example") != 101 || status("b.example") != 503 {
			t.Error("the limit of SetMaxClients is lost")
		}
		change(t, srv, func(c *wsserver.Config) { c.Banner.MaxClients, c.BannerByHost = 1, nil })
		synctest.Wait()
		if n := srv.ClientCount(); n != 4 || status("a.example") != 503 {
			t.Errorf("%d clients", n)
		}
		change(t, srv, func(c *wsserver.Config) { c.Banner.MaxClients = 0 })
		if status("a.example") != 101 {
			t.Error("the limit is not gone")
		}
	})
}

// O-22, A-08: rules of addresses come, change and go; who is connected stays and counts.
func TestUpdateChangesRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{PingInterval: -1})
		l := serve(t, srv)
		before := wstest.Open(from(t, l, "192.0.2.1"), "/")
		change(t, srv, func(c *wsserver.Config) { c.DeniedClients, c.MaxPerIP = []string{"192.0.2.1"}, 1 })
		shut(t, from(t, l, "192.0.2.1"))
		chat(t, before)
		other := wstest.Open(from(t, l, "192.0.2.2"), "/")
		change(t, srv, func(c *wsserver.Config) { c.DeniedClients = append(c.DeniedClients, "192.0.2.3") })
		shut(t, from(t, l, "192.0.2.2"))
		shut(t, from(t, l, "192.0.2.3"))
		change(t, srv, func(c *wsserver.Config) {
			c.DeniedClients, c.TrustedProxies, c.ClientIPHeader = nil, []string{proxyAddr}, "X-Real-IP"
		})
		if res := from(t, l, proxyAddr).Request(wstest.Upgrade("/").With("X-Real-IP: 192.0.2.2")); res.Status != 429 {
			t.Errorf("answer is %+v", res)
		}
		change(t, srv, func(c *wsserver.Config) { c.TrustedProxies, c.ClientIPHeader, c.MaxPerIP = nil, "", 0 })
		wstest.Open(from(t, l, "192.0.2.2"), "/")
		chat(t, other)
	})
}

// O-22: an error names each field, and nothing has changed then, also not of the rules.
func TestUpdateChangesAllOrNothing(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{
		MaxPerIP: 7, Banner: banner.Policy{MaxClients: 5}, Hosts: []hosts.Host{{Tag: "a", Names: []string{"a.example"}, HTTP: page("a")}},
		PingPayload: func() []byte { return nil },
	})
	before := srv.Config()
	good := func(c *wsserver.Config) { // and something that would work
		c.Banner.MaxClients, c.MaxPerIP, c.BannerByHost = 9, 9, map[string]banner.Policy{"a": {MaxClients: 9}}
	}
	for field, f := range map[string]func(*wsserver.Config){
		"InBufferSize":           func(c *wsserver.Config) { c.InBufferSize = 9000 },
		"Hosts":                  func(c *wsserver.Config) { c.Hosts[0].Names[0] = "b.example" },
		"Events":                 func(c *wsserver.Config) { c.Events.OnError = func(*wsserver.ServerError) {} },
		"Hooks":                  func(c *wsserver.Config) { c.Hooks = []wsserver.Hooks{{}} },
		"TLS":                    func(c *wsserver.Config) { c.TLS = &tls.Config{} },
		"Driver":                 func(c *wsserver.Config) { c.Driver = wsserver.DriverGoroutine + c.Driver },
		"PingInterval":           nil, // live, for the sake of the next line
		"BannerByHost[\"b\"]":    func(c *wsserver.Config) { c.BannerByHost["b"] = banner.Policy{} },
		"AllowedOrigins":         func(c *wsserver.Config) { c.AllowedOrigins = []string{"ws://x"} },
		"SubProtocols":           func(c *wsserver.Config) { c.SubProtocols = []string{"a b"} },
		"DeniedClients":          func(c *wsserver.Config) { c.DeniedClients = []string{"nonsense!"} },
		"MaxPerIP":               func(c *wsserver.Config) { c.MaxPerIP = -1 },
		"ClientIPHeader":         func(c *wsserver.Config) { c.ClientIPHeader = "Forwarded" },
		"MaxMessageSize":         func(c *wsserver.Config) { c.MaxMessageSize = -1 },
		"MaxHeaderBytes":         func(c *wsserver.Config) { c.MaxHeaderBytes = -1 },
		"Banner":                 func(c *wsserver.Config) { c.Banner.MaxClients = -1 },
		"SendQueue.MaxBytes":     func(c *wsserver.Config) { c.SendQueue.MaxBytes = -1 },
		`MaxClientsByBinding[x]`: nil,
	} {
		if f == nil {
			continue
		}
		err := srv.Update(t.Context(), func(c *wsserver.Config) { good(c); f(c) })
		e, ok := errors.AsType[*wsserver.ConfigError](err)
		if !ok || e.Field != field {
			t.Errorf("Update = %v, want an error of %s", err, field)
		}
		if live := wsserver.LiveFields()[strings.FieldsFunc(field, func(r rune) bool { return r == '[' || r == '.' })[0]]; live == errors.Is(err, wsserver.ErrNotLive) {
			t.Errorf("Update = %v; is the field live: %v", err, live)
		}
	}
	after := srv.Config()
	before.PingPayload, after.PingPayload, before.Hosts, after.Hosts = nil, nil, nil, nil
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the configuration is now\n%+v, was\n%+v", after, before)
	}
	change(t, srv, func(*wsserver.Config) {}) // functions, handlers and hosts are what they were
	err := srv.Update(t.Context(), func(c *wsserver.Config) { c.InBufferSize, c.Nagle = 9000, true })
	if err == nil || !strings.Contains(err.Error(), "InBufferSize") || !strings.Contains(err.Error(), "Nagle") {
		t.Errorf("Update = %v, want both fields", err)
	}
}

// A function is the same setting only if it is the same closure.
func TestUpdateTellsFunctionsApart(t *testing.T) {
	handler := func(n int) http.Handler { return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { _ = n }) }
	srv := newServer(t, &desk{}, wsserver.Config{
		Hosts:  []hosts.Host{{Tag: "a", Names: []string{"a.example"}, HTTP: handler(1), WellKnown: os.DirFS("a")}},
		Hooks:  []wsserver.Hooks{{OnClientConnect: func(client.Client) error { return nil }}},
		Events: wsserver.Events{OnError: func(*wsserver.ServerError) {}},
	})
	change(t, srv, func(c *wsserver.Config) { c.Hosts = slices.Clone(c.Hosts) })
	for field, f := range map[string]func(*wsserver.Config){
		"Hosts":  func(c *wsserver.Config) { c.Hosts[0].HTTP = handler(2) },
		"Hooks":  func(c *wsserver.Config) { c.Hooks[0].OnClientConnect = func(client.Client) error { return nil } },
		"Events": func(c *wsserver.Config) { c.Events.OnError = nil },
	} {
		err := srv.Update(t.Context(), f)
		if e, ok := errors.AsType[*wsserver.ConfigError](err); !ok || e.Field != field || !errors.Is(err, wsserver.ErrNotLive) {
			t.Errorf("Update = %v, want ErrNotLive of %s", err, field)
		}
	}
}

// O-22: the copy is the caller's own.
func TestConfigIsACopy(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{
		AllowedOrigins: []string{"https://a.example"}, MaxClientsByBinding: map[string]int{":0": 1}, Addr: ":0",
		Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0"}},
	})
	c := srv.Config()
	c.AllowedOrigins[0], c.MaxClientsByBinding[":0"], c.Bindings[0].Addr = "x", 9, "x"
	if c := srv.Config(); c.AllowedOrigins[0] != "https://a.example" || c.MaxClientsByBinding[":0"] != 1 || c.Bindings[0].Addr != "127.0.0.1:0" {
		t.Errorf("the configuration is now %+v", c)
	}
}

// O-22: an update waits for the one before it no longer than its context, and a closed
// server is not updated.
func TestUpdatesComeOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{})
		inside, leave := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := srv.Update(t.Context(), func(c *wsserver.Config) { close(inside); <-leave; c.MaxPerIP = 1 }); err != nil {
				t.Errorf("Update = %v", err)
			}
		})
		<-inside
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := srv.Update(ctx, func(*wsserver.Config) { t.Error("two at a time") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Update = %v", err)
		}
		close(leave)
		wg.Wait()
		func() { // a panic gives the turn back
			defer func() { _ = recover() }()
			_ = srv.Update(t.Context(), func(*wsserver.Config) { panic("boom") })
		}()
		change(t, srv, func(c *wsserver.Config) {
			if c.MaxPerIP != 1 {
				t.Errorf("MaxPerIP is %d", c.MaxPerIP)
			}
		})
		no(t, srv.Shutdown(t.Context()))
		if err := srv.Update(t.Context(), func(*wsserver.Config) {}); !errors.Is(err, wsserver.ErrServerClosed) {
			t.Errorf("Update = %v", err)
		}
	})
}

// O-22: many updates while clients come, talk and leave: each client is under one whole
// configuration, nothing is lost, and all places are given back.
func TestUpdatesWhileClientsComeAndGo(t *testing.T) {
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{Welcome: "0"}, SubProtocols: []string{"p0"}, HTTP: page("page")})
	l := serve(t, srv)
	stop := make(chan struct{})
	var updaters, visitors sync.WaitGroup
	for range 2 {
		updaters.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprint(i % 10)
				change(t, srv, func(c *wsserver.Config) {
					c.Banner.Welcome, c.SubProtocols = name, []string{"p" + name}
					c.MaxPerIP, c.HTTPTimeout = 100+i%3, time.Minute+time.Duration(i%2)
					c.HandshakeTimeout = time.Minute + time.Duration(i%5)
				})
				_ = srv.Config()
			}
		})
	}
	offer := "Sec-WebSocket-Protocol: p0, p1, p2, p3, p4, p5, p6, p7, p8, p9"
	for range 4 {
		visitors.Go(func() {
			for range 50 {
				p := raw(t, l)
				p.Request(get("/", "server.example"))
				p = raw(t, l)
				name := strings.TrimPrefix(p.Upgrade(wstest.Upgrade("/").With(offer)).Header.Get("Sec-WebSocket-Protocol"), "p")
				p.WantText(name)
				p.Drop()
			}
		})
	}
	visitors.Wait()
	close(stop)
	updaters.Wait()
	eventually(t, "the places", func() bool { return wsserver.Places(srv) == 0 && srv.Stats().Clients == 0 })
	no(t, srv.Shutdown(t.Context()))
}

// O-22: a page under way comes to its end over the server that Update has replaced.
func TestUpdateLetsPagesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside, leave := make(chan struct{}), make(chan struct{})
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(inside)
				<-leave
			}
			fmt.Fprint(w, "done")
		})
		srv := newServer(t, &desk{}, wsserver.Config{HTTP: slow})
		l := serve(t, srv)
		idle := raw(t, l)
		idle.Request(get("/", "server.example"))
		p := raw(t, l)
		p.Write(get("/slow", "server.example").Bytes())
		<-inside
		change(t, srv, func(c *wsserver.Config) { c.HTTPTimeout = time.Hour })
		synctest.Wait()
		shut(t, idle)
		close(leave)
		if res := p.ReadResponse(); res.Status != 200 || res.Body != "done" {
			t.Errorf("answer is %+v", res)
		}
		if res := raw(t, l).Request(get("/", "server.example")); res.Status != 200 {
			t.Errorf("answer is %+v", res)
		}
	})
}

// after a change of HandshakeTimeout each connection has the time that it began with.
func TestHandshakesKeepTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{HandshakeTimeout: 20 * time.Second})
		l := serve(t, srv)
		start := time.Now()
		var wg sync.WaitGroup
		for _, d := range []time.Duration{20 * time.Second, 5 * time.Second, -1, 8 * time.Second, 30 * time.Second} {
			change(t, srv, func(c *wsserver.Config) { c.HandshakeTimeout = d })
			p := raw(t, l)
			p.Timeout = 40 * time.Second
			p.Write([]byte("GET"))
			synctest.Wait()
			wg.Go(func() {
				if d < 0 {
					time.Sleep(35 * time.Second)
					p.Write([]byte(strings.TrimPrefix(text(wstest.Upgrade("/")), "GET")))
					p.ReadUpgraded()
					return
				}
				if res := p.ReadResponse(); res.Status != 408 || time.Since(start) != d {
					t.Errorf("with %v: %d after %v", d, res.Status, time.Since(start))
				}
			})
		}
		wg.Wait()
	})
}

// O-22: the page says of each field whether it is live: go test ./wsserver -run Page -update.
func TestPageTellsWhatIsLive(t *testing.T) {
	const page, begin, end = "../docs/admission.md", "<!-- live: made by go test ./wsserver -run Page -update -->\n", "<!-- end -->"
	live, names := wsserver.LiveFields(), [2][]string{}
	fields := reflect.TypeFor[wsserver.Config]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		at := 1
		if live[name] {
			at = 0
		}
		names[at] = append(names[at], "`"+name+"`")
	}
	if len(names[0]) != len(live) {
		t.Errorf("%d fields are live, of which Config has %d", len(live), len(names[0]))
	}
	want := "\n| live | fields of `Config` |\n| --- | --- |\n| yes | " + strings.Join(names[0], ", ") + " |\n| no | " + strings.Join(names[1], ", ") + " |\n\n"
	data, err := os.ReadFile(page)
	no(t, err)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	before, rest, found := strings.Cut(text, begin)
	have, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", page)
	}
	if have != want && flag.Lookup("update").Value.String() != "true" {
		t.Errorf("%s: the table of live fields is not up to date", page)
	}
	if flag.Lookup("update").Value.String() == "true" {
		no(t, os.WriteFile(page, []byte(before+begin+want+end+after), 0o644))
	}
}

// O-22: what the program does to its maps and lists after New is its own business.
func TestNewHasItsOwnCopies(t *testing.T) {
	limits, files := map[string]int{"a": 1}, []string{"https://a.example"}
	srv := newServer(t, &desk{}, wsserver.Config{
		MaxClientsByBinding: limits, AllowedOrigins: files, Bindings: []multilisten.Binding{{Name: "a", Addr: "127.0.0.1:0"}},
	})
	limits["a"], limits["b"], files[0] = 9, 2, "x"
	if c := srv.Config(); len(c.MaxClientsByBinding) != 1 || c.MaxClientsByBinding["a"] != 1 || c.AllowedOrigins[0] != "https://a.example" {
		t.Errorf("the configuration is now %v, %v", c.MaxClientsByBinding, c.AllowedOrigins)
	}
	change(t, srv, func(c *wsserver.Config) { c.MaxPerIP = 1 })
}

// shelf is a handler that == does not compare.
type shelf struct{ pages map[string]string }

func (s shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, s.pages[r.URL.Path]) }

// O-22: what a field of an interface type holds may be a value that can not be compared.
func TestUpdateWithValuesThatDoNotCompare(t *testing.T) {
	books := shelf{map[string]string{"/": "a"}}
	srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{{Names: []string{"server.example"}, HTTP: books}}})
	change(t, srv, func(c *wsserver.Config) { c.MaxPerIP = 1 })
	change(t, srv, func(c *wsserver.Config) { c.MaxPerIP = 2 })
	err := srv.Update(t.Context(), func(c *wsserver.Config) { c.Hosts[0].HTTP = shelf{map[string]string{"/": "b"}} })
	if !errors.Is(err, wsserver.ErrNotLive) {
		t.Errorf("Update = %v, want ErrNotLive", err)
	}
}

// A drain is turned off by its window alone, and values of maps may be interfaces.
func TestUpdateTurnsTheDrainOff(t *testing.T) { // O-22
	loop := pump.New(pump.Options{})
	defer loop.Close()
	srv := newServer(t, &desk{}, wsserver.Config{
		Drain: wsserver.Drain{Window: time.Second, ReturnAfter: time.Minute},
		Hosts: []hosts.Host{{Tag: "a", Names: []string{"a.example"}, Port: -1}}, PumpByHost: map[string]client.Loop{"a": loop},
	})
	if err := srv.Update(t.Context(), func(c *wsserver.Config) { c.Drain.Window = 0 }); err != nil {
		t.Fatal(err)
	}
	if d := srv.Config().Drain; d != (wsserver.Drain{}) {
		t.Errorf("the drain is %+v", d)
	}
}
