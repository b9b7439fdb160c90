package check

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/wsserver"
)

// O-24: an international name is in ASCII for the DNS, for --resolve, in the certificate, the
// Origin and in what a proxy is asked for.
func TestCheckOfAnInternationalName(t *testing.T) {
	const ascii = "xn--bcher-kva.invalid"
	got, found, code := diagnose(t, "ws://bücher.invalid/")
	if code != cli.NoConnection || !slices.Equal(found, []string{"no-host"}) || !strings.Contains(got.Findings[0].Text, ascii) {
		t.Errorf("DNS: exit %d, findings %+v", code, got.Findings)
	}

	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf := certkit.Issue(t, root, "leaf", []string{ascii})
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	pages := wsserver.Factory[*echo]{New: func(r *client.OpenRequest) (*echo, error) {
		if r.Origin == "" {
			return nil, r.Reject(403, "pages only")
		}
		return new(echo), nil
	}}
	server := serve(t, pages, wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}})
	_, port, _ := net.SplitHostPort(server)
	got, found, code = diagnose(t, "--ca", ca, "--resolve", "BÜCHER.invalid:"+port+":127.0.0.1", "wss://Bücher.invalid:"+port+"/")
	if code != cli.Refused || !slices.Equal(found, []string{"resolve", "origin-needed"}) || got.Handshake[1].Origin != "https://"+ascii+":"+port {
		t.Errorf("TLS: exit %d, findings %q, %+v", code, found, got.Handshake)
	}

	proxy := certkit.Listen(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil && r.Method == http.MethodConnect && r.Host == ascii+":443" {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			relay(c, server)
		}
	})
	if _, found, code := diagnose(t, "--ca", ca, "--proxy", proxy, "--origin", "https://"+ascii, "wss://bücher.invalid/"); code != cli.OK || !slices.Equal(found, []string{"proxy"}) {
		t.Errorf("proxy: exit %d, findings %q", code, found)
	}
}
