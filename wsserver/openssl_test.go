package wsserver_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// s_client runs "openssl s_client" against addr until it has said request and the server
// has closed, and returns what it printed.
func sClient(t *testing.T, addr, request string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", append([]string{"s_client", "-connect", addr, "-ign_eof"}, args...)...)
	cmd.Stdin = strings.NewReader(request)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); ctx.Err() != nil || strings.Contains(out.String(), "Unknown option") {
		t.Fatalf("openssl s_client: %v\n%s", err, &out) // its exit status tells nothing more
	} else if cmd.ProcessState == nil {
		t.Fatalf("openssl is needed for this test: %v", err)
	}
	return out.String()
}

// H-20, H-21, H-22, T-04, T-16, A-26: hosts of one listener as a TLS client that others
// wrote sees them.
func TestOpenSSLMeetsTheHosts(t *testing.T) {
	ca := wstest.NewCA(t)
	host := func(tag string, change func(*hosts.Host)) hosts.Host {
		name := tag + ".example"
		cert, key := ca.Files(ca.Leaf(name))
		h := hosts.Host{Tag: tag, Names: []string{name}, Cert: cert, Key: key}
		if change != nil {
			change(&h)
		}
		return h
	}
	pool, err := hosts.PoolFromFile(ca.File())
	no(t, err)
	srv := newServerOf(t, wsserver.Class[parrot](), wsserver.Config{ClientCAs: pool, Hosts: []hosts.Host{
		host("open", nil),
		host("new", func(h *hosts.Host) { h.Level = hosts.LevelTLS13Only }),
		host("old", func(h *hosts.Host) { h.Level = hosts.LevelTLS12Less }),
		host("members", func(h *hosts.Host) { h.ClientAuth = hosts.ClientCertRequire }),
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	no(t, err)
	serveOn(t, srv, l, srv.ServeTLS)
	member, memberKey := ca.Files(ca.Leaf("member"))
	session := filepath.Join(t.TempDir(), "session.pem")
	trust := []string{"-CAfile", ca.File(), "-verify_return_error"}
	for _, tt := range []struct {
		name, host string
		args       []string
		want       []string // all are in the output
		status     string   // of the answer to a request for the host; empty: no handshake
	}{
		{"by name", "open.example", nil, []string{"open.example", "Verify return code: 0"}, "101"},
		{"session is made", "open.example", []string{"-sess_out", session, "-no_tls1_3"}, []string{"New, TLSv1.2"}, "101"},
		{"session is resumed", "open.example", []string{"-sess_in", session, "-no_tls1_3"}, []string{"Reused, TLSv1.2"}, "101"},
		{"session is worth nothing elsewhere", "old.example", []string{"-sess_in", session}, []string{"New, TLSv1.2"}, "101"},
		{"TLS 1.3 where it is asked for", "new.example", nil, []string{"TLSv1.3"}, "101"},
		{"no TLS 1.2 there", "new.example", []string{"-tls1_2"}, []string{"alert protocol version"}, ""},
		{"TLS 1.2 where it is asked for", "old.example", []string{"-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"}, []string{"TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"}, "101"},
		{"no CBC", "old.example", []string{"-cipher", "ECDHE-ECDSA-AES256-SHA"}, []string{"alert handshake failure"}, ""},
		{"member", "members.example", []string{"-cert", member, "-key", memberKey}, []string{"Acceptable client certificate CA names"}, "101"},
		{"no member", "members.example", []string{"-tls1_2"}, []string{"alert"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := string(wstest.Upgrade("/").Replace("Host: " + tt.host).Bytes())
			// After the answer an unmasked frame makes the server close.
			out := sClient(t, l.Addr().String(), request+"\x81\x00", append(append([]string{"-servername", tt.host}, trust...), tt.args...)...)
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
			if got := strings.Contains(out, "HTTP/1.1 "); got != (tt.status != "") || got && !strings.Contains(out, "HTTP/1.1 "+tt.status) {
				t.Errorf("answer %v, want %q\n%s", got, tt.status, out)
			}
		})
	}
	t.Run("another host's request", func(t *testing.T) {
		request := string(wstest.Upgrade("/").Replace("Host: members.example").Bytes())
		out := sClient(t, l.Addr().String(), request, append([]string{"-servername", "open.example"}, trust...)...)
		if !strings.Contains(out, "HTTP/1.1 421") {
			t.Errorf("want 421\n%s", out)
		}
	})
	if _, err := os.Stat(session); err != nil {
		t.Error(err)
	}
}
