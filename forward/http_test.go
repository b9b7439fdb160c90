package forward_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/forward"
)

// front is a server with the handler of a target.
func front(t *testing.T, target string, o forward.HTTPOptions) *httptest.Server {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	h, err := forward.HTTP(target, o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.Close(); h.Close() })
	return s
}

func ask(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r, string(b)
}

// F-04: ordinary requests reach the target with what it must know, and nothing that belongs
// to one hop or that anybody can invent.
func TestHTTPForwardsRequests(t *testing.T) {
	seen := make(chan *http.Request, 1)
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		w.Header().Set("X-Mine", "1")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.Copy(w, r.Body)
	}))
	defer back.Close()
	s := front(t, back.URL+"/base", forward.HTTPOptions{})
	req, _ := http.NewRequest("POST", s.URL+"/page?x=1", strings.NewReader("body"))
	req.Host = "front.example"
	for name, v := range map[string]string{"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "Connection": "X-Hop, upgrade", "X-Hop": "1", "Upgrade": "h2c", "Te": "x"} {
		req.Header.Set(name, v)
	}
	r, body := ask(t, req)
	if r.StatusCode != http.StatusTeapot || body != "body" || r.Header.Get("X-Mine") != "1" {
		t.Errorf("the answer is %v %q", r, body)
	}
	got := <-seen
	h := got.Header
	if got.URL.String() != "/base/page?x=1" || h.Get("X-Forwarded-For") != "127.0.0.1" || h.Get("X-Forwarded-Host") != "front.example" || h.Get("X-Forwarded-Proto") != "http" {
		t.Errorf("the target got %v %v", got.URL, h)
	}
	for _, name := range []string{"Forwarded", "X-Hop", "Upgrade", "Te"} {
		if h.Get(name) != "" {
			t.Errorf("the target got %s: %s", name, h.Get(name))
		}
	}
}

// F-04: what fails has its status: 502, 504, 413, and 501 for an upgrade.
func TestHTTPFailures(t *testing.T) {
	stop := make(chan struct{})
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-stop
	}))
	defer back.Close()
	defer close(stop)
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") }
	never := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	for _, tt := range []struct {
		name   string
		o      forward.HTTPOptions
		header string
		status int
	}{
		{"refused", forward.HTTPOptions{Dial: refuse}, "", 502},
		{"never reached", forward.HTTPOptions{Dial: never, DialTimeout: time.Millisecond}, "", 504},
		{"never answered", forward.HTTPOptions{ResponseTimeout: time.Millisecond}, "", 504},
		{"too long", forward.HTTPOptions{MaxBodyBytes: 3}, "", 413},
		{"WebSocket", forward.HTTPOptions{}, "websocket", 501},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := front(t, back.URL, tt.o)
			req, _ := http.NewRequest("POST", s.URL, strings.NewReader("body"))
			if tt.header != "" {
				req.Header.Set("Upgrade", tt.header)
				req.Header.Set("Connection", "upgrade")
			}
			if r, _ := ask(t, req); r.StatusCode != tt.status {
				t.Errorf("the answer is %d, want %d", r.StatusCode, tt.status)
			}
		})
	}
	for _, bad := range []string{"", "ws://a.example", "http://", "http://u@a.example", "http://a.example/?x"} {
		if _, err := forward.HTTP(bad, forward.HTTPOptions{}); err == nil {
			t.Errorf("HTTP(%q) = nil", bad)
		}
	}
}
