package forward_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/forward"
)

// lockedBuffer is a log of several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// O-20: requests to a target that is down do not fill the log, and none is forgotten.
func TestHTTPFailuresAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		h, err := forward.HTTP("http://target.example", forward.HTTPOptions{
			Logger: slog.New(slog.NewTextHandler(&out, nil)),
			Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		ask := func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != http.StatusBadGateway {
				t.Errorf("answered with %d", w.Code)
			}
		}
		for range 1000 {
			ask()
		}
		time.Sleep(time.Second)
		ask()
		if n := strings.Count(out.b.String(), "\n"); n > 201 {
			t.Errorf("%d lines", n)
		}
		if !strings.Contains(out.b.String(), "left_out=900") {
			t.Error("what was left out is not told")
		}
	})
}

// F-04: a target can not make a tunnel of a request.
func TestHTTPTargetCanNotSwitchProtocols(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var all sync.WaitGroup
	defer all.Wait()
	defer l.Close()
	all.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\nSECRET")
		_, _ = io.Copy(io.Discard, conn)
	})
	s := front(t, "http://"+l.Addr().String(), forward.HTTPOptions{})
	req, _ := http.NewRequest("GET", s.URL, nil)
	if r, body := ask(t, req); r.StatusCode != http.StatusBadGateway || strings.Contains(body, "SECRET") {
		t.Errorf("answered with %d %q", r.StatusCode, body)
	}
}

// F-04: a WebSocket handshake gets 501 however it is spelt.
func TestHTTPUpgradesAreNotServed(t *testing.T) {
	s := front(t, "http://127.0.0.1:1", forward.HTTPOptions{})
	for _, v := range []string{"websocket", "WebSocket", "h2c, websocket"} {
		req, _ := http.NewRequest("GET", s.URL, nil)
		req.Header.Set("Upgrade", v)
		req.Header.Set("Connection", "Upgrade")
		if r, _ := ask(t, req); r.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s: %d", v, r.StatusCode)
		}
	}
}
