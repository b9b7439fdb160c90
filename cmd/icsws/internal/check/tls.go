package check

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/certs"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// handshakeTLS does TLS on a connection of its own and judges what it sees. Bad
// certificates do not end the walk: what comes behind may be wrong too.
func (d *doctor) handshakeTLS(ctx context.Context) bool {
	if d.proxy != nil && d.proxy.Scheme != "http" {
		return true // the handshake says what there is to say
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := d.way(ctx)
	if err != nil {
		return d.noWay(err)
	}
	defer conn.Close()
	start := time.Now()
	state, err := certs.Handshake(ctx, conn, d.rules.Name, d.own)
	if err != nil {
		d.TLS = &tlsPart{Error: err.Error()}
		code, text, advice := certs.WhyTLS(err)
		d.fail(map[bool]cli.Code{false: cli.NoConnection, true: cli.TimedOut}[code == "tls-timeout"])
		d.add(show.Bad, code, text).Do(advice)
		return false
	}
	d.TLS = &tlsPart{TLSState: state, Took: show.Millis(time.Since(start)), Chain: certs.Describe(state.Chain, d.rules.Now)}
	d.all(state.Judge())
	found := certs.Judge(state.Chain, d.rules)
	staple, more := certs.JudgeStaple(state.OCSP, state.Chain, d.rules.Now)
	d.TLS.OCSP, found = staple, append(found, more...)
	if d.dial.InsecureSkipVerify {
		found = found.AtMost(show.Note)
	}
	d.all(found)
	return true
}

// way connects to the address that has worked, and through the proxy if there is one.
func (d *doctor) way(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, d.network, d.via)
	if err != nil || d.proxy == nil {
		return conn, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := d.tunnel(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// proxyError is the answer of a proxy other than 200.
type proxyError struct{ status int }

func (e *proxyError) Error() string { return fmt.Sprintf("the proxy answered %d", e.status) }

// tunnel asks the proxy for a connection to the server (RFC 9110 section 9.3.6).
func (d *doctor) tunnel(conn net.Conn) error {
	var b strings.Builder
	fmt.Fprintf(&b, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", d.t.addr(), d.t.addr())
	if u := d.proxy.User; u != nil {
		password, _ := u.Password()
		fmt.Fprintf(&b, "Proxy-Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if _, err := conn.Write([]byte(b.String() + "\r\n")); err != nil {
		return err
	}
	// The server says nothing before we do, so nothing of it can be in the buffer.
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &proxyError{resp.StatusCode}
	}
	return nil
}

// noWay tells of a second connection that failed where the first has not, or of the proxy.
func (d *doctor) noWay(err error) bool {
	if e, ok := errors.AsType[*proxyError](err); ok {
		d.refusedByProxy(e.status)
		return false
	}
	who := "the server"
	if d.proxy != nil {
		who = "the proxy"
	}
	code, text, advice, exit := whyNotConnected(d.via, who, err)
	d.fail(exit)
	d.add(show.Bad, code, text).Do(advice)
	return false
}

func (d *doctor) refusedByProxy(status int) {
	d.fail(cli.NoConnection)
	f := d.add(show.Bad, "proxy-status", "The proxy %s has answered %d %s, and made no connection to %s.", d.Proxy, status, http.StatusText(status), d.t.addr())
	switch status {
	case http.StatusProxyAuthRequired:
		f.Do("Put name and password into its URL: http://name:password@proxy:3128.")
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		f.Do("Its rules do not allow this host or port; ask who runs it.")
	default:
		f.Do("Ask who runs the proxy, or try --proxy none.")
	}
}
