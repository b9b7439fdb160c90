package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the chat on a network in memory.
func serve(t *testing.T, maxClients int) *clienttest.Listener {
	t.Helper()
	_, l := serveWith(t, options{maxClients: maxClients, maxRooms: 100})
	return l
}

func serveWith(t *testing.T, o options) (*wsserver.Server[*Member], *clienttest.Listener) {
	t.Helper()
	o.log = slog.LevelError + 1
	srv, err := newServer(o)
	if err != nil {
		t.Fatal(err)
	}
	l := clienttest.NewListener()
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return srv, l
}

func TestRunListensAndLetsEverybodyGo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, parse([]string{"-addr", "127.0.0.1:0", "-tls-addr", "127.0.0.1:0", "-log", "error"}), w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	var plain string
	for _, scheme := range []string{"http", "https"} {
		lines.Scan()
		address, found := strings.CutPrefix(lines.Text(), "listening on ")
		u, err := url.Parse(strings.Fields(address + " -")[0])
		if !found || err != nil || u.Scheme != scheme || u.Hostname() != "127.0.0.1" {
			t.Fatalf("printed %q, %v; want an address with %s", lines.Text(), err, scheme)
		}
		if scheme == "http" {
			plain = u.Host
		}
	}
	go io.Copy(io.Discard, r)

	conn, err := net.Dial("tcp", plain)
	if err != nil {
		t.Fatal(err)
	}
	ada := clienttest.Open(t, conn, "/chat?name=Ada", clienttest.DialOptions{Host: "localhost"})
	ada.Receive()
	cancel()
	if got := ada.CloseCode(); got != client.StatusGoingAway {
		t.Errorf("closed with %v, want %v", got, client.StatusGoingAway)
	}
	if err := <-done; err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestDoor(t *testing.T) {
	for _, tt := range []struct {
		name, addr, tlsAddr string
		want                door
		ok                  bool
	}{
		{"the default is on IPv6 too", defaultAddr, defaultTLSAddr, door{"127.0.0.1", "::1", 8080, 8443}, true},
		{"another address stands alone", "127.0.0.1:81", "127.0.0.1:82", door{"127.0.0.1", "", 81, 82}, true},
		{"plain only", "127.0.0.1:81", "", door{"127.0.0.1", "", 81, 0}, true},
		{"TLS only", "", "[::1]:82", door{"::1", "", 0, 82}, true},
		{"all addresses", ":81", ":82", door{"", "", 81, 82}, true},
		{"two addresses", "127.0.0.1:81", "127.0.0.2:82", door{}, false},
		{"no port", "127.0.0.1", "", door{}, false},
		{"port by name", "127.0.0.1:http", "", door{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newDoor(tt.addr, tt.tlsAddr)
			if ok := err == nil; got != tt.want || ok != tt.ok {
				t.Errorf("newDoor(%q, %q) = %v, %v; want %v, ok %v", tt.addr, tt.tlsAddr, got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestPortZeroIsOnePortForAllHosts(t *testing.T) {
	d, err := newDoor("127.0.0.1:0", "")
	if err != nil || d.port <= 0 {
		t.Fatalf("newDoor = %v, %v; want a port", d, err)
	}
}

func TestOnlyTheSecondAddressMayFail(t *testing.T) {
	if got := (door{bind: "127.0.0.1", bind2: "::1"}).policy(); got != multilisten.BestEffort {
		t.Errorf("policy with two addresses = %v", got)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = run(t.Context(), options{addr: taken.Addr().String(), maxRooms: 1}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("run on a port that is taken = %v", err)
	}
}

// get asks for a page. A response has been read and is in memory.
func get(t *testing.T, l *clienttest.Listener, host, path string) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return l.Dial(ctx)
	}}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	res, err := c.Get("http://" + host + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}
