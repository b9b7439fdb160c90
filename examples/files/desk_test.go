package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client/clienttest"
)

func TestWhoIsLetIn(t *testing.T) {
	s := serve(t, nil)
	for _, tt := range []struct {
		name, target, host, origin string
		status                     int // 0: in
	}{
		{"localhost", "/transfer", "localhost:8080", "http://localhost:8080", 0},
		{"an address", "/transfer", "192.0.2.1", "", 0},
		{"an IPv6 address", "/transfer", "[::1]:8080", "", 0},
		{"an IPv6 address without a port", "/transfer", "[::1]", "", 0},
		{"a name of -names", "/transfer", "Files.example:81", "", 0},
		{"another name, which leads here", "/transfer", "evil.example", "http://evil.example", http.StatusMisdirectedRequest},
		{"another page", "/transfer", "localhost", "http://evil.example", http.StatusForbidden},
		{"another path", "/", "localhost", "", http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, res, err := clienttest.TryDial(t, s.Listener, tt.target, clienttest.DialOptions{Host: tt.host, Origin: tt.origin})
			if tt.status == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != tt.status {
				t.Errorf("answer %v, %v; want status %d", res, err, tt.status)
			}
		})
	}
}

func TestPagesAndTheirTypes(t *testing.T) {
	s := serve(t, nil)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx) }}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	for _, tt := range []struct {
		path, contentType string
		status            int
	}{
		{"/", "text/html; charset=utf-8", http.StatusOK},
		{"/style.css", "text/css; charset=utf-8", http.StatusOK},
		{"/app.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/sha256.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/index.html", "text/plain; charset=utf-8", http.StatusNotFound},
		{"/../main.go", "text/plain; charset=utf-8", http.StatusNotFound},
	} {
		res, err := c.Get("http://localhost" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Content-Type"); res.StatusCode != tt.status || got != tt.contentType {
			t.Errorf("%s is %s, %s", tt.path, res.Status, got)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s has the policy %q", tt.path, csp)
		}
	}
}
