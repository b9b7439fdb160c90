package check

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var commands = []*cli.Command{Command()}

// echo is the class of the servers.
type echo struct{ client.Base }

func (c *echo) OnMessage(m client.Message) error { return c.Send(m) }

// serve runs a server of ours, and returns its address.
func serve(t *testing.T, f wsserver.ClientFactory[*echo], c wsserver.Config) string {
	t.Helper()
	c.Addr = "127.0.0.1:0"
	srv, err := wsserver.New(f, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv.Listeners().States[0].Bound.String()
}

// diagnose runs "check --json" and returns what it has found, from notes on.
func diagnose(t *testing.T, args ...string) (report, []string, cli.Code) {
	t.Helper()
	r := clitest.Run(t, commands, append([]string{"check", "--json"}, args...)...)
	var got report
	r.JSON(t, &got)
	if got.Exit != r.Code {
		t.Errorf("exit %d, and %d in the report", r.Code, got.Exit)
	}
	return got, codes(got.Findings, show.Note), r.Code
}

func codes(list show.Findings, from show.Level) (c []string) {
	for _, f := range list {
		if f.Level >= from {
			c = append(c, f.Code)
		}
	}
	return c
}

// O-24: a server that is in order.
func TestCheckOfAHealthyServer(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf := certkit.Issue(t, root, "leaf", []string{"127.0.0.1"})
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	addr := serve(t, wsserver.Class[echo](), wsserver.Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}, SubProtocols: []string{"chat"},
		Compression: client.Compression{Mode: client.CompressionMessage},
	})
	got, found, code := diagnose(t, "--ca", ca, "--protocol", "chat", "wss://"+addr+"/ws")
	if code != cli.OK || len(found) != 0 {
		t.Errorf("exit %d, findings %q", code, found)
	}
	want := []string{"connected", "tls", "name", "valid", "trusted", "open", "protocol", "compression", "pong", "closed", "origin-checked"}
	if all := codes(got.Findings, show.OK); !slices.Equal(all, want) {
		t.Errorf("findings %q, want %q", all, want)
	}
	if got.TLS.ALPN != "http/1.1" || len(got.TCP) != 1 || len(got.Handshake) != 2 || got.Handshake[1].Status != 403 || got.Foreign.Result != "refused" || got.Handshake[0].Status != 101 || got.Handshake[0].Protocol != "chat" {
		t.Errorf("report %+v", got)
	}
	if got.Ping.Sent != 3 || got.Ping.Answered != 3 || len(got.Ping.RTT) != 3 || !got.Close.Answered || got.Close.Code != 1000 {
		t.Errorf("ping %+v, close %+v", got.Ping, got.Close)
	}
	text := clitest.Run(t, commands, "check", "--ca", ca, "wss://"+addr+"/ws")
	if text.Code != cli.OK || !strings.HasSuffix(text.Stdout, "\nAll is well.\n") {
		t.Errorf("exit %d\n%s", text.Code, text.Stdout)
	}
	for line := range strings.Lines(text.Stdout) {
		if len(line) > 81 {
			t.Errorf("longer than 80: %s", line)
		}
	}
}

// O-24: what the bad servers of this world do, one after the other.
func TestCheckOfBadServers(t *testing.T) {
	pair := certkit.Issue(t, nil, "me", []string{"127.0.0.1"})
	secure := &tls.Config{Certificates: []tls.Certificate{pair.TLS()}}
	answer := func(text string) string {
		return "ws://" + certkit.Listen(t, func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, text)
			}
		})
	}
	status := func(n int, more string) string {
		return answer(fmt.Sprintf("HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\n\r\n", n, http.StatusText(n), more))
	}
	reject := wsserver.Factory[*echo]{New: func(r *client.OpenRequest) (*echo, error) { return nil, r.Reject(401, "log in first") }}
	leaves := wsserver.Factory[*echo]{
		New:     func(*client.OpenRequest) (*echo, error) { return new(echo), nil },
		Connect: func(*echo) error { return &client.CloseError{Code: 4001, Reason: "not you"} },
	}
	for _, tt := range []struct {
		name, url string
		args      string
		code      cli.Code
		want      []string // notes, warnings and what is bad
	}{
		{"401", "ws://" + serve(t, reject, wsserver.Config{}), "", cli.Refused, []string{"status-401", "body"}},
		{"403 with header", status(403, "Server: thing/1\r\n"), "", cli.Refused, []string{"status-403"}},
		{"404", status(404, ""), "", cli.Refused, []string{"status-404"}},
		{"426 for a version", answer("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\n\r\n"), "", cli.Refused, []string{"status-426", "version"}},
		{"503 with Retry-After", status(503, "Retry-After: 7\r\n"), "", cli.Refused, []string{"status-503", "retry-after"}},
		{"redirect", status(301, "Location: https://other.example/ws\r\n"), "", cli.Refused, []string{"status-301", "location"}},
		{"page", answer("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>hello</html>\r\n"), "", cli.Refused, []string{"status-200"}},
		{"401 with a scheme", status(401, "WWW-Authenticate: Basic realm=\"x\"\r\n"), "", cli.Refused, []string{"status-401", "authenticate"}},
		{"101 without accept", answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), "", cli.Refused, []string{"not-websocket"}},
		{"mail server", "ws://" + certkit.Listen(t, certkit.Say("220 mail.example ESMTP\r\n")), "", cli.Refused, []string{"not-websocket"}},
		{"chooses an extension", "ws://" + certkit.Listen(t, breaks("Sec-WebSocket-Extensions: x\r\n", "")), "", cli.Refused, []string{"extension"}},
		{"text that is none", "ws://" + certkit.Listen(t, breaks("", "\x81\x01\xff")), "", cli.Refused, []string{"broken"}},
		{"frame that is none", "ws://" + certkit.Listen(t, breaks("", "\xf1\x00")), "", cli.Refused, []string{"broken"}},
		{"closes", "ws://" + certkit.Listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }), "", cli.NoConnection, []string{"closed"}},
		{"silent", "ws://" + certkit.Listen(t, certkit.Hush), "--timeout 1s", cli.TimedOut, []string{"handshake-timeout"}},
		{"TLS without an answer", "wss://" + certkit.Listen(t, certkit.Hush), "--timeout 1s", cli.TimedOut, []string{"tls-timeout"}},
		{"self-signed", "wss://" + serve(t, wsserver.Class[echo](), wsserver.Config{TLS: secure}), "", cli.Failed, []string{"self-signed"}},
		{"self-signed, and meant so", "wss://" + serve(t, wsserver.Class[echo](), wsserver.Config{TLS: secure}), "-k", cli.OK, []string{"self-signed"}},
		{"wss to a plain port", "wss://" + serve(t, wsserver.Class[echo](), wsserver.Config{}), "", cli.NoConnection, []string{"not-tls"}},
		{"ws to a TLS port", "ws://" + serve(t, wsserver.Class[echo](), wsserver.Config{TLS: secure}), "", cli.Refused, []string{"status-400", "body"}},
		{"closes at once", "ws://" + serve(t, leaves, wsserver.Config{}), "", cli.Refused, []string{"closed-early"}},
		{"foreign origin", "ws://" + serve(t, wsserver.Class[echo](), wsserver.Config{}), "--origin https://shop.example", cli.Refused, []string{"origin-refused"}},
		{"no sub-protocol in common", "ws://" + serve(t, wsserver.Class[echo](), wsserver.Config{SubProtocols: []string{"a"}}), "--protocol b", cli.OK, []string{"no-protocol"}},
		{"name that does not exist", "ws://nothing.invalid/", "", cli.NoConnection, []string{"no-host"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, found, code := diagnose(t, append(strings.Fields(tt.args), tt.url)...)
			if code != tt.code || !slices.Equal(found, tt.want) {
				t.Errorf("exit %d, findings %q, want %d, %q", code, found, tt.code, tt.want)
				for _, f := range got.Findings {
					t.Logf("%v %s: %s", f.Level, f.Code, f.Text)
				}
			}
			for _, f := range got.Findings {
				if strings.Contains(f.Text, "Ws://") {
					t.Errorf("%q has the URL in it, which is there already", f.Text)
				}
				if f.Step == "" || f.Text == "" || f.Level == show.Bad && f.Advice == "" {
					t.Errorf("%+v has no step, text or advice", f)
				}
			}
		})
	}
}

// O-24: a server that lets only its own pages in.
func TestCheckFindsOutThatAnOriginIsNeeded(t *testing.T) {
	needs := wsserver.Factory[*echo]{New: func(r *client.OpenRequest) (*echo, error) {
		if r.Origin == "" {
			return nil, r.Reject(403, "pages only")
		}
		return new(echo), nil
	}}
	got, found, code := diagnose(t, "ws://"+serve(t, needs, wsserver.Config{}))
	if code != cli.Refused || !slices.Equal(found, []string{"origin-needed"}) || len(got.Handshake) != 3 || got.Handshake[1].Status != 101 || got.Handshake[1].Origin == "" {
		t.Errorf("exit %d, findings %q, handshakes %+v", code, found, got.Handshake)
	}
	if got.Close == nil || !got.Close.Answered {
		t.Errorf("the walk has not gone on: %+v", got)
	}
}

func TestCheckOfAPortOnWhichNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	got, found, code := diagnose(t, "ws://"+addr)
	if code != cli.NoConnection || !slices.Equal(found, []string{"refused"}) || got.TCP[0].Error == "" {
		t.Errorf("exit %d, findings %q, %+v", code, found, got.TCP)
	}
}

// O-24: the whole way through a proxy of the command line.
func TestCheckThroughAProxy(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf := certkit.Issue(t, root, "leaf", []string{"chat.invalid"})
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	server := serve(t, wsserver.Class[echo](), wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}})
	proxy := func(status int) string {
		return certkit.Listen(t, func(c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil || r.Method != http.MethodConnect || r.Host != "chat.invalid:443" {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 %d %s\r\n\r\n", status, http.StatusText(status))
			if status != http.StatusOK {
				return
			}
			relay(c, server)
		})
	}
	got, found, code := diagnose(t, "--ca", ca, "--proxy", "http://ada:secret@"+proxy(200), "wss://chat.invalid/")
	if code != cli.OK || !slices.Equal(found, []string{"proxy"}) || strings.Contains(got.Proxy, "secret") {
		t.Errorf("exit %d, findings %q, proxy %s", code, found, got.Proxy)
	}
	for _, status := range []int{403, 407, 502} {
		if _, found, code := diagnose(t, "--proxy", proxy(status), "wss://chat.invalid/"); code != cli.NoConnection || !slices.Equal(found, []string{"proxy", "proxy-status"}) {
			t.Errorf("%d: exit %d, findings %q", status, code, found)
		}
	}
	if _, found, code := diagnose(t, "--proxy", proxy(403), "ws://chat.invalid:443/"); code != cli.NoConnection || !slices.Contains(found, "proxy-status") {
		t.Errorf("ws: exit %d, findings %q", code, found)
	}
}

// relay connects c with a server until one of them goes.
func relay(c net.Conn, server string) {
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(to, c); _ = to.Close() }()
	_, _ = io.Copy(c, to)
	_ = c.Close()
	<-done
}

// O-24: through a proxy that is not HTTP the handshake looks at the certificate itself.
func TestCheckThroughSOCKS(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf := certkit.Issue(t, root, "leaf", []string{"chat.invalid"})
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	server := serve(t, wsserver.Class[echo](), wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}})
	proxy := "socks5h://" + certkit.Listen(t, func(c net.Conn) { // RFC 1928
		buf := make([]byte, 300)
		if n, err := io.ReadAtLeast(c, buf, 3); err != nil || n != 2+int(buf[1]) {
			return
		}
		_, _ = c.Write([]byte{5, 0})
		if _, err := io.ReadFull(c, buf[:4+1+len("chat.invalid")+2]); err != nil {
			return
		}
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		relay(c, server)
	})
	got, found, code := diagnose(t, "--ca", ca, "--proxy", proxy, "wss://chat.invalid/")
	if code != cli.OK || !slices.Equal(found, []string{"proxy"}) || got.TLS != nil || got.Close == nil {
		t.Errorf("exit %d, findings %q, %+v", code, found, got)
	}
	if _, found, code := diagnose(t, "--proxy", proxy, "wss://chat.invalid/"); code != cli.NoConnection || !slices.Equal(found, []string{"proxy", "cert-unknown"}) {
		t.Errorf("unknown authority: exit %d, findings %q", code, found)
	}
	if _, found, code := diagnose(t, "-k", "--proxy", proxy, "wss://chat.invalid/"); code != cli.OK || !slices.Equal(found, []string{"proxy"}) {
		t.Errorf("insecure: exit %d, findings %q", code, found)
	}
}

// O-24: headers and a client certificate go along.
func TestCheckSendsWhatItIsGiven(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf, mine := certkit.Issue(t, root, "leaf", []string{"127.0.0.1"}), certkit.Issue(t, root, "ada", []string{"ada.example"})
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	own := certkit.File(t, "ada.pem", mine.CertPEM(), mine.KeyPEM(t))
	wants := wsserver.Factory[*echo]{New: func(r *client.OpenRequest) (*echo, error) {
		if r.Header.Get("X-Token") != "a: b" || len(r.TLS.PeerCertificates) != 1 || r.TLS.PeerCertificates[0].Subject.CommonName != "ada" {
			return nil, r.Reject(401, "who?")
		}
		return new(echo), nil
	}}
	addr := serve(t, wants, wsserver.Config{ClientAuth: hosts.ClientCertRequire, ClientCAFile: ca, TLS: &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}})
	_, found, code := diagnose(t, "--ca", ca, "--cert", own, "-H", "X-Token: a: b", "wss://"+addr)
	if code != cli.OK || !slices.Equal(found, []string{"client-certificate"}) {
		t.Errorf("exit %d, findings %q", code, found)
	}
	_, found, code = diagnose(t, "--ca", ca, "wss://"+addr)
	if code != cli.NoConnection || !slices.Contains(found, "client-certificate") {
		t.Errorf("without: exit %d, findings %q", code, found)
	}
}

func TestCheckOfWhatIsNoURL(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"check chat.example", "did you mean wss://chat.example?"},
		{"check ftp://chat.example", "want a URL that begins with ws:// or wss://"},
		{"check ws:///path", "there is no host"},
		{"check ws://a/#b", "a fragment is not allowed"},
		{"check ws://a:b:c/", "invalid"},
		{"check -H nonsense ws://a/", "want \"Name: value\""},
		{"check --proxy ftp://x ws://a/", "want http, https, socks5 or socks5h"},
		{"check -H Upgrade:x ws://a/", "Upgrade"},
		{"check --protocol a,b ws://a/", "not a token"},
		{"check --pings -1 ws://a/", "0 to 100"},
		{"check --timeout 0s ws://a/", "more than 0"},
		{"check --key x ws://a/", "need --cert"},
	} {
		if r := clitest.Run(t, commands, strings.Fields(tt.line)...); r.Code != cli.Usage || !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("%s: exit %d, %q, want %q", tt.line, r.Code, r.Stderr, tt.want)
		}
	}
}

// What a server says is shown without what could play with the terminal.
func TestCheckShowsNoControlCharacters(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "\x1b[2Jgone\x07"+strings.Repeat("x", 500)+"\nsecond line")
	}))
	defer h.Close()
	r := clitest.Run(t, commands, "check", h.URL)
	if r.Code != cli.Refused || strings.ContainsAny(r.Stdout, "\x1b\x07") || !strings.Contains(r.Stdout, "?[2Jgone?x") || strings.Contains(r.Stdout, "second") {
		t.Errorf("exit %d\n%q", r.Code, r.Stdout)
	}
}

// stub is a prober for what real servers hardly do.
type stub struct{ s *stubSession }

func (p stub) open(context.Context, dial.Options) (session, error) { return p.s, nil }

type stubSession struct {
	pong error
	info client.CloseInfo
	gone chan struct{}
}

func (s *stubSession) answer() answer                              { return answer{header: http.Header{}} }
func (s *stubSession) ping(context.Context) (time.Duration, error) { return time.Millisecond, s.pong }
func (s *stubSession) ended() <-chan struct{}                      { return s.gone }
func (s *stubSession) end() client.CloseInfo                       { return s.info }
func (s *stubSession) messages() int                               { return 2 }
func (s *stubSession) close(context.Context) error                 { return nil }

// O-24: pings and close frames that are not answered.
func TestCheckOfAServerThatDoesNotAnswerFrames(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    *stubSession
		code cli.Code
		want []string
	}{
		{"no pong", &stubSession{pong: context.DeadlineExceeded, info: client.CloseInfo{Code: 1000, Cause: client.ErrCloseCalled}}, cli.TimedOut, []string{"no-pong", "messages", "any-origin"}},
		{"close frame not answered", &stubSession{info: client.CloseInfo{Code: 1000, Cause: errors.Join(client.ErrCloseCalled, client.ErrCloseTimeout)}}, cli.OK, []string{"messages", "close-unanswered", "any-origin"}},
	} {
		cmd := Command()
		cmd.Setup = func(f *cli.Flags) cli.RunFunc {
			o := new(options)
			o.declare(f)
			return func(ctx context.Context, env *cli.Env, args []string) error {
				return o.run(ctx, env, args[0], stub{tt.s})
			}
		}
		tt.s.gone = make(chan struct{})
		r := clitest.Run(t, []*cli.Command{cmd}, "check", "--json", "ws://"+certkit.Listen(t, certkit.Hush))
		var got report
		r.JSON(t, &got)
		if found := codes(got.Findings, show.Note); r.Code != tt.code || !slices.Equal(found, tt.want) {
			t.Errorf("%s: exit %d, findings %q, want %d, %q", tt.name, r.Code, found, tt.code, tt.want)
		}
	}
}

// breaks accepts a handshake with a further header line, and sends what is no frame then.
func breaks(line, frame string) func(net.Conn) {
	return func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n%s",
			base64.StdEncoding.EncodeToString(accept[:]), line, frame)
		_, _ = io.Copy(io.Discard, c)
	}
}
