package certs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// write puts a configuration beside the files that it names.
func write(t *testing.T, name, text string, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	files[name] = []byte(text)
	for n, data := range files {
		if err := os.WriteFile(filepath.Join(dir, n), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name)
}

const twoHosts = `
[[hosts]]
tag = "chat"
names = ["chat.example", "www.chat.example"]
port = 80
tls_port = 443
cert = "chat.pem"

[[hosts]]
tag = "plain"
names = ["plain.example"]
port = 80
`

// O-24: the hosts of a file with their certificates.
func TestHostsCheck(t *testing.T) {
	names := []string{"chat.example", "www.chat.example"}
	good := certkit.Issue(t, nil, "chat", names)
	old, late := certkit.Issue(t, nil, "chat", names, certkit.Valid(-9*day, -day)), certkit.Issue(t, nil, "chat", names, certkit.Valid(-9*day, 5*day))
	for _, tt := range []struct {
		name, args string
		cert       *certkit.Pair
		code       cli.Code
		bad        []string
	}{
		{"in order", "", good, cli.OK, nil},
		{"expired", "", old, cli.Failed, []string{"certificate"}},
		{"expires soon", "", late, cli.Failed, []string{"expiring"}},
		{"expires soon enough", "--warn 4d", late, cli.OK, nil},
		{"not there", "", nil, cli.Failed, []string{"certificate"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string][]byte{}
			if tt.cert != nil {
				files["chat.pem"] = append(tt.cert.CertPEM(), tt.cert.KeyPEM(t)...)
			}
			file := write(t, "server.toml", twoHosts, files)
			r := clitest.Run(t, commands, append([]string{"hosts", "check", "--json", file}, strings.Fields(tt.args)...)...)
			var got hostsReport
			r.JSON(t, &got)
			if r.Code != tt.code || len(got.Problems) != 0 || len(got.Hosts) != 2 {
				t.Fatalf("exit %d, want %d\n%s", r.Code, tt.code, r.Stdout)
			}
			if bad := codes(got.Hosts[0].Findings, show.Bad); !slices.Equal(bad, tt.bad) {
				t.Errorf("bad: %q, want %q\n%s", bad, tt.bad, r.Stdout)
			}
			if h := got.Hosts[0]; h.Tag != "chat" || !slices.Equal(h.Names, names) || !slices.Equal(h.Plain, []string{":80"}) || !slices.Equal(h.TLS, []string{":443"}) {
				t.Errorf("host %+v", h)
			}
			if h := got.Hosts[1]; !slices.Equal(codes(h.Findings, show.OK), []string{"no-certificate"}) || h.TLS != nil {
				t.Errorf("host %+v", h)
			}
		})
	}
}

// O-24: what is wrong with a file comes with its line.
// O-24: a file of somebody else does not take the terminal over.
func TestHostsCheckOfAFileWithControlCharacters(t *testing.T) {
	path := write(t, "server.ini", "[Server]\n[\x1b[31mHost]\nx=1\n", map[string][]byte{})
	if r := clitest.Run(t, commands, "hosts", "check", path); r.Code != cli.Failed || strings.Contains(r.Stdout, "\x1b") || !strings.Contains(r.Stdout, `\x1b`) {
		t.Errorf("exit %d\n%q", r.Code, r.Stdout)
	}
}

func TestHostsCheckNamesTheLine(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		line             int
		want             string
	}{
		{"unknown key", "server.toml", "max_pending = 5\n\n[[hosts]]\nnamse = [\"a\"]\n", 4, "names"},
		{"syntax", "server.yaml", "hosts:\n  - tag: [\n", 0, "syntax"},
		{"wrong type", "server.json", "{\n  \"max_pending\": \"many\"\n}\n", 2, "max_pending"},
		{"INI", "server.ini", "[Server]\nMaxPending=many\n", 2, "MaxPending"},
		{"INI of ICS", "app.ini", "[Form]\nLeft=10\n[IcsHost1]\nHostEnabled=True\nHosts=a.example\nBindSslPort=x\n", 6, "BindSslPort"},
		{"what the server says", "server.toml", "allowed_clients = [\"300.1.1.1/99\"]\n", 0, "AllowedClients"},
		{"the format", "server.txt", "x", 0, "unknown format"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, tt.file, tt.text, map[string][]byte{})
			r := clitest.Run(t, commands, "hosts", "check", "--json", file)
			var got hostsReport
			r.JSON(t, &got)
			if r.Code != cli.Failed || len(got.Problems)+len(got.Findings) != 1 {
				t.Fatalf("exit %d\n%s", r.Code, r.Stdout)
			}
			if len(got.Problems) == 1 && (tt.line != 0 && got.Problems[0].Line != tt.line || !strings.Contains(got.Problems[0].Text, tt.want)) ||
				len(got.Findings) == 1 && !strings.Contains(got.Findings[0].Text, tt.want) {
				t.Errorf("want line %d and %q\n%s", tt.line, tt.want, r.Stdout)
			}
			text := clitest.Run(t, commands, "hosts", "check", file)
			if text.Code != cli.Failed || !strings.Contains(text.Stdout, tt.want) || strings.Contains(text.Stdout, "no errors") {
				t.Errorf("exit %d\n%s", text.Code, text.Stdout)
			}
		})
	}
}

// O-24: hosts of an ICS application, with what it says of settings without a meaning here.
func TestHostsCheckOfICS(t *testing.T) {
	file := write(t, "app.ini", "[Form]\nLeft=10\n[IcsHost1]\nHostEnabled=True\nHosts=a.example\nBindNonPort=8080\nWebLogDir=/tmp\n[IcsHost2]\nHosts=b.example\nBindNonPort=8080\n", map[string][]byte{})
	r := clitest.Run(t, commands, "hosts", "check", file)
	if r.Code != cli.OK || !strings.Contains(r.Stdout, "a.example") || !strings.Contains(r.Stdout, file+": no errors\n") || !strings.Contains(r.Stdout, "warning: "+file+":") {
		t.Errorf("exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	mine := write(t, "app.ini", "[Server]\nWhat=ever\n[MyHost1]\nHostEnabled=True\nHosts=c.example\nBindNonPort=8080\n", map[string][]byte{})
	r = clitest.Run(t, commands, "hosts", "check", "--prefix", "MyHost", mine)
	if r.Code != cli.OK || !strings.Contains(r.Stdout, "c.example") {
		t.Errorf("exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

func TestHostsCheckFindsOneAddressTwice(t *testing.T) {
	pair := certkit.Issue(t, nil, "a", []string{"a.example", "b.example"})
	text := "[[hosts]]\nnames = [\"a.example\"]\nport = 80\n[[hosts]]\nnames = [\"b.example\"]\ntls_port = 80\ncert = \"a.pem\"\n"
	file := write(t, "server.toml", text, map[string][]byte{"a.pem": append(pair.CertPEM(), pair.KeyPEM(t)...)})
	r := clitest.Run(t, commands, "hosts", "check", file)
	if r.Code != cli.Failed || !strings.Contains(r.Stdout, "ddress conflict") {
		t.Errorf("exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// A host whose certificate an authority issues is in order without one.
func TestHostsCheckOrdersNothing(t *testing.T) {
	text := "[[hosts]]\nnames = [\"a.example\"]\ntls_port = 443\nport = 80\nauto_order = true\n"
	r := clitest.Run(t, commands, "hosts", "check", write(t, "server.toml", text, map[string][]byte{}))
	if r.Code != cli.OK || !strings.Contains(r.Stdout, "An authority issues the certificate") {
		t.Errorf("exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

func TestHostsCheckOfNoFile(t *testing.T) {
	if r := clitest.Run(t, commands, "hosts", "check", filepath.Join(t.TempDir(), "none.toml")); r.Code != cli.Failed || !strings.Contains(r.Stderr, "none.toml") {
		t.Errorf("exit %d, %q", r.Code, r.Stderr)
	}
	if r := clitest.Run(t, commands, "hosts", "check", t.TempDir()); r.Code != cli.Usage {
		t.Errorf("exit %d, %q", r.Code, r.Stderr)
	}
}
