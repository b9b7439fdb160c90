package wsserver_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// probe asks a path of the health handler and returns the status with what it says.
func probe(t *testing.T, srv interface{ HealthHandler() http.Handler }, path string) (int, wsserver.Health) {
	t.Helper()
	w := httptest.NewRecorder()
	srv.HealthHandler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	var h wsserver.Health
	if err := json.Unmarshal(w.Body.Bytes(), &h); err != nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %v in %q, %v", path, err, w.Body, w.Header())
	}
	return w.Code, h
}

// O-20: a server is ready while it takes clients, and alive until it was shut down.
func TestHealthFollowsTheLifeOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, hold := &desk{}, make(chan struct{})
		d.message = func(*guest, client.Message) error { <-hold; return nil }
		srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{MaxClients: 1}})
		want := func(when string, live, ready, full int, why string) {
			t.Helper()
			for path, status := range map[string]int{"/livez": live, "/readyz": ready, "/readyz?full=503": full} {
				got, h := probe(t, srv, path)
				if got != status || !strings.Contains(strings.Join(h.Why, "; "), why) || why == "" && len(h.Why) > 0 {
					t.Errorf("%s: %s is %d with %+v, want %d with %q", when, path, got, h, status, why)
				}
			}
			if srv.IsReady() != (ready == 200) || srv.Health().Live != (live == 200) {
				t.Errorf("%s: IsReady %v, Health %+v", when, srv.IsReady(), srv.Health())
			}
		}
		want("with nothing to listen on", 200, 200, 200, "")
		l := serve(t, srv)
		synctest.Wait()
		want("serving", 200, 200, 200, "")
		p := clienttest.Dial(t, l, "/", clienttest.DialOptions{})
		synctest.Wait()
		want("full", 200, 200, 503, "MaxClients")
		if err := srv.StopListening(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want("stopped", 200, 503, 503, "not listening")
		p.SendText("hold on")
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- srv.Shutdown(t.Context()) }()
		synctest.Wait()
		want("shutting down", 200, 503, 503, "shutting down")
		close(hold)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want("shut down", 503, 503, 503, "was shut down")
	})
}

// lostListener fails for good.
type lostListener struct{ net.Listener }

func (lostListener) Accept() (net.Conn, error) { return nil, errors.New("the interface is gone") }

// O-20: a server whose accept loops have ended by themselves wants a restart.
func TestHealthTellsOfAcceptLoopsThatEnded(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !srv.IsReady() {
		t.Errorf("not ready: %+v", srv.Health())
	}
	if err := srv.StopListening(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(lostListener{l}); err == nil {
		t.Error("Serve returns no error")
	}
	if code, h := probe(t, srv, "/livez"); code != 503 || h.Live || !strings.Contains(h.Why[0], "interface is gone") {
		t.Errorf("%d with %+v", code, h)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !srv.IsReady() {
		t.Errorf("not ready after another Listen: %+v", srv.Health())
	}
	if err := srv.PauseListener(0); err != nil {
		t.Fatal(err)
	}
	if code, h := probe(t, srv, "/readyz"); code != 503 || !h.Live || !strings.Contains(h.Why[0], "paused") {
		t.Errorf("paused: %d with %+v", code, h)
	}
}

// O-20: the handler answers GET and HEAD of its two paths.
func TestHealthHandlerKnowsItsPaths(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{})
	for _, tt := range []struct {
		method, path string
		status       int
	}{{"HEAD", "/livez", 200}, {"POST", "/livez", 405}, {"GET", "/", 404}, {"GET", "/livez/", 404}} {
		w := httptest.NewRecorder()
		srv.HealthHandler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status {
			t.Errorf("%s %s is %d, want %d", tt.method, tt.path, w.Code, tt.status)
		}
	}
}
