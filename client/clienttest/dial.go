package clienttest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/wstest"
)

// ErrRefused is wrapped by the error of TryDial and TryOpen when the server
// answered the handshake with another status than 101.
var ErrRefused = errors.New("clienttest: handshake refused")

// DialOptions says how a Peer presents itself. The zero value is a client
// without origin that asks for nothing.
type DialOptions struct {
	// Host is the Host header; empty means the server name of TLS, and without
	// that "server.example".
	Host string
	// Origin is the Origin header of a browser; empty means none.
	Origin string
	// SubProtocols are offered in this order (RFC 6455 section 1.9).
	SubProtocols []string
	// Header holds more headers for the handshake.
	Header http.Header
	// TLS is the client's configuration: Dial does the TLS handshake before
	// anything else. nil means plain text. Host is the ServerName where it has
	// none.
	TLS *tls.Config
	// Remote is the address that the server sees; the zero value means a new one
	// on 127.0.0.1. Only Dial and TryDial look at it.
	Remote netip.AddrPort
	// Timeout bounds each blocking call, Dial included, by the clock of the
	// bubble if there is one. Zero means 10 s.
	Timeout time.Duration
}

// Dial connects to l and does the handshake for target, a path with or without
// a query. It ends the test when the answer is not 101. At most one DialOptions
// may be given. The Peer is gone when the test ends.
func Dial(tb testing.TB, l *Listener, target string, opts ...DialOptions) *Peer {
	tb.Helper()
	p, _, err := TryDial(tb, l, target, opts...)
	if err != nil {
		tb.Fatalf("dialling %s: %v", target, err)
	}
	return p
}

// TryDial is Dial for a handshake that may be refused. The response is nil when
// there was none; its body has been read and is in memory. The error wraps
// [ErrRefused] for every status but 101.
func TryDial(tb testing.TB, l *Listener, target string, opts ...DialOptions) (*Peer, *http.Response, error) {
	tb.Helper()
	o := only(tb, opts)
	dial := l.Dial
	if o.Remote.IsValid() {
		dial = func(ctx context.Context) (net.Conn, error) { return l.DialFrom(ctx, o.Remote) }
	}
	conn, err := dial(tb.Context())
	if err != nil {
		return nil, nil, err
	}
	return TryOpen(tb, conn, target, o)
}

// Open is Dial on a connection that is there already, such as a real TCP one.
// The Peer owns conn.
func Open(tb testing.TB, conn net.Conn, target string, opts ...DialOptions) *Peer {
	tb.Helper()
	p, _, err := TryOpen(tb, conn, target, opts...)
	if err != nil {
		tb.Fatalf("opening %s: %v", target, err)
	}
	return p
}

// TryOpen is TryDial on a connection that is there already. The Peer owns conn,
// which is closed when there is none.
func TryOpen(tb testing.TB, conn net.Conn, target string, opts ...DialOptions) (*Peer, *http.Response, error) {
	tb.Helper()
	o := only(tb, opts)
	conn.SetDeadline(time.Now().Add(o.Timeout))
	if o.TLS != nil {
		secure := tls.Client(conn, o.TLS)
		if err := secure.HandshakeContext(tb.Context()); err != nil {
			conn.Close()
			return nil, nil, err
		}
		conn = secure
	}
	br := bufio.NewReader(conn)
	res, err := handshake(conn, br, o.request(target))
	if err != nil {
		conn.Close()
		return nil, res, err
	}
	conn.SetDeadline(time.Time{})
	return newPeer(tb, conn, br, res.Header, o.Timeout), res, nil
}

// only returns the one DialOptions of a call with its defaults filled in.
func only(tb testing.TB, opts []DialOptions) DialOptions {
	tb.Helper()
	var o DialOptions
	switch len(opts) {
	case 0:
	case 1:
		o = opts[0]
	default:
		tb.Fatalf("clienttest: %d DialOptions, want at most one", len(opts))
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.TLS != nil && o.TLS.ServerName == "" && !o.TLS.InsecureSkipVerify {
		o.TLS = o.TLS.Clone()
		o.TLS.ServerName = o.Host
	}
	if o.Host == "" && o.TLS != nil {
		o.Host = o.TLS.ServerName
	}
	if o.Host == "" {
		o.Host = "server.example"
	}
	return o
}

// request is the handshake as it is written.
func (o DialOptions) request(target string) []byte {
	r := wstest.Upgrade(target).Replace("Host: " + o.Host)
	if o.Origin != "" {
		r = r.With("Origin: " + o.Origin)
	}
	if len(o.SubProtocols) > 0 {
		r = r.With("Sec-WebSocket-Protocol: " + strings.Join(o.SubProtocols, ", "))
	}
	for name, values := range o.Header {
		for _, v := range values {
			r = r.With(name + ": " + v)
		}
	}
	return r.Bytes()
}

// handshake sends a request and judges the answer (RFC 6455 section 4.1). A
// server may have answered and closed before it read the request.
func handshake(conn net.Conn, br *bufio.Reader, request []byte) (*http.Response, error) {
	_, writeErr := conn.Write(request)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		return nil, cmp.Or(writeErr, err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(res.Body)
		res.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil {
			return res, err
		}
		return res, fmt.Errorf("%w: %s: %s", ErrRefused, res.Status, bytes.TrimSpace(body))
	}
	if got := res.Header.Get("Sec-WebSocket-Accept"); got != wstest.SampleAccept {
		return res, fmt.Errorf("clienttest: 101 with Sec-WebSocket-Accept %q, want %q", got, wstest.SampleAccept)
	}
	return res, nil
}
