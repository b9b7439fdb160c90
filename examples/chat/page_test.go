package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

func TestEachHostHasItsPage(t *testing.T) { // H-01, H-13
	l := serve(t, 0)
	for _, tt := range []struct{ host, title, link string }{
		{"localhost:8080", "The Commons", "//lounge.localhost:8080/"},
		{"127.0.0.1:8080", "The Commons", "//lounge.localhost:8080/"},
		{"[::1]:8080", "The Commons", "//lounge.localhost:8080/"},
		{"lounge.localhost:8080", "The Lounge", "//localhost:8080/"},
		{"localhost", "The Commons", "//lounge.localhost/"},
	} {
		t.Run(tt.host, func(t *testing.T) {
			res, body := get(t, l, tt.host, "/")
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %s", res.Status)
			}
			for _, want := range []string{"<title>" + tt.title + "</title>", `href="` + tt.link + `"`} {
				if !strings.Contains(body, want) {
					t.Errorf("the page is without %s", want)
				}
			}
			if strings.Contains(body, "busy") {
				t.Error("the page is busy")
			}
		})
	}
	if res, _ := get(t, l, "other.example", "/"); res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("an unknown host gets %s", res.Status)
	}
}

func TestEachRoomHasItsPage(t *testing.T) {
	l := serve(t, 0)
	for _, tt := range []struct {
		path, at string // where redirects lead
		status   int
		want     string
	}{
		{"/r/garden", "/r/garden", http.StatusOK, "<title>garden – The Commons</title>"},
		{"/r/Garden", "/r/garden", http.StatusOK, `data-room="garden"`},
		{"/r/lobby", "/", http.StatusOK, `data-room=""`},
		{"/r/", "/r/", http.StatusBadRequest, errRoomName.Error()},
		{"/r/a/b", "/r/a/b", http.StatusBadRequest, errRoomName.Error()},
		{"/r/a%20b", "/r/a b", http.StatusBadRequest, errRoomName.Error()},
		{"/r/%3Cscript%3E", "/r/<script>", http.StatusBadRequest, errRoomName.Error()},
		{"/r/" + strings.Repeat("x", maxRoomName+1), "/r/" + strings.Repeat("x", maxRoomName+1), http.StatusBadRequest, errRoomName.Error()},
	} {
		t.Run(tt.path, func(t *testing.T) {
			res, body := get(t, l, "localhost", tt.path)
			if res.StatusCode != tt.status || res.Request.URL.Path != tt.at || !strings.Contains(body, tt.want) {
				t.Errorf("got %s at %s, %q; want %d at %s with %q", res.Status, res.Request.URL.Path, body, tt.status, tt.at, tt.want)
			}
		})
	}
}

func TestFilesAndTheirTypes(t *testing.T) {
	l := serve(t, 0)
	for _, tt := range []struct {
		path, contentType string
		status            int
	}{
		{"/", "text/html; charset=utf-8", http.StatusOK},
		{"/style.css", "text/css; charset=utf-8", http.StatusOK},
		{"/app.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/log.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/people.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/icsws.js", "text/javascript; charset=utf-8", http.StatusOK},
		{"/r/garden", "text/html; charset=utf-8", http.StatusOK},
		{"/r/caf%C3%A9", "text/plain; charset=utf-8", http.StatusBadRequest},
		{"/index.html", "text/plain; charset=utf-8", http.StatusNotFound},
	} {
		t.Run(tt.path, func(t *testing.T) {
			res, body := get(t, l, "localhost", tt.path)
			if got := res.Header.Get("Content-Type"); res.StatusCode != tt.status || got != tt.contentType {
				t.Errorf("got %s, %s", res.Status, got)
			}
			csp := res.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
				t.Errorf("policy %q", csp)
			}
			if got := res.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options %q", got)
			}
			for _, outside := range []string{"http:", "https:", "@import", "url("} {
				if strings.Contains(strings.Replace(body, "get url()", "", 1), outside) {
					t.Errorf("refers to the outside with %q", outside)
				}
			}
		})
	}
}

func TestWhenFullThePageSaysBusyAndAClientIsToldSo(t *testing.T) {
	l := serve(t, 1)
	ada := join(t, l, "localhost", "Ada")
	res, body := get(t, l, "lounge.localhost", "/")
	again := res.Header.Get("Retry-After")
	if res.StatusCode != http.StatusServiceUnavailable || again == "" || !strings.Contains(body, ">busy<") {
		t.Errorf("the page comes with %s, Retry-After %q", res.Status, again)
	}

	eve := clienttest.Dial(t, l, "/chat?name=Eve", clienttest.DialOptions{Host: "localhost"})
	if line := decode(t, eve.Receive()); line.Kind != "busy" {
		t.Errorf("Eve got %+v", line)
	}
	if got := eve.CloseCode(); got != client.StatusTryAgainLater {
		t.Errorf("closed with %v", got)
	}
	ada.SendText("still here")
	ada.hears("Ada", "still here")
}
