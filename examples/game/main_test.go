package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the game on a network in memory, without its ticks.
func serve(t testing.TB, pilots int) (*Game, *wsserver.Server[*Pilot], *clienttest.Listener) {
	t.Helper()
	loop := pump.New(pump.Options{})
	game, srv, err := newServer(options{maxClients: pilots, log: slog.LevelError + 1}, loop)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- loop.Run(context.Background()) }()
	l := clienttest.NewListener()
	go srv.Serve(l)
	t.Cleanup(func() {
		srv.Close()
		loop.Close()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return game, srv, l
}

func TestRunPlaysAndLetsEverybodyGo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, parse([]string{"-addr", "127.0.0.1:0", "-bots", "3", "-log", "error"}), w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	lines.Scan()
	addr, found := strings.CutPrefix(lines.Text(), "listening on http://")
	if !found {
		t.Fatalf("printed %q", lines.Text())
	}
	go io.Copy(io.Discard, r)

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ada := clienttest.Open(t, conn, "/play?name=Ada", clienttest.DialOptions{Host: addr})
	h, err := readHello(ada.Receive().Data)
	if err != nil {
		t.Fatal(err)
	}
	see := newPicture()
	for see.ships < 4 || see.tick < 3 {
		if err := see.take(ada.Receive().Data); err != nil {
			t.Fatal(err)
		}
	}
	if see.bots != 3 {
		t.Errorf("%d of them are bots", see.bots)
	}
	if see.bodies[h.slot].name != "Ada" {
		t.Errorf("Ada does not see herself among %d bodies", len(see.bodies))
	}
	cancel()
	if got := ada.CloseCode(); got != client.StatusGoingAway {
		t.Errorf("closed with %v, want %v", got, client.StatusGoingAway)
	}
	if err := <-done; err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestFlagsAreChecked(t *testing.T) {
	for _, n := range []int{0, -1, maxSlots} {
		if err := run(t.Context(), options{maxClients: n}, io.Discard); err == nil || !strings.Contains(err.Error(), "-max-clients") {
			t.Errorf("run with %d pilots = %v", n, err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := run(t.Context(), options{addr: taken.Addr().String(), maxClients: 1}, io.Discard); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("run on a port that is taken = %v", err)
	}
}

func TestFilesAndTheirTypes(t *testing.T) { // H-13
	_, _, l := serve(t, 10)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) }}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for _, tt := range []struct {
		path, contentType string
		status            int
	}{
		{"/", "text/html; charset=utf-8", http.StatusOK},
		{"/style.css", "text/css; charset=utf-8", http.StatusOK},
		{"/app.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/wire.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/draw.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/icsws.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/main.go", "text/plain; charset=utf-8", http.StatusNotFound},
	} {
		res, err := c.Get("http://localhost" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if got := res.Header.Get("Content-Type"); err != nil || res.StatusCode != tt.status || got != tt.contentType {
			t.Errorf("%s: %s, %s, %v", tt.path, res.Status, got, err)
		}
		csp := res.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", tt.path, res.Header)
		}
		for _, outside := range []string{"http:", "https:", "@import", "url("} {
			if strings.Contains(strings.Replace(string(body), "get url()", "", 1), outside) {
				t.Errorf("%s refers to the outside with %q", tt.path, outside)
			}
		}
	}
}
