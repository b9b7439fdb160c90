package check

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/icsws/icsws/cmd/icsws/internal/reach"
)

// target is the URL in parts.
type target struct {
	url    *url.URL
	host   string // without port and brackets
	port   string
	secure bool
}

// newTarget takes a URL apart that package dial takes. Its name is in ASCII then, as it is
// in the DNS, in certificates and in requests.
func newTarget(s string) (*target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	t := &target{url: u, port: u.Port(), secure: u.Scheme == "wss"}
	if t.host, err = reach.ASCIIHost(u.Hostname()); err != nil {
		return nil, err
	}
	u.Host = strings.Replace(u.Host, u.Hostname(), t.host, 1)
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

// proxyOf asks for the proxy, nil for none. Without a function that is what the environment
// has.
func (t *target) proxyOf(choose func(*http.Request) (*url.URL, error)) (*url.URL, error) {
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	u := *t.url
	u.User, u.Scheme = nil, map[bool]string{false: "http", true: "https"}[t.secure]
	return choose(&http.Request{URL: &u})
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
