package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wsdial"
)

// way is a proxy.
type way struct {
	url  *url.URL // without user info
	user *url.Userinfo
	host string
	addr string
}

// chooseProxy asks Options.Proxy; nil is none.
func (a *attempt) chooseProxy() (*way, *DialError) {
	a.proxy = nil
	r := (&http.Request{
		Method: http.MethodGet, URL: a.to.asHTTP(), Host: a.to.hostHeader(), Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(a.ctx)
	var u *url.URL
	err := guarded(func() (err error) { u, err = a.o.Proxy(r); return err })
	if err != nil { // the text of http.ProxyFromEnvironment has the whole variable in it
		return nil, a.blame(StageProxy, &hidden{"Options.Proxy, or the environment, has no usable proxy", err})
	}
	if u == nil {
		return nil, nil
	}
	w, err := parseProxy(u)
	if err != nil {
		return nil, a.fail(StageProxy, wrapOption("Proxy", err))
	}
	a.proxy = w.url
	return w, nil
}

func parseProxy(u *url.URL) (*way, error) {
	port := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	if port == "" {
		return nil, errors.New("the scheme of the proxy is none of http, https, socks5, socks5h")
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return nil, fmt.Errorf("of the proxy %w", err)
	}
	if u.Port() != "" {
		if port, err = portOf(u.Port(), false); err != nil {
			return nil, fmt.Errorf("of the proxy %w", err)
		}
	}
	w := &way{user: u.User, host: strings.TrimSuffix(withoutZone(host), "."), addr: net.JoinHostPort(host, port)}
	w.url = &url.URL{Scheme: u.Scheme, Host: w.addr}
	return w, nil
}

// tunnel has the proxy connect to the server.
func (a *attempt) tunnel(l *line, w *way) (net.Conn, *DialError) {
	if w.url.Scheme == "socks5" || w.url.Scheme == "socks5h" {
		return a.socks(l, w)
	}
	conn, e := a.connect(w.addr)
	if e != nil {
		e.Stage = StageProxy
		return nil, e
	}
	l.watch(a.ctx, conn)
	begun := time.Now()
	defer func() { a.timing.Proxy += time.Since(begun) }()
	if w.url.Scheme == "https" {
		if conn, e = a.secureProxy(conn, w.host); e != nil {
			return nil, e
		}
	}
	if e := a.askTunnel(l, conn, w); e != nil {
		return nil, e
	}
	return conn, nil
}

// secureProxy does the handshake of TLS with the proxy. What carries another TLS is that of
// crypto/tls: only the upper one is written to without waiting.
func (a *attempt) secureProxy(conn net.Conn, host string) (net.Conn, *DialError) {
	config, err := a.proxyTLS(host)
	if err != nil {
		return nil, a.fail(StageOptions, err)
	}
	var s shaker
	if s = transport.NewTLSClient(conn, config); a.to.secure {
		s = tls.Client(conn, config)
	}
	if err := guarded(func() error { return s.HandshakeContext(a.ctx) }); err != nil {
		e := a.fail(StageProxy, err)
		if e.Reason == ReasonOther {
			e.Reason = ReasonTLS
		}
		return nil, e
	}
	return s, nil
}

// shaker is a connection with TLS.
type shaker interface {
	net.Conn
	HandshakeContext(context.Context) error
}

// askTunnel is the method CONNECT (RFC 9110 section 9.3.6).
func (a *attempt) askTunnel(l *line, conn net.Conn, w *way) *DialError {
	addr := a.to.peerAddr()
	b := fmt.Appendf(nil, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n", addr)
	if w.user != nil {
		b = fmt.Appendf(b, "Proxy-Authorization: %s\r\n", basicAuth(w.user))
	}
	if _, err := conn.Write(append(b, "\r\n"...)); err != nil {
		return a.failProxy(err)
	}
	br := bufio.NewReader(conn)
	for most := a.o.MaxHeaderBytes; ; {
		text, err := wsdial.ReadHead(br, most)
		if err != nil {
			return a.failProxy(err)
		}
		head, err := wsdial.ParseHead(text)
		switch {
		case err != nil:
			return a.failProxy(err)
		case head.Status < 200:
			most -= len(text)
			continue
		case head.Status > 299:
			return a.refused(l, br, StageProxy, head.Status, head.Fields)
		case br.Buffered() > 0: // the server does not speak first
			return a.failed(StageProxy, ReasonProxy, errors.New("it sent more than its answer"))
		}
		return nil
	}
}

// failProxy is fail for a proxy that does not do as one should.
func (a *attempt) failProxy(err error) *DialError {
	e := a.fail(StageProxy, err)
	if e.Reason == ReasonOther || e.Reason == ReasonNotWebSocket {
		e.Reason = ReasonProxy
	}
	return e
}

// socks is RFC 1928, with the name of the server for the proxy to resolve.
func (a *attempt) socks(l *line, w *way) (net.Conn, *DialError) {
	var auth *proxy.Auth
	if w.user != nil {
		password, _ := w.user.Password()
		auth = &proxy.Auth{User: w.user.Username(), Password: password}
	}
	var raw net.Conn
	var unreached *DialError
	forward := dialFunc(func(_ context.Context, _, addr string) (net.Conn, error) {
		if raw, unreached = a.connect(addr); unreached != nil {
			return nil, unreached
		}
		return raw, nil
	})
	begun, before := time.Now(), a.timing
	d, err := proxy.SOCKS5("tcp", w.addr, auth, forward)
	if err == nil {
		_, err = d.(proxy.ContextDialer).DialContext(a.ctx, "tcp", a.to.peerAddr())
	}
	if unreached != nil {
		unreached.Stage = StageProxy
		return nil, unreached
	}
	a.timing.Proxy += time.Since(begun) - (a.timing.Resolve - before.Resolve) - (a.timing.Connect - before.Connect)
	if err != nil { // and raw is closed
		return nil, a.failSocks(err)
	}
	l.watch(a.ctx, raw) // only now, as the deadline was not ours
	return raw, nil
}

// failSocks reads the errors of golang.org/x/net, which have no types.
func (a *attempt) failSocks(err error) *DialError {
	e := a.failProxy(err)
	text := err.Error()
	if e.Reason == ReasonProxy && (strings.Contains(text, "username/password") || strings.Contains(text, "authentication method")) {
		e.Reason = ReasonProxyAuth
	}
	return e
}
