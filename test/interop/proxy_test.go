package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is what a process has printed.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// free returns an address on which nobody listens. Somebody else may take it meanwhile;
// the proxy then ends, and start tries another one.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func freePort(t *testing.T) int {
	t.Helper()
	return int(netip.MustParseAddrPort(free(t)).Port())
}

func joinPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// nginx starts one whose events, http and stream blocks are those of conf, where LISTEN
// stands for its address, which is returned.
func nginx(t *testing.T, conf string) string {
	t.Helper()
	return start(t, "nginx", func(dir, addr string) []string {
		file := write(t, dir, "nginx.conf", nginxHead+conf, "LISTEN", addr, "DIR", dir, "http {", nginxHTTP(dir))
		return []string{"-p", dir, "-c", file, "-e", "stderr"}
	})
}

// One process for each test, in the foreground, that touches nothing but its folder.
const nginxHead = `
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
`

func nginxHTTP(dir string) string {
	head := "http { access_log off;"
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		head += fmt.Sprintf(" %s_temp_path %s/%[1]s;", name, dir)
	}
	return head
}

// haproxy starts one with the sections of conf, likewise.
func haproxy(t *testing.T, conf string) string {
	t.Helper()
	return start(t, "haproxy", func(dir, addr string) []string {
		return []string{"-db", "-f", write(t, dir, "haproxy.cfg", haproxyHead+conf, "LISTEN", addr)}
	})
}

const haproxyHead = `
global
	maxconn 512
defaults
	timeout connect 5s
	timeout client 30s
	timeout server 30s
	timeout tunnel 1m
`

func write(t *testing.T, dir, name, text string, replace ...string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(replace...).Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs a proxy until the end of the test and returns its address once it listens.
func start(t *testing.T, name string, args func(dir, addr string) []string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path = "/usr/sbin/" + name; !executable(path) {
			t.Fatalf("%s is not installed: ci/interop.sh install brings it", name)
		}
	}
	for range 5 {
		dir, addr := t.TempDir(), free(t)
		out := new(output)
		cmd := exec.Command(path, args(dir, addr)...)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		err := listens(addr, ended)
		if err == nil {
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-ended
				if t.Failed() {
					t.Logf("%s said:\n%s", name, out)
				}
			})
			return addr
		}
		_ = cmd.Process.Kill()
		if !strings.Contains(out.String(), "in use") {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	t.Fatalf("%s found no free address", name)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o111 != 0
}

// listens waits for somebody to listen on addr.
func listens(addr string, ended chan error) error {
	for range 200 {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("ended: %w", errors.Join(err))
		default:
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			return conn.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	return errors.New("does not listen after 5 s")
}
