package check

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// target is the URL in parts.
type target struct {
	url    *url.URL
	host   string // without port and brackets
	port   string
	secure bool
	path   string // for the request line
}

// parseTarget reads a URL. Pages are taken for the WebSocket beside them.
func parseTarget(s string) (*target, error) {
	if !strings.Contains(s, "://") {
		return nil, cli.BadUsage("%q is no URL; did you mean wss://%s?", s, s)
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, cli.BadUsage("%v", err)
	}
	switch strings.ToLower(u.Scheme) {
	case "ws", "http":
		u.Scheme = "ws"
	case "wss", "https":
		u.Scheme = "wss"
	default:
		return nil, cli.BadUsage("%q: want a URL that begins with ws:// or wss://", s)
	}
	if u.Fragment != "" || strings.Contains(s, "#") {
		return nil, cli.BadUsage("%q: the URL of a WebSocket has no fragment (#)", s)
	}
	if u.Hostname() == "" {
		return nil, cli.BadUsage("%q: the host is missing", s)
	}
	t := &target{url: u, host: u.Hostname(), port: u.Port(), secure: u.Scheme == "wss", path: u.RequestURI()}
	if t.port == "" {
		t.port = map[bool]string{false: "80", true: "443"}[t.secure]
	}
	return t, nil
}

// addr is where to connect to.
func (t *target) addr() string { return net.JoinHostPort(t.host, t.port) }

// shown is the URL without what is secret in it.
func (t *target) shown() string { return t.url.Redacted() }

// origin is what a page of the same host sends.
func (t *target) origin() string {
	o := url.URL{Scheme: map[bool]string{false: "http", true: "https"}[t.secure], Host: t.url.Host}
	return o.String()
}

// literal is the address, if the host is one.
func (t *target) literal() (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.host)
	return a, err == nil
}

// proxyFor returns the proxy that text or the environment names, nil for none.
func (t *target) proxyFor(text string) (*url.URL, error) {
	switch text {
	case "none":
		return nil, nil
	case "":
		u := *t.url
		u.Scheme = map[bool]string{false: "http", true: "https"}[t.secure]
		return http.ProxyFromEnvironment(&http.Request{URL: &u})
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, cli.BadUsage("flag --proxy: %v", err)
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, cli.BadUsage("flag --proxy: %q: want http, https, socks5 or socks5h", u.Scheme)
}

// proxyAddr is where the proxy listens.
func proxyAddr(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "1080"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
