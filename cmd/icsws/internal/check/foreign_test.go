package check

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/wsserver"
)

// O-24: a server that lets pages of any site in is told of, and is no failure.
func TestCheckTellsThatPagesOfAnySiteMayConnect(t *testing.T) {
	cookie := wsserver.Factory[*echo]{New: func(r *client.OpenRequest) (*echo, error) {
		r.ResponseHeader.Set("Set-Cookie", "id=1")
		return new(echo), nil
	}}
	late := wsserver.Factory[*echo]{New: func(r *client.OpenRequest) (*echo, error) { return new(echo), nil }, Connect: func(c *echo) error {
		if c.Info().Origin == foreignOrigin {
			return &client.CloseError{Code: client.StatusPolicyViolation, Reason: "not from there"}
		}
		return nil
	}}
	any := wsserver.Config{AllowedOrigins: []string{"*"}}
	for _, tt := range []struct {
		name   string
		f      wsserver.ClientFactory[*echo]
		c      wsserver.Config
		args   string
		result string
		level  show.Level
		text   string
	}{
		{"any", wsserver.Class[echo](), any, "", "accepted", show.Note, "Pages of any site may connect"},
		{"any, no pings", wsserver.Class[echo](), any, "--pings 0", "accepted", show.Note, "Pages of any site may connect"},
		{"any, and cookies", cookie, any, "", "accepted", show.Warning, "Pages of any site may connect"},
		{"any, with a cookie of ours", wsserver.Class[echo](), any, "-H Cookie:id=1", "accepted", show.Warning, "Pages of any site may connect"},
		{"one", wsserver.Class[echo](), wsserver.Config{AllowedOrigins: []string{"https://a.example"}}, "--origin https://a.example", "refused", show.OK, "answers 403 Forbidden"},
		{"refused after the handshake", late, any, "", "refused", show.OK, "closes with 1008"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, code := diagnose(t, append(strings.Fields(tt.args), "ws://"+serve(t, tt.f, tt.c))...)
			last := got.Findings[len(got.Findings)-1]
			if code != cli.OK || got.Foreign == nil || got.Foreign.Result != tt.result || got.Foreign.Origin != foreignOrigin {
				t.Errorf("exit %d, %+v", code, got.Foreign)
			}
			if last.Step != "origin" || last.Level != tt.level || !strings.Contains(last.Text, tt.text) || (tt.level > show.OK) != (last.Advice != "") {
				t.Errorf("finding %+v", last)
			}
			if n := len(got.Handshake); n != 2 || got.Handshake[1].Origin != foreignOrigin {
				t.Errorf("handshakes %+v", got.Handshake)
			}
		})
	}
}

// O-24: whatever becomes of the second handshake, the verdict is that of the first, and the
// time is bounded.
func TestCheckOfAForeignOriginChangesNoVerdict(t *testing.T) {
	for _, tt := range []struct{ name, answer, result string }{
		{"silence", "", "unknown"},
		{"503", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "unknown"},
		{"429", "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "unknown"},
		{"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "refused"},
		{"no HTTP", "nonsense\r\n\r\n", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serve(t, wsserver.Class[echo](), wsserver.Config{})
			addr := certkit.Listen(t, func(c net.Conn) {
				in := bufio.NewReader(c)
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				if r.Header.Get("Origin") == foreignOrigin {
					_, _ = io.WriteString(c, tt.answer)
					if tt.answer == "" {
						_, _ = io.Copy(io.Discard, c)
					}
					return
				}
				replay(c, in, r, server)
			})
			got, found, code := diagnose(t, "--timeout", "1s", "ws://"+addr)
			if code != cli.OK || got.Foreign == nil || got.Foreign.Result != tt.result {
				t.Errorf("exit %d, findings %q, %+v", code, found, got.Foreign)
			}
			if unknown := slices.Contains(found, "origin-unknown"); unknown != (tt.result == "unknown") {
				t.Errorf("findings %q", found)
			}
		})
	}
}

// replay hands a request that was read on to a server, and what comes after it.
func replay(c net.Conn, in io.Reader, r *http.Request, server string) {
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	if r.Write(to) != nil {
		_ = to.Close()
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(to, in); _ = to.Close() }()
	_, _ = io.Copy(c, to)
	_ = c.Close()
	<-done
}

// O-24: the ways of --resolve and --unix, as connect has them.
func TestCheckByResolveAndUnix(t *testing.T) {
	addr := serve(t, wsserver.Class[echo](), wsserver.Config{})
	_, port, _ := net.SplitHostPort(addr)
	got, found, code := diagnose(t, "--resolve", "chat.invalid:"+port+":127.0.0.1", "--user", "ada:x", "ws://chat.invalid:"+port+"/")
	if code != cli.OK || !slices.Equal(found, []string{"resolve"}) || len(got.TCP) != 1 || got.TCP[0].Address != addr || got.DNS.Addresses[0] != "127.0.0.1" {
		t.Errorf("resolve: exit %d, findings %q, %+v", code, found, got)
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := wsserver.New(wsserver.Class[echo](), wsserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	defer func() { _ = srv.Close(); <-done }()
	got, found, code = diagnose(t, "--unix", socket, "ws://chat.invalid/")
	if code != cli.OK || len(found) != 0 || len(got.TCP) != 1 || got.TCP[0].Address != socket || got.DNS != nil {
		t.Errorf("unix: exit %d, findings %q, %+v", code, found, got)
	}
	if _, found, code := diagnose(t, "--unix", socket+"x", "ws://chat.invalid/"); code != cli.NoConnection || !slices.Equal(found, []string{"no-socket"}) {
		t.Errorf("no socket: exit %d, findings %q", code, found)
	}
	if r := clitest.Run(t, commands, "check", "--unix", socket, "--resolve", "a:1:127.0.0.1", "ws://a:1"); r.Code != cli.Usage {
		t.Errorf("both: exit %d", r.Code)
	}
}
