package dial

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wsdial"
)

// opened is a connection after its handshake.
type opened struct {
	conn     net.Conn        // a socket, a *transport.TLS, or what Options.Dial gave
	buffered []byte          // came behind the answer
	deflate  *deflate.Params // nil without permessage-deflate; see deflate.Options.Accept for who is who
	info     OpenInfo        // save for Reopened
	request  string          // header lines of the request
	host     string          // the Host header
}

// open is one try to open a connection. o has its defaults. Nothing of it outlives open
// but what it returns: either of the two.
func (o *Options) open(ctx context.Context, n int) (*opened, *DialError) {
	a := &attempt{o: o, parent: ctx, ctx: ctx, n: n}
	if o.HandshakeTimeout > 0 {
		var cancel context.CancelFunc
		a.ctx, cancel = context.WithTimeout(ctx, o.HandshakeTimeout)
		defer cancel()
	}
	t, err := parseURL(o.URL)
	if err != nil {
		return nil, a.fail(StageOptions, wrapOption("URL", err))
	}
	a.to = t
	if e := a.prepare(); e != nil {
		return nil, e
	}
	for hop := 1; ; hop++ {
		op, e := a.once()
		if e == nil || e.Reason != ReasonRedirect || !o.FollowRedirects {
			return op, e
		}
		if err := a.follow(e.Header.Get("Location"), hop); err != nil {
			e.Err = err
			return nil, e
		}
	}
}

// attempt is one open.
type attempt struct {
	o           *Options
	parent, ctx context.Context // that of the caller, and the same with HandshakeTimeout
	n           int

	to     *target
	header http.Header // of the request, save for host
	host   string      // replaces the Host header; empty for none
	proxy  *url.URL    // without user info; nil for none

	elsewhere bool // a redirect has led to another host
	timing    Timing
}

// once tries the one target.
func (a *attempt) once() (op *opened, e *DialError) {
	var config *tls.Config
	var ask *certAsk
	if a.to.secure {
		if config, ask, e = a.tlsConfig(); e != nil {
			return nil, e
		}
	}
	l := &line{}
	defer func() { l.end(op != nil) }()
	conn, e := a.reach(l)
	if e != nil {
		return nil, e
	}
	if a.to.secure {
		if conn, e = a.secure(conn, config, ask); e != nil {
			return nil, e
		}
	}
	if op, e = a.handshake(l, conn, ask); e != nil {
		return nil, e
	}
	if !l.release() {
		return nil, a.fail(StageHandshake, a.ctx.Err())
	}
	return op, nil
}

// handshake opens a WebSocket on the connection (RFC 6455 section 4.1).
func (a *attempt) handshake(l *line, conn net.Conn, ask *certAsk) (*opened, *DialError) {
	begun := time.Now()
	z := deflate.Options{Mode: deflate.Mode(a.o.Compression.Mode), WindowBits: uint8(a.o.Compression.WindowBits)}
	r := wsdial.Request{
		Host: a.host, Target: a.to.url.RequestURI(), Protocols: a.o.SubProtocols, Extensions: z.Offer(), Header: a.header,
	}
	if r.Host == "" {
		r.Host = a.to.hostHeader()
	}
	opening, err := wsdial.NewOpening(r)
	if err != nil { // all that is in it was checked
		return nil, a.fail(StageHandshake, err)
	}
	_, unsent := conn.Write(opening.Request)
	if unsent != nil {
		l.limit(lastWords) // the server may have told why before it closed
	}
	br := bufio.NewReaderSize(conn, 4<<10)
	resp, err := opening.Read(br, a.o.MaxHeaderBytes)
	a.timing.Handshake += time.Since(begun)
	if refusal, ok := errors.AsType[*wsdial.StatusError](err); ok {
		return nil, a.refused(l, br, StageHandshake, refusal.Status, refusal.Fields)
	}
	if unsent != nil && alertOf(err) == 0 {
		return nil, a.fail(StageHandshake, unsent)
	}
	var params deflate.Params
	var zipped bool
	if err == nil {
		params, zipped, err = z.Accept(resp.Extensions)
	}
	if err != nil {
		e := a.fail(StageHandshake, ask.explain(err))
		if resp.Fields != "" {
			e.HTTPStatus, e.Header = http.StatusSwitchingProtocols, resp.Fields.Header()
		}
		return nil, e
	}
	op := &opened{conn: conn, request: opening.Lines(), host: r.Host, info: a.info(conn, resp, zipped)}
	if rest, _ := br.Peek(br.Buffered()); len(rest) > 0 {
		op.buffered = bytes.Clone(rest)
	}
	if zipped {
		op.deflate = &params
	}
	return op, nil
}

func (a *attempt) info(conn net.Conn, resp wsdial.Response, zipped bool) OpenInfo {
	i := OpenInfo{
		Attempt: a.n, Status: http.StatusSwitchingProtocols, Header: resp.Fields.Header(),
		URI: a.to.url.RequestURI(), URL: a.to.url.String(), Protocol: resp.Protocol, Compression: zipped,
		Remote: addrPort(conn.RemoteAddr()), Local: addrPort(conn.LocalAddr()), Timing: a.timing,
	}
	if s, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok && a.to.secure {
		state := s.ConnectionState()
		i.TLS = &state
	}
	if a.proxy != nil {
		i.Proxy = a.proxy.String()
	}
	return i
}

// fail makes the error of a stage.
func (a *attempt) fail(stage Stage, err error) *DialError {
	reason := classify(err)
	if _, ok := errors.AsType[*OptionError](err); ok {
		reason = ReasonOptions
	}
	if r, over := ended(a.parent, a.ctx, a.o.HandshakeTimeout); over != nil {
		reason, err = r, over // what it led to says nothing
	}
	return a.failed(stage, reason, err)
}

// blame is the error of a function of the program, whatever it was about.
func (a *attempt) blame(stage Stage, err error) *DialError {
	if r, over := ended(a.parent, a.ctx, a.o.HandshakeTimeout); over != nil {
		return a.failed(stage, r, over)
	}
	return a.failed(stage, ReasonUser, err)
}

func (a *attempt) failed(stage Stage, reason Reason, err error) *DialError {
	e := &DialError{Attempt: a.n, Stage: stage, Reason: reason, Timing: a.timing, Err: err}
	if a.to != nil {
		e.URL = a.to.url.String()
	}
	return e
}

// guarded runs a function of the program.
func guarded(f func() error) error { return contained(f) }
