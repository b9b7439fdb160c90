package wsserver_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// look tries a TLS handshake and returns the names of the certificate that l shows.
func look(t *testing.T, l *clienttest.Listener, config *tls.Config) ([]string, error) {
	t.Helper()
	conn, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	config.InsecureSkipVerify = true
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(t.Context()); err != nil {
		return nil, err
	}
	return secure.ConnectionState().PeerCertificates[0].DNSNames, nil
}

// showing is what a client does that shows its certificate, whoever is asked for.
func showing(certs ...tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if len(certs) == 0 {
			return new(tls.Certificate), nil
		}
		return &certs[0], nil
	}
}

// E-28: OnTLSHello may choose the configuration, leave it to the hosts, or end the
// handshake; it is asked first, with hosts and without.
func TestHelloIsAskedFirst(t *testing.T) {
	ca, list := twoHosts(t)
	other := ca.Leaf("other.example")
	own := ca.Leaf("own.example")
	for _, withHosts := range []bool{true, false} {
		t.Run(fmt.Sprintf("hosts %v", withHosts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				events := noted(&d.journal)
				events.OnTLSHello = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
					if hello.Conn == nil || hello.Conn.RemoteAddr() == nil || hello.Context() == nil || len(hello.CipherSuites) == 0 || len(hello.SignatureSchemes) == 0 {
						t.Errorf("the hello is %+v", hello)
					}
					switch hello.ServerName {
					case "other.example":
						return &tls.Config{Certificates: []tls.Certificate{other}}, nil
					case "error.example":
						return &tls.Config{Certificates: []tls.Certificate{other}}, errors.New("not you")
					case "panic.example":
						panic("boom")
					}
					return nil, nil
				}
				cfg := wsserver.Config{Hosts: list, Events: events}
				home := "a.example"
				if !withHosts {
					cfg.Hosts, cfg.TLS, home = nil, &tls.Config{Certificates: []tls.Certificate{own}}, "own.example"
				}
				srv := newServer(t, d, cfg)
				l := clienttest.NewListener()
				serveOn(t, srv, l, srv.ServeTLS)
				for name, want := range map[string]string{"other.example": "other.example", home: home, "error.example": "", "panic.example": ""} {
					names, err := look(t, l, &tls.Config{ServerName: name})
					if want == "" && err == nil || want != "" && !slices.Contains(names, want) {
						t.Errorf("%s is shown %v, %v", name, names, err)
					}
				}
				synctest.Wait()
				if d.count("reject tls 0") != 2 || d.count("panic OnTLSHello") != 1 {
					t.Errorf("events are %v", d.lines())
				}
				clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: home, TLS: &tls.Config{RootCAs: ca.Pool()}})
			})
		})
	}
}

// E-28, H-28: a GetConfigForClient of Config.TLS comes after OnTLSHello.
func TestHelloComesBeforeTheTemplate(t *testing.T) {
	ca := wstest.NewCA(t)
	first, second := ca.Leaf("first.example"), ca.Leaf("second.example")
	synctest.Test(t, func(t *testing.T) {
		with := func(c tls.Certificate) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{c}}, nil
		}
		srv := newServer(t, &desk{}, wsserver.Config{
			TLS: &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return with(second) }},
			Events: wsserver.Events{OnTLSHello: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				if h.ServerName == "first.example" {
					return with(first)
				}
				return nil, nil
			}},
		})
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		for name, want := range map[string]string{"first.example": "first.example", "x.example": "second.example"} {
			if names, err := look(t, l, &tls.Config{ServerName: name}); err != nil || names[0] != want {
				t.Errorf("%s is shown %v, %v", name, names, err)
			}
		}
	})
}

// statuses notes the progress of handshakes.
func statuses(t *testing.T, j *journal) func(wsserver.TLSStatus) {
	return func(s wsserver.TLSStatus) {
		if !s.Remote.IsValid() || !s.Local.IsValid() || s.Binding == "" {
			t.Errorf("the status is %+v", s)
		}
		if (s.State != nil) != (s.Phase == wsserver.TLSDone) || (s.Err != nil) != (s.Phase == wsserver.TLSFailed) {
			t.Errorf("%v has the state %v and the error %v", s.Phase, s.State, s.Err)
		}
		if s.State != nil && (!s.State.HandshakeComplete || s.State.ServerName != s.ServerName) {
			t.Errorf("the state is %+v", s.State)
		}
		j.add(strings.TrimRight(fmt.Sprintf("%v %s %s", s.Phase, s.ServerName, s.HostTag), " "))
	}
}

// E-26, E-29: the way of each handshake is told: start, hello, done or failed.
func TestTLSProgressIsTold(t *testing.T) {
	ca, list := twoHosts(t)
	cert := ca.Leaf("a.example")
	for _, tt := range []struct {
		name string
		sni  string
		peer *tls.Config
		want []string
	}{
		{"known", "x.b.example", &tls.Config{}, []string{"start", "hello x.b.example b", "done x.b.example b"}},
		{"unknown", "c.example", &tls.Config{}, []string{"start", "hello c.example a", "done c.example a"}},
		{"no name", "", &tls.Config{}, []string{"start", "hello  a", "done  a"}},
		{"too old", "a.example", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, []string{"start", "hello a.example a", "failed a.example a", "reject tls 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				events := noted(&d.journal)
				events.OnTLSStatus = statuses(t, &d.journal)
				srv := newServer(t, d, wsserver.Config{Hosts: list, Events: events})
				l := clienttest.NewListener()
				serveOn(t, srv, l, srv.ServeTLS)
				peer := tt.peer.Clone()
				peer.ServerName = tt.sni
				_, _ = look(t, l, peer)
				synctest.Wait()
				got := slices.DeleteFunc(d.lines(), func(s string) bool { return s == "reject timeout 0" || s == "reject bad request 0" })
				if !slices.Equal(got, tt.want) {
					t.Errorf("events are %q, want %q", got, tt.want)
				}
			})
		})
	}
	t.Run("no TLS at all", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			events := noted(&d.journal)
			events.OnTLSStatus = statuses(t, &d.journal)
			srv := newServer(t, d, wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Events: events})
			l := clienttest.NewListener()
			serveOn(t, srv, l, srv.ServeTLS)
			raw(t, l).Request(wstest.Upgrade("/"))
			synctest.Wait()
			d.want(t, "start", "failed", "reject tls 400")
			d.list = nil
			plain := serve(t, srv)
			clienttest.Dial(t, plain, "/")
			synctest.Wait()
			d.want(t, "new", "connect")
		})
	})
	t.Run("TLS of somebody else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			srv := newServer(t, d, wsserver.Config{Hosts: list, Events: wsserver.Events{OnTLSStatus: statuses(t, &d.journal)}})
			l := clienttest.NewListener()
			serveOn(t, srv, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}), srv.Serve)
			clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "a.example", TLS: &tls.Config{RootCAs: ca.Pool()}})
			synctest.Wait()
			d.want(t, "start", "done a.example a", "new", "connect")
		})
	})
}

// E-15: a panic in OnTLSStatus is no obstacle.
func TestPanicInTLSStatusIsContained(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		events := noted(&d.journal)
		events.OnTLSStatus = func(wsserver.TLSStatus) { panic("boom") }
		srv := newServer(t, d, wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Events: events})
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		clienttest.Dial(t, l, "/", clienttest.DialOptions{TLS: &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example"}})
		synctest.Wait()
		d.want(t, "panic OnTLSStatus", "panic OnTLSStatus", "panic OnTLSStatus", "new", "connect")
	})
}

// E-26, X-12: a server may be shut down from the events of a handshake.
func TestShutdownInTLSEvents(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	for _, event := range []string{"hello", "status"} {
		t.Run(event, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var srv *wsserver.Server[*guest]
				end := func() { _ = srv.Shutdown(t.Context()) }
				events := wsserver.Events{OnTLSHello: func(*tls.ClientHelloInfo) (*tls.Config, error) { end(); return nil, nil }}
				if event == "status" {
					events = wsserver.Events{OnTLSStatus: func(wsserver.TLSStatus) { end() }}
				}
				srv = newServer(t, &desk{}, wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Events: events})
				l := clienttest.NewListener()
				serveOn(t, srv, l, srv.ServeTLS)
				_, _ = look(t, l, &tls.Config{})
				<-srv.Done()
			})
		})
	}
}

// T-04, T-05, E-27, T-22: who has to show a certificate is judged by our rules, and the event
// may overrule that either way; it gets the whole chain, on resumed sessions too.
func TestClientCertificatesAreJudged(t *testing.T) {
	ca, list := twoHosts(t)
	mine, strange := ca.Leaf("client"), wstest.NewCA(t).Leaf("stranger")
	server := ca.Leaf("a.example")
	for _, withHosts := range []bool{true, false} {
		for _, tt := range []struct {
			name   string
			auth   hosts.ClientCert
			certs  []tls.Certificate
			accept func(a *hosts.ClientAuth)
			want   bool
		}{
			{"none asked for", hosts.ClientCertNone, nil, nil, true},
			{"required and there", hosts.ClientCertRequire, []tls.Certificate{mine}, nil, true},
			{"required and missing", hosts.ClientCertRequire, nil, nil, false},
			{"required and strange", hosts.ClientCertRequire, []tls.Certificate{strange}, nil, false},
			{"optional and missing", hosts.ClientCertOptional, nil, nil, true},
			{"optional and strange", hosts.ClientCertOptional, []tls.Certificate{strange}, nil, false},
			{"strange and let in", hosts.ClientCertRequire, []tls.Certificate{strange}, func(a *hosts.ClientAuth) { a.Accept = true }, true},
			{"good and kept out", hosts.ClientCertRequire, []tls.Certificate{mine}, func(a *hosts.ClientAuth) { a.Accept = false }, false},
			{"panic", hosts.ClientCertRequire, []tls.Certificate{mine}, func(*hosts.ClientAuth) { panic("boom") }, false},
		} {
			t.Run(fmt.Sprintf("hosts %v, %s", withHosts, tt.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{}
					events := noted(&d.journal)
					var chains []int
					if tt.accept != nil {
						events.OnTLSClientAuth = func(a *hosts.ClientAuth) {
							chains = append(chains, len(a.Chain))
							if (a.Status == nil) != a.Accept {
								t.Errorf("status %v is preset to %v", a.Status, a.Accept)
							}
							tt.accept(a)
						}
					}
					cfg := wsserver.Config{Hosts: list, ClientAuth: tt.auth, ClientCAFile: ca.File(), Events: events}
					if !withHosts {
						cfg.Hosts, cfg.TLS = nil, &tls.Config{Certificates: []tls.Certificate{server}}
					}
					srv := newServer(t, d, cfg)
					l := clienttest.NewListener()
					serveOn(t, srv, l, srv.ServeTLS)
					peer := &tls.Config{RootCAs: ca.Pool(), GetClientCertificate: showing(tt.certs...), ClientSessionCache: tls.NewLRUClientSessionCache(9)}
					for range 2 {
						p, _, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Host: "a.example", TLS: peer})
						if (err == nil) != tt.want {
							t.Fatalf("dialling = %v", err)
						}
						if err == nil {
							p.SendText("x") // who reads gets the tickets
							p.Receive()
						}
					}
					synctest.Wait()
					if tt.accept != nil && !slices.Equal(chains, []int{2, 2}) {
						t.Errorf("the event gets chains of %v", chains)
					}
					if n := d.count("reject tls 0"); n != map[bool]int{true: 0, false: 2}[tt.want] {
						t.Errorf("events are %v", d.lines())
					}
				})
			})
		}
	}
}

// T-24 to T-29, T-16: a client knows that its session was resumed and who has shown a
// certificate; sessions are not resumed where that is turned off.
func TestClientKnowsResumptionAndCertificate(t *testing.T) {
	ca := wstest.NewCA(t)
	cert, mine := ca.Leaf("server.example"), ca.Leaf("somebody")
	for _, disabled := range []bool{false, true} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("disabled %v, %s", disabled, tls.VersionName(version)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{}
					var infos []client.TLSInfo
					d.connect = func(g *guest) error { infos = append(infos, g.TLSInfo()); return nil }
					srv := newServer(t, d, wsserver.Config{
						TLS:        &tls.Config{Certificates: []tls.Certificate{cert}},
						ClientAuth: hosts.ClientCertRequire, ClientCAs: ca.Pool(), DisableSessionTickets: disabled,
					})
					l := clienttest.NewListener()
					serveOn(t, srv, l, srv.ServeTLS)
					peer := &tls.Config{
						RootCAs: ca.Pool(), ServerName: "server.example", GetClientCertificate: showing(mine),
						ClientSessionCache: tls.NewLRUClientSessionCache(9), MaxVersion: version,
					}
					for range 2 {
						p := clienttest.Dial(t, l, "/", clienttest.DialOptions{TLS: peer})
						p.SendText("x")
						p.Receive()
					}
					for i, info := range infos {
						if info.Resumed != (i == 1 && !disabled) || info.ClientCert != "CN=somebody" || info.Version != tls.VersionName(version) ||
							info.Suite == "" || info.CipherBits < 128 || info.KeyExchangeBits < 253 || info.KeyExchange == "" {
							t.Errorf("connection %d: %+v", i, info)
						}
					}
				})
			})
		}
	}
}

// T-23: the key log has the secrets, with a warning, with hosts and without.
func TestKeyLogIsLoud(t *testing.T) {
	ca, list := twoHosts(t)
	cert := ca.Leaf("a.example")
	for _, withHosts := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var log logbook
			var keys bytes.Buffer
			cfg := wsserver.Config{Hosts: list, TLSKeyLog: &keys, Logger: log.logger()}
			if !withHosts {
				cfg.Hosts, cfg.TLS = nil, &tls.Config{Certificates: []tls.Certificate{cert}}
			}
			srv := newServer(t, &desk{}, cfg)
			l := clienttest.NewListener()
			serveOn(t, srv, l, srv.ServeTLS)
			clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "a.example", TLS: &tls.Config{RootCAs: ca.Pool()}})
			if !strings.Contains(keys.String(), "CLIENT_TRAFFIC_SECRET_0 ") || len(log.lines("WARN")) == 0 {
				t.Errorf("hosts %v: the key log is %q, the log %q", withHosts, keys.String(), log.lines())
			}
		})
	}
}

// H-27: OnHostTLS has the last word for each host with TLS, once; a panic in it closes
// that host and no other.
func TestHostTLSMayBeChanged(t *testing.T) {
	ca, list := twoHosts(t)
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var tags []string
		srv := newServer(t, d, wsserver.Config{Hosts: list, Events: noted(&d.journal), OnHostTLS: func(h *hosts.Entry, c *tls.Config) {
			if tags = append(tags, h.Tag()); h.Tag() == "b" {
				panic("boom")
			}
			c.MaxVersion = tls.VersionTLS12
		}})
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		for range 2 {
			clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "a.example", TLS: &tls.Config{RootCAs: ca.Pool()}})
			if _, _, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Host: "x.b.example", TLS: &tls.Config{RootCAs: ca.Pool()}}); err == nil {
				t.Error("the host whose OnHostTLS panicked lets somebody in")
			}
		}
		for c := range srv.Clients() {
			if c.TLSInfo().Version != "TLS 1.2" {
				t.Errorf("it speaks %s", c.TLSInfo().Version)
			}
		}
		if slices.Sort(tags); !slices.Equal(tags, []string{"a", "b"}) || d.count("panic OnHostTLS") != 1 {
			t.Errorf("it was called for %v; %v", tags, d.lines())
		}
	})
}

// H-45: a TLS-ALPN-01 check gets its certificate and is no client, no refusal and no
// error; OnTLSHello does not come between.
func TestChallengeOverTLSIsQuiet(t *testing.T) {
	ca, list := twoHosts(t)
	proof := ca.Leaf("proof.example")
	for _, fail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			var log logbook
			events := noted(&d.journal)
			events.OnError = func(e *wsserver.ServerError) { d.add("error " + e.Op) }
			events.OnTLSHello = func(h *tls.ClientHelloInfo) (*tls.Config, error) { d.add("hello " + h.ServerName); return nil, nil }
			issuer := &authority{}
			if !fail {
				issuer.cert = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
					d.add("check " + h.ServerName)
					return &proof, nil
				}
			}
			srv := newServer(t, d, wsserver.Config{Hosts: list, Issuer: issuer, Events: events, Logger: log.logger()})
			l := clienttest.NewListener()
			serveOn(t, srv, l, srv.ServeTLS)
			conn, err := l.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			secure := tls.Client(conn, &tls.Config{ServerName: "a.example", NextProtos: []string{hosts.ALPNChallenge}, InsecureSkipVerify: true})
			err = secure.HandshakeContext(t.Context())
			if fail {
				synctest.Wait()
				if err == nil || d.count("reject tls 0") != 1 || srv.Stats().Challenges != 0 {
					t.Errorf("a check of nobody: %v, %v", err, d.lines())
				}
				return
			}
			if err != nil || secure.ConnectionState().NegotiatedProtocol != hosts.ALPNChallenge || !slices.Contains(secure.ConnectionState().PeerCertificates[0].DNSNames, "proof.example") {
				t.Fatalf("handshake = %v", err)
			}
			if n, err := secure.Read(make([]byte, 1)); n != 0 || err == nil || err.Error() != "EOF" {
				t.Errorf("then it reads %d, %v", n, err)
			}
			synctest.Wait()
			d.want(t, "check a.example")
			st := srv.Stats()
			if st.Challenges != 1 || len(st.Refused) != 0 || st.Errors != 0 || st.Pending != 0 || srv.LastError() != nil {
				t.Errorf("the figures are %+v", st)
			}
			if len(log.lines("DEBUG", "tls-alpn-01")) != 1 || len(log.lines("INFO", "refused")) != 0 {
				t.Errorf("the log is %q", log.lines())
			}
			clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "a.example", TLS: &tls.Config{RootCAs: ca.Pool()}})
		})
	}
}

// H-45, T-04: a check shows no client certificate, and gets through nevertheless.
func TestChallengeNeedsNoClientCertificate(t *testing.T) {
	ca, list := twoHosts(t)
	proof := ca.Leaf("proof.example")
	synctest.Test(t, func(t *testing.T) {
		issuer := &authority{cert: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &proof, nil }}
		srv := newServer(t, &desk{}, wsserver.Config{Hosts: list, Issuer: issuer, ClientAuth: hosts.ClientCertRequire, ClientCAs: ca.Pool()})
		l := clienttest.NewListener()
		serveOn(t, srv, l, srv.ServeTLS)
		if _, err := look(t, l, &tls.Config{ServerName: "a.example", NextProtos: []string{hosts.ALPNChallenge}}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := srv.Stats().Challenges; n != 1 {
			t.Errorf("%d checks", n)
		}
		time.Sleep(time.Minute)
	})
}

// H-49, T-04, H-36, T-06: settings that contradict each other, or that nobody would look at.
func TestTLSSettingsAreChecked(t *testing.T) {
	ca := wstest.NewCA(t)
	certs := &tls.Config{Certificates: []tls.Certificate{ca.Leaf("server.example")}}
	for _, tt := range []struct {
		field, value string
		cfg          wsserver.Config
	}{
		{"DisableTLS", "Config.TLS", wsserver.Config{DisableTLS: true, TLS: certs}},
		{"DisableTLS", "binding", wsserver.Config{DisableTLS: true, Bindings: tlsBinding()}},
		{"DisableTLS", "ClientAuth", wsserver.Config{DisableTLS: true, ClientAuth: hosts.ClientCertOptional, Hosts: named("a")}},
		{"Hosts", "TLSPort", wsserver.Config{DisableTLS: true, Hosts: []hosts.Host{{Names: []string{"*"}, TLSPort: 443, AllowTemporary: true}}}},
		{"ClientAuth", "neither", wsserver.Config{ClientAuth: hosts.ClientCertRequire}},
		{"Issuer", "Config.Hosts", wsserver.Config{Issuer: &authority{}}},
		{"ClientCAFile", "no such file", wsserver.Config{TLS: certs, ClientCAFile: "/no/such/file"}},
		{"ClientCAFile", "PEM", wsserver.Config{TLS: certs, ClientCAFile: "-----BEGIN NOTHING-----"}},
		{"ClientCAFile", "Config.ClientCAs", wsserver.Config{TLS: certs, ClientCAFile: ca.File(), ClientCAs: ca.Pool()}},
		{"RootCAFile", "Config.RootCAs", wsserver.Config{TLS: certs, RootCAFile: ca.File(), RootCAs: ca.Pool()}},
		{"RootCAFile", "no such file", wsserver.Config{TLS: certs, RootCAFile: "/no/such/file"}},
	} {
		t.Run(tt.field+" "+tt.value, func(t *testing.T) {
			tt.cfg.Logger = slog.New(slog.DiscardHandler)
			_, err := wsserver.New(wsserver.Class[tally](), tt.cfg)
			e, ok := errors.AsType[*wsserver.ConfigError](err)
			if !ok || e.Field != tt.field || !strings.Contains(err.Error(), tt.value) {
				t.Errorf("New = %v, want %s: %s", err, tt.field, tt.value)
			}
		})
	}
	srv := newServer(t, &desk{}, wsserver.Config{DisableTLS: true, Hosts: []hosts.Host{{Names: []string{"*"}, AllowTemporary: true}}})
	err := srv.ServeTLS(clienttest.NewListener())
	if e, ok := errors.AsType[*wsserver.ConfigError](err); !ok || e.Field != "DisableTLS" {
		t.Errorf("ServeTLS = %v", err)
	}
}

// T-06: authorities come from a file as well as from a pool; setting them demands nothing.
func TestAuthoritiesOfClientsComeFromAFile(t *testing.T) {
	ca, strange := wstest.NewCA(t), wstest.NewCA(t)
	cert, good, bad := ca.Leaf("server.example"), ca.Leaf("client"), strange.Leaf("client")
	for _, auth := range []hosts.ClientCert{hosts.ClientCertNone, hosts.ClientCertRequire} {
		synctest.Test(t, func(t *testing.T) {
			srv := newServer(t, &desk{}, wsserver.Config{
				TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, ClientAuth: auth, ClientCAFile: ca.File(),
			})
			l := clienttest.NewListener()
			serveOn(t, srv, l, srv.ServeTLS)
			for i, client := range []tls.Certificate{good, bad, {}} {
				_, _, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{TLS: &tls.Config{
					RootCAs: ca.Pool(), ServerName: "server.example", GetClientCertificate: showing(client),
				}})
				if want := i == 0 || auth == hosts.ClientCertNone; (err == nil) != want {
					t.Errorf("%v: client %d: %v", auth, i, err)
				}
			}
		})
	}
}

// E-28, T-04, H-22: what OnTLSHello chooses is under the rules for client certificates of
// the server and of the host.
func TestChosenConfigurationKeepsTheRules(t *testing.T) {
	ca, list := twoHosts(t)
	other, mine := ca.Leaf("a.example", "x.b.example"), ca.Leaf("client")
	for _, tt := range []struct {
		name  string
		cfg   wsserver.Config
		rules map[string]bool // by server name: is a certificate required?
	}{
		{"server", wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{other}}, ClientAuth: hosts.ClientCertRequire}, map[string]bool{"a.example": true}},
		{"all hosts", wsserver.Config{Hosts: list, ClientAuth: hosts.ClientCertRequire}, map[string]bool{"a.example": true, "x.b.example": true}},
		{"one host", wsserver.Config{Hosts: strict(list, 1)}, map[string]bool{"a.example": false, "x.b.example": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := tt.cfg
				cfg.ClientCAs = ca.Pool()
				cfg.Events.OnTLSHello = func(*tls.ClientHelloInfo) (*tls.Config, error) {
					return &tls.Config{Certificates: []tls.Certificate{other}}, nil
				}
				srv := newServer(t, &desk{}, cfg)
				l := clienttest.NewListener()
				serveOn(t, srv, l, srv.ServeTLS)
				for name, required := range tt.rules {
					for _, certs := range [][]tls.Certificate{nil, {mine}} {
						_, _, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Host: name, TLS: &tls.Config{RootCAs: ca.Pool(), GetClientCertificate: showing(certs...)}})
						if want := len(certs) > 0 || !required; (err == nil) != want {
							t.Errorf("%s with %d certificates: %v", name, len(certs), err)
						}
					}
				}
			})
		})
	}
}

// strict is list with a host that wants client certificates.
func strict(list []hosts.Host, i int) []hosts.Host {
	list = slices.Clone(list)
	list[i].ClientAuth = hosts.ClientCertRequire
	return list
}

// E-26, E-28: without the events a handshake is as it would be without their existence.
func TestNilTLSEventsCostNothing(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{})
	given := &tls.Config{}
	if c := wsserver.Announced(srv, given); c != given || c.GetConfigForClient != nil {
		t.Error("the configuration is changed")
	}
	status := newServer(t, &desk{}, wsserver.Config{Events: wsserver.Events{OnTLSStatus: func(wsserver.TLSStatus) {}}})
	if c := wsserver.Announced(status, given); c == given || c.GetConfigForClient == nil {
		t.Error("the configuration is not changed for OnTLSStatus")
	}
}
