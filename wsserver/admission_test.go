package wsserver_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// rejects is a list of what was refused.
type rejects struct {
	mu   sync.Mutex // guards list
	list []wsserver.RejectInfo
}

func (r *rejects) on(i wsserver.RejectInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, i)
}

// last returns the only refusal since the last call.
func (r *rejects) last(t testing.TB) wsserver.RejectInfo {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	if len(list) != 1 {
		t.Fatalf("%d refusals, want 1: %+v", len(list), list)
	}
	return list[0]
}

// from connects to l from an address.
func from(t testing.TB, l *clienttest.Listener, addr string) *wstest.Peer {
	t.Helper()
	if !strings.Contains(addr, "]:") && strings.Count(addr, ":") != 1 {
		addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 4711).String()
	}
	conn, err := l.DialFrom(t.Context(), netip.MustParseAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	return wstest.Wrap(t, conn)
}

// shut wants the connection to be closed without a byte.
func shut(t testing.TB, p *wstest.Peer) {
	t.Helper()
	if n, err := p.Conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes came, error %v; want the end and nothing before", n, err)
	}
}

// each rule by itself refuses before a byte is read, on plain and TLS ports,
// with somebody told of it and without, and everybody else is let in.
func TestRulesRefuseBeforeTheRequest(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     wsserver.Config
		before  func(srv *wsserver.Server[*guest])
		bad     []string // the last of them is refused
		good    string
		reason  wsserver.Reason
		setting string
	}{
		{"denied", wsserver.Config{DeniedClients: []string{"192.0.2.0/24"}, AllowedClients: []string{"192.0.2.1", "198.51.100.1"}}, nil,
			[]string{"192.0.2.1"}, "198.51.100.1", wsserver.ReasonDenied, "DeniedClients"},
		{"not allowed", wsserver.Config{AllowedClients: []string{"10.1.*", "2001:db8::/32"}}, nil,
			[]string{"10.2.0.1"}, "2001:db8::1", wsserver.ReasonNotAllowed, "AllowedClients"},
		{"too many", wsserver.Config{MaxPerIP: 2}, nil,
			[]string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"}, "192.0.2.2", wsserver.ReasonMaxPerIP, "MaxPerIP"},
		{"too many of a /64", wsserver.Config{MaxPerIP: 2}, nil,
			[]string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff"}, "2001:db8:0:1::1", wsserver.ReasonMaxPerIP, "MaxPerIP"},
		{"too often", wsserver.Config{AcceptRate: admit.Rate{Count: 2, Per: time.Minute}}, nil,
			[]string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"}, "192.0.2.2", wsserver.ReasonRate, "AcceptRate"},
		{"all too often", wsserver.Config{TotalAcceptRate: admit.Rate{Count: 2, Per: time.Minute}, ExemptClients: []string{"192.0.2.99"}}, nil,
			[]string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, "192.0.2.99", wsserver.ReasonRate, "TotalAcceptRate"},
		{"banned", wsserver.Config{}, func(srv *wsserver.Server[*guest]) {
			_ = srv.Bans().Ban(netip.MustParsePrefix("192.0.2.0/24"), time.Hour, "spam")
		}, []string{"192.0.2.1"}, "198.51.100.1", wsserver.ReasonBanned, "Bans"},
	} {
		for _, way := range []string{"plain", "TLS"} {
			for _, told := range []bool{false, true} {
				t.Run(tt.name+"/"+way+"/"+strconv.FormatBool(told), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var r rejects
						cfg := tt.cfg
						if told {
							cfg.Events.OnReject = r.on
						}
						cfg.TLS = &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}}
						srv := newServer(t, &desk{}, cfg)
						if tt.before != nil {
							tt.before(srv)
						}
						l, method := clienttest.NewListener(), srv.Serve
						if way == "TLS" {
							method = srv.ServeTLS
						}
						serveOn(t, srv, l, method)
						for i, addr := range tt.bad {
							p := from(t, l, addr)
							synctest.Wait()
							if i == len(tt.bad)-1 {
								shut(t, p)
							}
						}
						p := from(t, l, tt.good)
						if way == "TLS" {
							p = p.OverTLS(&tls.Config{ServerName: "server.example", InsecureSkipVerify: true})
						}
						wstest.Open(p, "/")
						synctest.Wait()
						if st := srv.Stats(); st.Refused[tt.reason.String()] != 1 || st.Clients != 1 || st.Admission.Admitted != uint64(len(tt.bad)) {
							t.Errorf("the figures are %+v", st)
						}
						if told {
							if i := r.last(t); i.Reason != tt.reason || i.Setting != tt.setting || i.Status != 0 || i.Err == nil || !i.Remote.IsValid() || i.ClientIP != i.Remote.Addr() {
								t.Errorf("told of %+v", i)
							}
						}
					})
				})
			}
		}
	}
}

// a place of an address is given back exactly once, however its connection ends.
func TestAddressesGetTheirPlaceBack(t *testing.T) {
	const peer = "192.0.2.7"
	d := &desk{}
	fails := errors.New("no")
	d.newClient = func(r *client.OpenRequest) (*guest, error) {
		switch r.RawURI {
		case "/no":
			return nil, fails
		case "/exit":
			runtime.Goexit()
		case "/panic":
			panic("boom")
		}
		return d.guest(), nil
	}
	d.connect = func(g *guest) error {
		if g.RawURI() == "/leave" {
			return fails
		}
		return nil
	}
	ends := map[string]func(t *testing.T, p *wstest.Peer){
		"silent":      func(t *testing.T, p *wstest.Peer) { p.Conn.Close() },
		"times out":   func(t *testing.T, p *wstest.Peer) { time.Sleep(time.Minute) },
		"bad request": func(t *testing.T, p *wstest.Peer) { p.Write([]byte("x\r\n\r\n")); p.ReadResponse() },
		"origin": func(t *testing.T, p *wstest.Peer) {
			p.Request(wstest.Upgrade("/").With("Origin: https://evil.example"))
		},
		"refused":  func(t *testing.T, p *wstest.Peer) { p.Request(wstest.Upgrade("/no")) },
		"panic":    func(t *testing.T, p *wstest.Peer) { p.Request(wstest.Upgrade("/panic")) },
		"exit":     func(t *testing.T, p *wstest.Peer) { p.Request(wstest.Upgrade("/exit")) },
		"too busy": func(t *testing.T, p *wstest.Peer) { p.Request(wstest.Upgrade("/busy").Replace("Host: busy.example")) },
		"client": func(t *testing.T, p *wstest.Peer) {
			wstest.Open(p, "/")
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
		},
		"client drops":  func(t *testing.T, p *wstest.Peer) { wstest.Open(p, "/"); p.Drop() },
		"client leaves": func(t *testing.T, p *wstest.Peer) { wstest.Open(p, "/leave"); p.WantClose(1011); p.Conn.Close() },
		"page":          func(t *testing.T, p *wstest.Peer) { p.Request(get("/", "server.example")); p.Conn.Close() },
		"page, then upgrade": func(t *testing.T, p *wstest.Peer) {
			p.Request(get("/", "server.example"))
			wstest.Open(p, "/")
			p.Drop()
		},
		"page, then refused": func(t *testing.T, p *wstest.Peer) {
			p.Request(get("/", "server.example"))
			p.Request(wstest.Upgrade("/no"))
		},
		"page, then bad upgrade": func(t *testing.T, p *wstest.Peer) {
			p.Request(get("/", "server.example"))
			p.Request(wstest.Upgrade("/").Without("Sec-WebSocket-Key"))
			p.Conn.Close()
		},
		"filtered": func(t *testing.T, p *wstest.Peer) {},
	}
	for name, end := range ends {
		for _, told := range []bool{false, true} {
			t.Run(name+"/"+strconv.FormatBool(told), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg := wsserver.Config{
						MaxPerIP: 3, HTTP: page("server"), PingInterval: -1,
						Hosts:        []hosts.Host{{Tag: "server", Names: []string{"server.example"}}, {Tag: "busy", Names: []string{"busy.example"}}},
						BannerByHost: map[string]banner.Policy{"busy": {MaxClients: 1}},
					}
					if told {
						cfg.Events.OnReject = func(wsserver.RejectInfo) {}
					}
					if name == "filtered" {
						cfg.Events.OnConnectionRequest = func(r *wsserver.ConnectionRequest) { r.Accept = r.Remote.Addr().String() != peer }
					}
					srv := newServer(t, d, cfg)
					l := serve(t, srv)
					full := from(t, l, "198.51.100.1")
					full.Upgrade(wstest.Upgrade("/").Replace("Host: busy.example"))
					for range 10 {
						end(t, from(t, l, peer))
						time.Sleep(5 * time.Second) // a refusal is lingered over
						synctest.Wait()
					}
					if n := wsserver.Connections(srv, peer); n != 0 {
						t.Errorf("%d connections are counted after the end of all", n)
					}
					if name != "filtered" {
						p := from(t, l, peer)
						p.Upgrade(wstest.Upgrade("/"))
						synctest.Wait()
						if n := wsserver.Connections(srv, peer); n != 1 {
							t.Errorf("%d connections are counted, want 1", n)
						}
					}
					no(t, srv.Shutdown(t.Context()))
					if n := wsserver.Connections(srv, peer); n != 0 {
						t.Errorf("%d connections are counted after the shutdown", n)
					}
				})
			})
		}
	}
}

// HandshakeRate answers 429 with the time to wait, before the rules of RFC 6455.
func TestHandshakeRateAnswers429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rejects
		srv := newServer(t, &desk{}, wsserver.Config{
			HandshakeRate: admit.Rate{Count: 2, Per: time.Minute}, HTTP: page("server"),
			Events: wsserver.Events{OnReject: r.on},
		})
		l := serve(t, srv)
		for range 2 {
			wstest.Open(from(t, l, "192.0.2.1"), "/")
		}
		res := from(t, l, "192.0.2.1").Request(wstest.Upgrade("/").Without("Sec-WebSocket-Key"))
		if res.Status != 429 || res.Header.Get("Retry-After") != "30" || !strings.Contains(res.Body, "too many requests") {
			t.Errorf("answer is %+v", res)
		}
		if i := r.last(t); i.Reason != wsserver.ReasonRate || i.Setting != "HandshakeRate" || i.Status != 429 {
			t.Errorf("told of %+v", i)
		}
		if res := from(t, l, "192.0.2.1").Request(get("/", "server.example")); res.Status != 200 {
			t.Errorf("a page gets %d", res.Status)
		}
		wstest.Open(from(t, l, "192.0.2.2"), "/")
		time.Sleep(30 * time.Second)
		wstest.Open(from(t, l, "192.0.2.1"), "/")
	})
}

// the filter comes before everything else; false and a panic close the connection.
func TestAcceptFilterComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rejects
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{
			DeniedClients: []string{"192.0.2.1"},
			Events: wsserver.Events{
				OnReject: r.on, OnBgException: func(p wsserver.PanicInfo) bool { d.add("panic " + p.Event); return true },
				OnAcceptFilter: func(i wsserver.AcceptInfo) bool {
					switch i.Remote.Addr().String() {
					case "192.0.2.2":
						panic("boom")
					case "192.0.2.3":
						runtime.Goexit()
					}
					d.add("filter " + i.Remote.Addr().String() + " " + i.Binding + " " + strconv.Itoa(i.BindingIndex))
					return i.Remote.Addr().String() != "192.0.2.1"
				},
				OnConnectionRequest: func(*wsserver.ConnectionRequest) { d.add("request") },
			},
		})
		l := serve(t, srv)
		for _, addr := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			shut(t, from(t, l, addr))
			synctest.Wait()
			if i := r.last(t); i.Reason != wsserver.ReasonFilter || i.Setting != "Events.OnAcceptFilter" || i.Status != 0 {
				t.Errorf("told of %+v", i)
			}
		}
		wstest.Open(from(t, l, "192.0.2.4"), "/")
		synctest.Wait()
		d.want(t, "filter 192.0.2.1 "+l.Addr().String()+" 0", "panic OnAcceptFilter",
			"filter 192.0.2.4 "+l.Addr().String()+" 0", "request", "new", "connect")
		if st := srv.Stats(); st.Refused["filter"] != 3 || st.Pending != 0 || st.Panics != 1 || st.Admission.Admitted != 1 {
			t.Errorf("the figures are %+v", st)
		}
	})
}

// the request of a connection comes after the lists, before TLS and HTTP, and is
// accepted unless somebody says no or panics.
func TestConnectionRequestMayRefuse(t *testing.T) {
	for _, way := range []string{"plain", "TLS"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r rejects
				d := &desk{}
				srv := newServer(t, d, wsserver.Config{
					DeniedClients: []string{"192.0.2.9"},
					TLS:           &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}},
					Events: wsserver.Events{
						OnReject: r.on,
						OnConnectionRequest: func(c *wsserver.ConnectionRequest) {
							d.add("request " + c.Remote.Addr().String() + " " + strconv.FormatBool(c.Accept) + " " + strconv.FormatBool(c.TLS))
							if c.Peer != c.Remote || c.BindingIndex != 0 || c.Binding == "" || !c.Local.IsValid() {
								t.Errorf("the request is %+v", c)
							}
							if c.Remote.Addr().String() == "192.0.2.2" {
								panic("boom")
							}
							c.Accept = c.Remote.Addr().String() != "192.0.2.1"
						},
					},
				})
				l, method := clienttest.NewListener(), srv.Serve
				secure := strconv.FormatBool(way == "TLS")
				if way == "TLS" {
					method = srv.ServeTLS
				}
				serveOn(t, srv, l, method)
				for addr, reason := range map[string]wsserver.Reason{
					"192.0.2.1": wsserver.ReasonFilter, "192.0.2.2": wsserver.ReasonFilter, "192.0.2.9": wsserver.ReasonDenied,
				} {
					shut(t, from(t, l, addr))
					synctest.Wait()
					if i := r.last(t); i.Reason != reason {
						t.Errorf("%s is refused with %+v", addr, i)
					}
				}
				p := from(t, l, "192.0.2.3")
				if way == "TLS" {
					p = p.OverTLS(&tls.Config{ServerName: "server.example", InsecureSkipVerify: true})
				}
				wstest.Open(p, "/")
				synctest.Wait()
				got := d.lines()
				slices.Sort(got)
				want := []string{"connect", "new", "request 192.0.2.1 true " + secure, "request 192.0.2.2 true " + secure, "request 192.0.2.3 true " + secure}
				if !slices.Equal(got, want) {
					t.Errorf("events are %q, want %q", got, want)
				}
			})
		})
	}
}

// behind a PROXY header the lists mean whom it names; the filter sees the proxy.
func TestListsMeanWhomAPROXYHeaderNames(t *testing.T) {
	var r rejects
	var mu sync.Mutex
	var seen []string
	note := func(s string) { mu.Lock(); defer mu.Unlock(); seen = append(seen, s) }
	srv := newServerOf(t, wsserver.Class[parrot](), wsserver.Config{
		Bindings:      []multilisten.Binding{{Addr: "127.0.0.1:0", Proxy: &multilisten.ProxyPolicy{Trusted: trusting()}}},
		DeniedClients: []string{"192.0.2.7"}, MaxPerIP: 1,
		Events: wsserver.Events{
			OnReject:       r.on,
			OnAcceptFilter: func(i wsserver.AcceptInfo) bool { note("filter " + i.Remote.Addr().String()); return true },
			OnConnectionRequest: func(c *wsserver.ConnectionRequest) {
				note("request " + c.Remote.Addr().String() + " " + c.Peer.Addr().String())
			},
		},
	})
	addr := open(t, srv)
	p := wstest.DialTCP(t, addr)
	p.Write([]byte(version1))
	shut(t, p)
	eventually(t, "the refusal", func() bool { return srv.Stats().Refused["denied"] == 1 })
	if i := r.last(t); i.Remote.String() != "192.0.2.7:5678" {
		t.Errorf("told of %+v", i)
	}
	for i := range 3 { // of one proxy, and each of another client
		p := wstest.DialTCP(t, addr)
		p.Write([]byte("PROXY TCP4 198.51.100." + strconv.Itoa(i) + " 192.0.2.1 5678 443\r\n"))
		wstest.Open(p, "/")
	}
	want := []string{"filter 127.0.0.1", "filter 127.0.0.1", "request 198.51.100.0 127.0.0.1"}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen[:3], want) {
		t.Errorf("events are %q, want %q first", seen, want)
	}
}

// A-08, C-14: lists, limits and bans hold under ServeHTTP from the upgrade on.
func TestRulesHoldUnderServeHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rejects
		srv := newServer(t, &desk{}, wsserver.Config{
			DeniedClients: []string{"192.0.2.1"}, MaxPerIP: 1, HTTP: page("server"), Events: wsserver.Events{OnReject: r.on},
		})
		l := serveHTTP(t, srv, nil)
		res := from(t, l, "192.0.2.1").Request(wstest.Upgrade("/"))
		if i := r.last(t); res.Status != 403 || i.Reason != wsserver.ReasonDenied || i.Status != 403 {
			t.Errorf("answer is %+v, told of %+v", res, i)
		}
		for range 3 {
			p := from(t, l, "192.0.2.2")
			wstest.Open(p, "/")
			res := from(t, l, "192.0.2.2").Request(wstest.Upgrade("/"))
			if i := r.last(t); res.Status != 429 || i.Reason != wsserver.ReasonMaxPerIP {
				t.Errorf("answer is %+v, told of %+v", res, i)
			}
			p.Drop()
			synctest.Wait()
			from(t, l, "192.0.2.2").Request(wstest.Upgrade("/").With("Origin: https://evil.example"))
			r.last(t)
			time.Sleep(2 * time.Second) // it is lingered over
			synctest.Wait()
		}
		if n := wsserver.Connections(srv, "192.0.2.2"); n != 0 {
			t.Errorf("%d connections are counted", n)
		}
	})
}

// A-08, C-14: middleware that puts the client into RemoteAddr leaves the port out, and the
// rules hold all the same.
func TestRulesHoldForAnAddressWithoutAPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rejects
		srv := newServer(t, &desk{}, wsserver.Config{DeniedClients: []string{"192.0.2.1", "2001:db8::1"}, Events: wsserver.Events{OnReject: r.on}})
		for _, ip := range []string{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "[2001:db8::1]"} {
			l := serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				q.RemoteAddr = ip
				srv.ServeHTTP(w, q)
			}), nil)
			res := from(t, l, "198.51.100.1").Request(wstest.Upgrade("/"))
			if res.Status != 403 {
				t.Errorf("%s: answer is %+v", ip, res)
				continue
			}
			if i := r.last(t); i.Reason != wsserver.ReasonDenied || i.Remote.Addr().String() != strings.Trim(strings.TrimPrefix(ip, "::ffff:"), "[]") {
				t.Errorf("%s: told of %+v", ip, i)
			}
		}
	})
}

// what breaks the rules bans its sender, and what any browser does not.
func TestOffencesBan(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(p *wstest.Peer)
		ban  bool
	}{
		{"bad request", func(p *wstest.Peer) { p.Write([]byte("\x16\x03\x01\r\n\r\n")) }, true},
		{"bad key", func(p *wstest.Peer) { p.Write(wstest.Upgrade("/").Replace("Sec-WebSocket-Key: x").Bytes()) }, true},
		{"half a request", func(p *wstest.Peer) { p.Write([]byte("GET / HT")) }, true},
		{"silence", func(p *wstest.Peer) {}, false},
		{"leaves", func(p *wstest.Peer) { p.Conn.Close() }, false},
		{"page", func(p *wstest.Peer) { p.Write(get("/", "a.example").Bytes()) }, false},
		{"origin", func(p *wstest.Peer) { p.Write(wstest.Upgrade("/").With("Origin: https://evil.example").Bytes()) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				book := &logbook{}
				srv := newServer(t, &desk{}, wsserver.Config{
					AutoBan: admit.BanRule{After: 3, Within: time.Hour, For: time.Hour}, ExemptClients: []string{"192.0.2.99"}, Logger: book.logger(),
				})
				l := serve(t, srv)
				for range 3 {
					tt.do(from(t, l, "192.0.2.1"))
					tt.do(from(t, l, "192.0.2.99"))
					time.Sleep(time.Minute)
				}
				list := srv.Bans().List()
				if tt.ban != (len(list) == 1) || tt.ban && (!list[0].Auto || list[0].Prefix.String() != "192.0.2.1/32") {
					t.Fatalf("the bans are %+v", list)
				}
				if lines := book.lines("banned", "192.0.2.1/32"); tt.ban != (len(lines) == 1) {
					t.Errorf("the log has %q", lines)
				}
				if tt.ban {
					shut(t, from(t, l, "192.0.2.1"))
					srv.Bans().Unban(list[0].Prefix)
				}
				wstest.Open(from(t, l, "192.0.2.1"), "/")
			})
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := newServer(t, &desk{}, wsserver.Config{
				AutoBan: admit.BanRule{After: 2}, TLS: &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}},
			})
			l := clienttest.NewListener()
			serveOn(t, srv, l, srv.ServeTLS)
			for range 5 { // a client that does not know our authority
				conn, err := l.DialFrom(t.Context(), netip.MustParseAddrPort("192.0.2.5:1"))
				no(t, err)
				if tls.Client(conn, &tls.Config{ServerName: "server.example"}).HandshakeContext(t.Context()) == nil {
					t.Error("the authority is known")
				}
				conn.Close()
			}
			for range 2 {
				p := from(t, l, "192.0.2.1")
				p.Write([]byte("nonsense\r\n"))
				time.Sleep(2 * time.Second)
			}
			if list := srv.Bans().List(); len(list) != 1 || list[0].Prefix.String() != "192.0.2.1/32" {
				t.Errorf("the bans are %+v", list)
			}
		})
	})
}

// A-01, L-26: a limit of one binding refuses there and nowhere else.
func TestBindingsHaveLimitsOfTheirOwn(t *testing.T) {
	var r rejects
	srv := newServerOf(t, wsserver.Class[parrot](), wsserver.Config{
		Addr: "127.0.0.1:0", Bindings: []multilisten.Binding{{Name: "second", Addr: "127.0.0.1:0"}},
		MaxClientsByBinding: map[string]int{"second": 2}, Events: wsserver.Events{OnReject: r.on},
	})
	open(t, srv)
	first, second := srv.Addrs()[0].String(), srv.Addrs()[1].String()
	var peers []*wstest.Peer
	for range 2 {
		wstest.Open(wstest.DialTCP(t, first), "/")
		peers = append(peers, wstest.Open(wstest.DialTCP(t, second), "/"))
	}
	if res := wstest.DialTCP(t, second).Request(wstest.Upgrade("/")); res.Status != 503 {
		t.Errorf("the third gets %d", res.Status)
	}
	if i := r.last(t); i.Reason != wsserver.ReasonTooBusy || i.Setting != `MaxClientsByBinding["second"]` || i.Binding != "second" {
		t.Errorf("told of %+v", i)
	}
	wstest.Open(wstest.DialTCP(t, first), "/")
	peers[0].Drop()
	eventually(t, "its place", func() bool { // which is given back behind the last event
		return wstest.DialTCP(t, second).Request(wstest.Upgrade("/")).Status == 101
	})
	no(t, srv.Update(t.Context(), func(c *wsserver.Config) { c.MaxClientsByBinding["second"] = 3 }))
	wstest.Open(wstest.DialTCP(t, second), "/")
	no(t, srv.Update(t.Context(), func(c *wsserver.Config) { c.MaxClientsByBinding = nil }))
	for range 3 {
		wstest.Open(wstest.DialTCP(t, second), "/")
	}
}

// files and names are read by New and ReloadClients.
func TestClientsAreReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "denied.txt")
		no(t, os.WriteFile(path, []byte("# spammers\n192.0.2.1\n"), 0o600))
		srv := newServer(t, &desk{}, wsserver.Config{DeniedFile: path})
		l := serve(t, srv)
		shut(t, from(t, l, "192.0.2.1"))
		no(t, os.WriteFile(path, []byte("192.0.2.2\n"), 0o600))
		no(t, srv.ReloadClients(t.Context()))
		shut(t, from(t, l, "192.0.2.2"))
		wstest.Open(from(t, l, "192.0.2.1"), "/")
		no(t, os.WriteFile(path, []byte("nonsense!\n"), 0o600))
		err := srv.ReloadClients(t.Context())
		if e, ok := errors.AsType[*wsserver.ConfigError](err); !ok || e.Field != "DeniedFile" {
			t.Errorf("ReloadClients = %v", err)
		}
		shut(t, from(t, l, "192.0.2.2"))
	})
}

// What is wrong is named as the field that it is in.
func TestAdmissionIsChecked(t *testing.T) {
	for field, cfg := range map[string]wsserver.Config{
		"AllowedClients":               {AllowedClients: []string{"192.0.2.7/24"}},
		"DeniedClients":                {DeniedClients: []string{"nonsense!"}},
		"DeniedFile":                   {DeniedFile: "not/there"},
		"TrustedProxies":               {TrustedProxies: []string{""}},
		"ExemptClients":                {ExemptClients: []string{"*.example"}},
		"MaxPerIP":                     {MaxPerIP: -1},
		"IPv4Prefix":                   {IPv4Prefix: 8},
		"IPv6Prefix":                   {IPv6Prefix: 129},
		"AcceptRate":                   {AcceptRate: admit.Rate{Count: -1}},
		"HandshakeRate":                {HandshakeRate: admit.Rate{Burst: 1}},
		"TotalAcceptRate":              {TotalAcceptRate: admit.Rate{Per: time.Second}},
		"MaxTracked":                   {MaxTracked: -1},
		"AutoBan":                      {AutoBan: admit.BanRule{For: time.Hour}},
		"MaxBans":                      {MaxBans: -1},
		"ClientIPHeader":               {ClientIPHeader: "X-Client", TrustedProxies: []string{"192.0.2.1"}},
		`MaxClientsByBinding["other"]`: {Addr: "127.0.0.1:0", MaxClientsByBinding: map[string]int{"other": 1}},
		`MaxClientsByBinding[":80"]`:   {Addr: ":80", MaxClientsByBinding: map[string]int{":80": -1}},
	} {
		_, err := wsserver.New(&desk{}, cfg)
		if e, ok := errors.AsType[*wsserver.ConfigError](err); !ok || e.Field != field {
			t.Errorf("New = %v, want an error of %s", err, field)
		}
	}
	_, err := wsserver.New(&desk{}, wsserver.Config{ClientIPHeader: "X-Real-IP"})
	if e, ok := errors.AsType[*wsserver.ConfigError](err); !ok || e.Field != "ClientIPHeader" || !strings.Contains(err.Error(), "TrustedProxies") {
		t.Errorf("New = %v", err)
	}
	_, err = wsserver.New(&desk{}, wsserver.Config{AllowedOrigins: []string{"same", "ws://a.example"}})
	if e, ok := errors.AsType[*wsserver.OriginError](err); !ok || e.Index != 1 || e.Entry != "ws://a.example" {
		t.Errorf("New = %v", err)
	}
	_, err = wsserver.New(&desk{}, wsserver.Config{MaxPerIP: -1, DeniedClients: []string{"nonsense!"}, ClientIPHeader: "x"})
	for _, field := range []string{"MaxPerIP", "ClientIPHeader"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New = %v, want an error that names %s", err, field)
		}
	}
}

// Nothing is judged where nothing is configured.
func TestWithoutRulesNothingIsJudged(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{MaxHeaderBytes: 1000})
	if wsserver.Judges(srv) || srv.Stats().Admission != (admit.Stats{}) {
		t.Error("there are rules")
	}
	if first := srv.Bans(); first != srv.Bans() || !wsserver.Judges(srv) {
		t.Error("the program's bans are not judged by")
	}
	if c := srv.Config(); c.MaxHeaderBytes != 1000 || c.MaxPending != 4096 {
		t.Errorf("the configuration is %+v", c)
	}
}
