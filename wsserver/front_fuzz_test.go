package wsserver_test

import (
	"crypto/tls"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

// H-24: whatever a request says of its host and target, even one that middleware has made
// up, the Location is one line of ASCII with the scheme of the template, and following it
// ends.
func FuzzRedirect(f *testing.F) {
	for _, host := range []string{"a.example", "a.example:81", "[2001:db8::1]:8080", "::1", "", "x\r\ny", "a%0d", "%", "[", "a:b:c", "ä.example", "a.example."} {
		for _, target := range []string{"/", "/a?b=c#d", "//evil.example/x", "/\r\nX: y", "*", "http://a.example/abs", "/%zz", "/{host}{uri}", "/é|", ""} {
			f.Add(host, target, false)
			f.Add(host, target, true)
		}
	}
	srv := newServer(f, &desk{}, wsserver.Config{Hosts: []hosts.Host{{Names: []string{"*", "home.example"}, RedirectURL: "https://{host}{uri}"}}})
	f.Fuzz(func(t *testing.T, host, target string, secure bool) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			u = &url.URL{Path: "/"}
		}
		r := &http.Request{Method: "GET", Proto: "HTTP/1.1", Host: host, RequestURI: target, URL: u, Header: http.Header{}}
		if secure {
			r.TLS = new(tls.ConnectionState)
		}
		to := wsserver.Location(srv, r)
		if strings.HasPrefix(u.Path, "/.well-known/") && to != "" {
			t.Errorf("%q is sent to %q", u.Path, to)
		}
		if to == "" {
			return
		}
		if !strings.HasPrefix(to, "https://") || strings.ContainsFunc(to, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			t.Errorf("host %q, target %q: Location %q", host, target, to)
		}
		again, err := url.Parse(to)
		if err != nil || again.Host == "" {
			return // no client can follow it
		}
		uri := strings.TrimPrefix(to, "https://"+again.Host)
		uri, _, _ = strings.Cut(uri, "#")
		if !strings.HasPrefix(uri, "/") {
			return
		}
		there := &http.Request{Method: "GET", Proto: "HTTP/1.1", Host: again.Host, RequestURI: uri, URL: again, Header: http.Header{}, TLS: new(tls.ConnectionState)}
		if end := wsserver.Location(srv, there); end != "" {
			t.Errorf("%q leads to %q and that to %q", host, to, end)
		}
	})
}

// listed is a file system that notes what it is asked for.
type listed struct{ names []string }

func (l *listed) Open(name string) (fs.File, error) {
	l.names = append(l.names, name)
	return nil, fs.ErrNotExist
}

// H-23: no path asks a file system, or OnWellKnown, for something outside.
func FuzzWellKnownPath(f *testing.F) {
	for _, path := range []string{"a", "../a", "a/../../b", "/a", "a/", "", ".", "..", `..\a`, "a\x00", "./a", "a//b", "acme-challenge/x", "é", strings.Repeat("a/", 100)} {
		f.Add(path)
	}
	files := &listed{}
	srv := newServer(f, &desk{}, wsserver.Config{Hosts: []hosts.Host{{
		Names: []string{"*"}, WellKnown: files,
		OnWellKnown: func(path string) ([]byte, bool) {
			files.names = append(files.names, strings.TrimSuffix(path, "/"))
			return nil, false
		},
	}}})
	f.Fuzz(func(t *testing.T, path string) {
		files.names = nil
		r := &http.Request{Method: "GET", Proto: "HTTP/1.1", Host: "a.example", RequestURI: "/", URL: &url.URL{Path: "/.well-known/" + path}, Header: http.Header{}}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%q is answered %d", path, w.Code)
		}
		for _, name := range files.names {
			if !fs.ValidPath(name) || strings.Contains(name, `\`) {
				t.Errorf("%q asks for %q", path, name)
			}
		}
	})
}
