package wsserver_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// refusals are requests that get no client, as bytes, and everything that follows.
var refusals = []struct {
	name    string
	request string
	status  int
	header  map[string]string
	body    string // part of it
	reason  wsserver.Reason
	setting string
}{
	//
	{"no HTTP", "\x00\x01\x02\r\n\r\n", 400, nil, "method", wsserver.ReasonBadRequest, ""},
	{"TLS to a plain port", "\x16\x03\x01\x02\x00\x01", 400, nil, "plain HTTP port", wsserver.ReasonBadRequest, ""},
	{"bad request line", "GET /\r\n\r\n", 400, nil, "request line", wsserver.ReasonBadRequest, ""},
	{"bad target", text(line("GET /a b HTTP/1.1")), 400, nil, "request line", wsserver.ReasonBadRequest, ""},
	{"no Host", text(less("Host")), 400, nil, "Host header is missing", wsserver.ReasonBadRequest, ""},
	{"two Hosts", text(more("Host: b.example")), 400, nil, "2 Host headers", wsserver.ReasonBadRequest, ""},
	{"bad Host", text(instead("Host: a b")), 400, nil, "Host header is not valid", wsserver.ReasonBadRequest, ""},
	{"folded header", text(more("X: a", " b")), 400, nil, "white space", wsserver.ReasonBadRequest, ""},
	{"control in a header", text(more("X: a\x00b")), 400, nil, "control character", wsserver.ReasonBadRequest, ""},
	{"HTTP/1.0", text(line("GET / HTTP/1.0")), 400, nil, "HTTP/1.1", wsserver.ReasonBadRequest, ""},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, nil, "HTTP/1.1", wsserver.ReasonBadRequest, ""},
	{"POST", text(line("POST / HTTP/1.1")), 405, map[string]string{"Allow": "GET"}, "GET", wsserver.ReasonBadRequest, ""},
	{"lower-case method", text(line("get / HTTP/1.1")), 405, map[string]string{"Allow": "GET"}, "GET", wsserver.ReasonBadRequest, ""},
	{"no Upgrade", text(less("Upgrade")), 400, nil, "Upgrade", wsserver.ReasonBadRequest, ""},
	{"other Upgrade", text(instead("Upgrade: h2c")), 400, nil, "Upgrade", wsserver.ReasonBadRequest, ""},
	{"no Connection", text(less("Connection")), 400, nil, "Connection", wsserver.ReasonBadRequest, ""},
	{"other Connection", text(instead("Connection: keep-alive")), 400, nil, "Connection", wsserver.ReasonBadRequest, ""},
	{"no key", text(less("Sec-WebSocket-Key")), 400, nil, "Key header is missing", wsserver.ReasonBadRequest, ""},
	{"key of 15 bytes", text(instead("Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1")), 400, nil, "16 bytes", wsserver.ReasonBadRequest, ""},
	{"two keys", text(more("Sec-WebSocket-Key: " + wstest.SampleKey)), 400, nil, "several", wsserver.ReasonBadRequest, ""},
	{"no version", text(less("Sec-WebSocket-Version")), 400, nil, "Version header is missing", wsserver.ReasonBadRequest, ""},
	{"version 8", text(instead("Sec-WebSocket-Version: 8")), 426,
		map[string]string{"Sec-Websocket-Version": "13", "Upgrade": "websocket"}, "13", wsserver.ReasonBadRequest, ""},
	{"body", text(more("Content-Length: 3")) + "abc", 400, nil, "body", wsserver.ReasonBadRequest, ""},
	{"chunked body", text(more("Transfer-Encoding: chunked")) + "0\r\n\r\n", 400, nil, "body", wsserver.ReasonBadRequest, ""},
	{"protocol that is none", text(more("Sec-WebSocket-Protocol: a b")), 400, nil, "not a token", wsserver.ReasonBadRequest, ""},
	{"protocol twice", text(more("Sec-WebSocket-Protocol: a, a")), 400, nil, "twice", wsserver.ReasonBadRequest, ""},
	{"headers too large", text(more("X: " + strings.Repeat("x", 17<<10))), 431, nil, "16384", wsserver.ReasonBadRequest, "MaxHeaderBytes"},
	{"endless headers", "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 4<<10), 431, nil, "16384", wsserver.ReasonBadRequest, "MaxHeaderBytes"},
	// H-13
	{"page", text(less("Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")), 426,
		map[string]string{"Upgrade": "websocket"}, "WebSocket", wsserver.ReasonNotUpgrade, ""},
	//
	{"other origin", text(more("Origin: https://evil.example")), 403, nil, "evil.example", wsserver.ReasonOrigin, "AllowedOrigins"},
	{"other port", text(more("Origin: http://server.example:81")), 403, nil, "origin", wsserver.ReasonOrigin, "AllowedOrigins"},
	{"null origin", text(more("Origin: null")), 403, nil, "origin", wsserver.ReasonOrigin, "AllowedOrigins"},
	{"two origins", text(more("Origin: http://server.example", "Origin: http://server.example")), 403, nil, "several Origin", wsserver.ReasonOrigin, ""},
	//
	{"protocol missing", text(more("Sec-WebSocket-Protocol: other")), 400, nil, "need", wsserver.ReasonSubProtocol, "RequireSubProtocol"},
	//
	{"unknown host", text(instead("Host: other.example")), 421, nil, "no host", wsserver.ReasonUnknownHost, "Hosts"},
	{"unknown host in an absolute target", text(line("GET http://other.example/ HTTP/1.1")), 421, nil, "no host", wsserver.ReasonUnknownHost, "Hosts"},
	{"page of an unknown host", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", 421, nil, "no host", wsserver.ReasonUnknownHost, "Hosts"},
}

func text(r wstest.Request) string { return string(r.Bytes()) }

// upgradeNeed is a handshake that would succeed.
func upgradeNeed() wstest.Request {
	return wstest.Upgrade("/").With("Sec-WebSocket-Protocol: need")
}
func more(lines ...string) wstest.Request {
	r := wstest.Upgrade("/")
	if !strings.HasPrefix(lines[0], "Sec-WebSocket-Protocol") {
		r = upgradeNeed()
	}
	return r.With(lines...)
}
func instead(line string) wstest.Request { return upgradeNeed().Replace(line) }
func line(s string) wstest.Request {
	r := upgradeNeed()
	r.Line = s
	return r
}
func less(names ...string) wstest.Request {
	r := upgradeNeed()
	for _, n := range names {
		r = r.Without(n)
	}
	return r
}

// O-01, O-20: each refusal is an answer that says
// why, a reason, a counter and a line of the log that names the setting; no user
// code has run and no place is taken.
func TestRefusalsOnTheWire(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, log := &desk{}, logbook{}
				var infos []wsserver.RejectInfo
				cfg := wsserver.Config{
					SubProtocols: []string{"need"}, RequireSubProtocol: true, Logger: log.logger(),
					Hosts:  []hosts.Host{{Tag: "main", Names: []string{"server.example"}}},
					Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { infos = append(infos, i) }},
				}
				srv := newServer(t, d, cfg)
				p := raw(t, serve(t, srv))
				go p.Conn.Write([]byte(tt.request)) // may be more than the server ever reads
				res := p.ReadResponse()
				if res.Status != tt.status || !strings.Contains(res.Body, tt.body) || res.Proto != "HTTP/1.1" {
					t.Errorf("answer is %d %q, want %d %q", res.Status, res.Body, tt.status, tt.body)
				}
				for name, want := range tt.header {
					if got := res.Header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				if got := res.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
					t.Errorf("Content-Type is %q", got)
				}
				p.WantEnd()
				p.Conn.Close()
				synctest.Wait()
				d.want(t)
				if len(infos) != 1 {
					t.Fatalf("OnReject is called %d times", len(infos))
				}
				i := infos[0]
				if i.Reason != tt.reason || i.Status != tt.status || i.Setting != tt.setting || i.Text == "" ||
					i.Remote.String() != p.Conn.LocalAddr().String() || i.Local.String() != p.Conn.RemoteAddr().String() || i.Binding == "" {
					t.Errorf("OnReject gets %+v", i)
				}
				if st := srv.Stats(); st.Refused[tt.reason.String()] != 1 || len(st.Refused) != 1 || st.Pending != 0 || wsserver.Places(srv) != 0 {
					t.Errorf("the figures are %+v", st)
				}
				setting := "setting=" + tt.setting
				if tt.setting == "" {
					setting = `setting=""`
				}
				if len(log.lines("refused", setting, "remote="+i.Remote.String(), "binding=")) != 1 {
					t.Errorf("the log has no line with %s:\n%s", setting, log.lines())
				}
			})
		})
	}
}

// the answer to a HEAD has no body, and the connection ends after it.
func TestRefusedHeadHasNoBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := raw(t, serve(t, newServer(t, &desk{}, wsserver.Config{})))
		p.Write(line("HEAD / HTTP/1.1").Bytes())
		b, err := io.ReadAll(p.Conn)
		head, body, ok := strings.Cut(string(b), "\r\n\r\n")
		if err != nil || !ok || body != "" || !strings.Contains(head, "405") || !strings.Contains(head, "Connection: close") {
			t.Errorf("answer is %q, %v", b, err)
		}
	})
}

// what looks odd and is right.
func TestUnusualHandshakesAreGood(t *testing.T) {
	for name, r := range map[string]wstest.Request{
		"Firefox":              wstest.Upgrade("/").Replace("Connection: keep-alive, Upgrade"),
		"upper case":           wstest.Upgrade("/").Replace("UPGRADE: WebSocket").Replace("CONNECTION: UPGRADE"),
		"list of upgrades":     wstest.Upgrade("/").Replace("Upgrade: h2c, websocket"),
		"two Connection lines": wstest.Upgrade("/").With("Connection: close"),
		"Content-Length 0":     wstest.Upgrade("/").With("Content-Length: 0"),
		"absolute target":      {Line: "GET http://server.example/ HTTP/1.1", Lines: wstest.Upgrade("/").Lines},
		"own origin":           wstest.Upgrade("/").With("Origin: http://server.example"),
		"own origin over TLS":  wstest.Upgrade("/").With("Origin: https://server.example"),
		"any address as host":  wstest.Upgrade("/").Replace("Host: [::1]:8080"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := raw(t, serve(t, newServer(t, &desk{}, wsserver.Config{})))
				p.Upgrade(r)
				p.Send(wstest.Text("x"))
				p.WantText("x")
			})
		})
	}
}

// "*" lets every page in; a list lets in what it names.
func TestAllowedOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			allowed []string
			origin  string
			status  int
		}{
			{[]string{"*"}, "https://any.example", 101},
			{[]string{"*"}, "null", 101},
			{[]string{"https://app.example"}, "https://app.example", 101},
			{[]string{"https://app.example"}, "http://app.example", 403},
			{[]string{"https://app.example"}, "http://server.example", 403},
			{[]string{"https://app.example"}, "", 101},
			{[]string{"https://*.example"}, "https://a.example", 101},
			{[]string{"app.example"}, "http://app.example:8080", 403},
		} {
			l := serve(t, newServer(t, &desk{}, wsserver.Config{AllowedOrigins: tt.allowed}))
			r := wstest.Upgrade("/")
			if tt.origin != "" {
				r = r.With("Origin: " + tt.origin)
			}
			if res := raw(t, l).Request(r); res.Status != tt.status {
				t.Errorf("%v, origin %q: %d %q, want %d", tt.allowed, tt.origin, res.Status, strings.TrimSpace(res.Body), tt.status)
			}
		}
	})
}

// every reason has a name, and no two the same.
func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := wsserver.ReasonBadRequest; r <= wsserver.ReasonFailed; r++ {
		if s := r.String(); s == "" || seen[s] || strings.HasPrefix(s, "reason(") {
			t.Errorf("reason %d is called %q", r, s)
		} else {
			seen[s] = true
		}
	}
	if got := wsserver.Reason(200).String(); got != "reason(200)" {
		t.Errorf("an unknown reason is called %q", got)
	}
}

// O-01: a flood of refused peers is counted to the last, and does not fill the log.
func TestFloodOfRefusalsIsLoggedInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		srv := newServer(t, &desk{}, wsserver.Config{Logger: log.logger()})
		l := serve(t, srv)
		for range 150 {
			raw(t, l).Request(get("/", "x"))
		}
		synctest.Wait()
		if n := srv.Stats().Refused["not an upgrade"]; n != 150 {
			t.Errorf("%d refusals are counted, want 150", n)
		}
		if n := len(log.lines("refused")); n != 100 {
			t.Errorf("%d lines are logged in one second, want 100", n)
		}
		time.Sleep(time.Second)
		raw(t, l).Request(get("/", "x"))
		if n := len(log.lines("refused", "left_out=50")); n != 1 {
			t.Errorf("what was left out is told %d times", n)
		}
	})
}
