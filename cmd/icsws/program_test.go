package main

import (
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
)

// O-24: the exit codes of the program itself.
func TestExitCodes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	refuses := certkit.Listen(t, certkit.Say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	pem := certkit.File(t, "old.pem", certkit.Issue(t, nil, "old", []string{"a.example"}).CertPEM())
	for _, tt := range []struct {
		line string
		code int
		want string // part of stdout or stderr
	}{
		{"version", 0, "icsws "},
		{"explain 1000", 0, "normal closure"},
		{"explain nothing-like-it", 1, "not known"},
		{"cert " + pem, 1, "self-signed"},
		{"cert " + filepath.Join(t.TempDir(), "none.pem"), 1, "none.pem"},
		{"nonsense", 2, "unknown command"},
		{"check", 2, "missing argument: URL"},
		{"check --no-such ws://a/", 2, "unknown flag --no-such"},
		{"check ws://" + nobody, 3, "refuses the connection"},
		{"cert " + nobody, 3, "refused"},
		{"check --timeout 1s ws://" + certkit.Listen(t, certkit.Hush), 4, "not answered"},
		{"cert --timeout 1s " + certkit.Listen(t, certkit.Hush), 4, "does not answer to TLS"},
		{"check ws://" + refuses, 5, "403 Forbidden"},
		{"serve echo --addr nonsense", 1, "nonsense"},
		{"serve echo --addr 127.0.0.1:0 --self-signed --tls-cert x", 2, "exclude each other"},
		{"serve static " + filepath.Join(t.TempDir(), "none"), 1, "none"},
	} {
		r := run(t, strings.Fields(tt.line)...)
		if r.code != tt.code || !strings.Contains(r.stdout+r.stderr, tt.want) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", tt.line, r.code, tt.code, tt.want, r.stdout, r.stderr)
		}
	}
}

// With --json stdout is one value and stderr one object, whatever happens.
func TestJSONOfTheProgram(t *testing.T) {
	for _, line := range []string{"version --json", "--json explain 1006", "explain --json --list", "cert --json " + certkit.File(t, "a.pem", certkit.Issue(t, nil, "a", []string{"a.example"}).CertPEM())} {
		if r := run(t, strings.Fields(line)...); !json.Valid([]byte(r.stdout)) || r.stderr != "" {
			t.Errorf("%s: %q and %q", line, r.stdout, r.stderr)
		}
	}
	for _, line := range []string{"--json nonsense", "--json", "check --json", "check --no-such ws://a/ --json", "cert --json none.pem"} {
		var e struct {
			Error string
			Exit  int
		}
		r := run(t, strings.Fields(line)...)
		if err := json.Unmarshal([]byte(r.stderr), &e); err != nil || e.Error == "" || e.Exit != r.code || r.stdout != "" {
			t.Errorf("%s: exit %d, %q and %q", line, r.code, r.stdout, r.stderr)
		}
	}
}
