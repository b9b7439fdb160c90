package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/wsdial"
)

// Asked is what a target is told of the client.
type Asked struct {
	Client    netip.AddrPort // the client's address
	Local     netip.AddrPort // where it came in
	Secure    bool           // it speaks TLS to us
	Host      string         // the Host header
	Origin    string
	Target    string           // path and query of the request
	Fields    handshake.Fields // header lines of the request
	Protocols []string         // offered
}

// Conn is a target that was reached.
type Conn struct {
	target   *forward.Target
	name     string
	conn     *timed
	ws       *wsdial.Conn // nil for TCP
	Protocol string       // the sub-protocol that a WebSocket target has chosen
}

// Dial reaches a target, which has its defaults. The error is a *forward.TargetError, and a
// *forward.StatusError in it when a WebSocket target has refused. Its deadline is over when
// it says Timeout.
func Dial(ctx context.Context, t *forward.Target, asked Asked) (*Conn, http.Header, error) {
	if t.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.DialTimeout)
		defer cancel()
	}
	d := &dialling{ctx: ctx, t: t, asked: asked, c: &Conn{target: t, name: t.String()}}
	reached := false
	defer func() { // also if user code panics, such as that of a tls.Config
		if !reached && d.c.conn != nil {
			_ = d.c.conn.Close()
		}
	}()
	op, err := d.run()
	if err == nil {
		reached = true
		return d.c, d.passed, nil
	}
	if cause := ctx.Err(); cause != nil { // the error of the connection is only what that led to
		err = cause
	}
	return nil, d.passed, &forward.TargetError{Op: op, Target: d.c.name, Err: err}
}

// dialling is one Dial.
type dialling struct {
	ctx    context.Context
	t      *forward.Target
	asked  Asked
	c      *Conn
	passed http.Header // of a refusal, for the client
}

// run returns what was being done when it failed.
func (d *dialling) run() (op string, err error) {
	t, addr, host, secure := d.t, "", d.t.Host, d.t.TLS
	var u *url.URL
	if t.WebSocket() {
		if u, err = url.Parse(t.URL); err != nil {
			return "dial", err
		}
		host, secure = u.Hostname(), u.Scheme == "wss"
		addr = net.JoinHostPort(host, portOf(u))
	} else {
		addr = net.JoinHostPort(host, strconv.Itoa(t.Port))
	}
	dial := t.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(d.ctx, "tcp", addr)
	if err == nil && raw == nil {
		err = errors.New("Target.Dial returned neither a connection nor an error")
	}
	if err != nil {
		return "dial", err
	}
	d.c.conn = &timed{Conn: raw, raw: raw, timeout: t.WriteTimeout}
	// What follows looks at deadlines only.
	stop := context.AfterFunc(d.ctx, d.c.conn.cut)
	defer stop()
	if t.ProxyProtocol {
		if _, err := io.WriteString(raw, proxyLine(d.asked.Client, d.asked.Local)); err != nil {
			return "proxy header", err
		}
	}
	if secure {
		s := tls.Client(raw, tlsConfig(t.TLSConfig, host, u != nil))
		if err := s.HandshakeContext(d.ctx); err != nil {
			return "tls", err
		}
		d.c.conn.swap(s)
	}
	if u != nil {
		if err := d.handshake(u); err != nil {
			return "handshake", err
		}
	}
	if !stop() {
		return "dial", d.ctx.Err()
	}
	return "", nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "wss":
		return "443"
	}
	return "80"
}

func tlsConfig(c *tls.Config, host string, ws bool) *tls.Config {
	if c == nil {
		c = new(tls.Config)
	}
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	if ws {
		c.NextProtos = []string{"http/1.1"} // RFC 6455 is an upgrade of that
	}
	return c
}

// handshake opens a WebSocket on the connection.
func (d *dialling) handshake(u *url.URL) error {
	target := u.RequestURI()
	if u.Path == "" && u.RawQuery == "" {
		target = originForm(d.asked.Target)
	}
	ws, resp, err := wsdial.Open(d.c.conn, wsdial.Request{
		Host: u.Host, Target: target, Protocols: d.asked.Protocols, Header: d.asked.header(d.t.HeaderNames),
	})
	if se, ok := errors.AsType[*wsdial.StatusError](err); ok {
		if v := se.Fields.Get("WWW-Authenticate"); v != "" && se.Status == http.StatusUnauthorized {
			d.passed = http.Header{"Www-Authenticate": {v}}
		}
		return &forward.StatusError{Status: se.Status}
	}
	d.c.ws, d.c.Protocol = ws, resp.Protocol
	return err
}

// originForm is a request target as a request for another server may have it.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	if u, err := url.Parse(target); err == nil && u.Host != "" { // the absolute form
		return u.RequestURI()
	}
	return "/"
}

// header is what a WebSocket target gets of the request.
func (a *Asked) header(names []string) http.Header {
	proto := "http"
	if a.Secure {
		proto = "https"
	}
	h := http.Header{"X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {a.Host}}
	if ip := a.Client.Addr(); ip.IsValid() {
		// That of the request, if there is one, is not passed on: anybody may write it.
		h.Set("X-Forwarded-For", ip.String())
	}
	if a.Origin != "" {
		h.Set("Origin", a.Origin)
	}
	for _, name := range names {
		for v := range a.Fields.Values(name) {
			h.Add(name, v)
		}
	}
	return h
}

// proxyLine is a PROXY header of version 1.
func proxyLine(src, dst netip.AddrPort) string {
	family := ""
	switch {
	case !src.IsValid() || !dst.IsValid():
	case src.Addr().Is4() && dst.Addr().Is4():
		family = "TCP4"
	case src.Addr().Is6() && dst.Addr().Is6():
		family = "TCP6"
	}
	if family == "" {
		return "PROXY UNKNOWN\r\n"
	}
	return "PROXY " + family + " " + src.Addr().WithZone("").String() + " " + dst.Addr().WithZone("").String() +
		" " + strconv.Itoa(int(src.Port())) + " " + strconv.Itoa(int(dst.Port())) + "\r\n"
}
