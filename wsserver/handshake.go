package wsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/forwarded"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/internal/transport"
)

// A refusal is written and lingered over for at most this long, so that the
// answer survives what the peer is still sending.
const refusalLinger = time.Second

// arrival is a connection on its way to its client.
type arrival struct {
	conn          net.Conn            // raw, or *transport.TLS, or a tls.Conn of somebody else
	raw           net.Conn            // as accepted
	w             http.ResponseWriter // in their place until net/http has given the connection up
	remote, local netip.AddrPort
	peer          netip.AddrPort // the TCP peer; remote may be whom it has named
	binding       string
	index         int               // of the binding; -1 under ServeHTTP
	in            *inForce          // when it was accepted
	held          *held             // nil: nothing
	said          *forwarded.Result // by a trusted proxy; nil: nothing
	view          *hosts.View
	tls           *tls.ConnectionState
	host          *hosts.Entry // nil without hosts
	deadline      time.Time    // of the handshake; zero for none

	// Of openings, guarded by core.mu.
	prev, next *arrival
	listed     bool
	timed      bool // the clock is to look at deadline
	cut        bool // a deadline was set on raw; only its own goroutine looks once it is not listed
}

// attempt is an accepted connection with its first request.
type attempt struct {
	arrival
	req handshake.Request
}

func (s *core) newAttempt(l *listener, conn net.Conn, in *inForce) *attempt {
	at := below(conn)
	a := &attempt{arrival: arrival{
		conn: conn, raw: conn, remote: addrPort(at.RemoteAddr()), local: addrPort(at.LocalAddr()),
		binding: l.name, index: l.index, view: l.view, in: in,
	}}
	a.peer = a.remote
	if d := in.cfg.HandshakeTimeout; d > 0 {
		a.deadline = time.Now().Add(d)
	}
	return a
}

// handshake takes a connection from accept to its reader, or to its refusal.
func (s *core) handshake(l *listener, a *attempt) {
	conn, slots := a.conn, a.in.pending
	taken := false
	defer func() { // deferred, because user code may end the goroutine
		if !taken {
			a.held.release()
			_ = conn.Close()
			s.mu.Lock()
			s.opening.remove(&a.arrival)
			s.mu.Unlock()
		}
		<-slots
		l.shaking.Done()
	}()
	taken = s.enters(l, &a.arrival) && s.secure(&a.arrival, l.tls) && s.request(a)
}

// enters does what comes before TLS.
func (s *core) enters(l *listener, a *arrival) bool {
	if !s.filtered(a) {
		return false
	}
	s.setOptions(below(a.conn), l.name, &l.told)
	return s.proxied(a) && s.admitted(a) && s.requested(a, l.tls != nil)
}

// secure does the TLS handshake, if there is one to do.
func (s *core) secure(a *arrival, config *tls.Config) bool {
	theirs, ok := a.conn.(*tls.Conn)
	if !ok && config == nil {
		return true
	}
	ctx, cancel := context.Background(), func() {}
	if d := a.in.cfg.TLSHandshakeTimeout; d > 0 {
		ctx, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	ctx, seen := s.sight(ctx, a)
	t, conn := theirs, a.conn
	if !ok {
		ours := transport.NewTLS(a.conn, config)
		t, conn = ours.Conn, ours
	}
	// The callbacks of a tls.Config are user code.
	if err := event.Do(event.Func(func() error { return t.HandshakeContext(ctx) })); err != nil {
		if p, ok := errors.AsType[*event.Panic](err); ok {
			s.panicked(PanicInfo{Event: "TLS", Value: p.Value, Stack: p.Stack})
		}
		seen.ended(nil, err)
		s.refusedTLS(a, err)
		return false
	}
	state := t.ConnectionState()
	a.conn, a.tls = conn, &state
	seen.ended(&state, nil)
	if state.NegotiatedProtocol == hosts.ALPNChallenge {
		s.checked(a)
		return false
	}
	return true
}

// checked ends a connection that came for the certificate of a TLS-ALPN-01 check and is
// no client (RFC 8737 section 3).
func (s *core) checked(a *arrival) {
	s.counters.challenges.Add(1)
	if n, ok := s.passes(lineCheck, slog.LevelDebug); ok {
		s.log.Debug("tls-alpn-01 check answered", logkey.Remote, a.remote.String(), logkey.Name, a.tls.ServerName, logkey.LeftOut, n)
	}
	_ = a.conn.Close()
}

// refusedTLS reports a failed TLS handshake. A peer that speaks plain HTTP to a
// TLS port is told so.
func (s *core) refusedTLS(a *arrival, err error) {
	info := s.rejection(a, ReasonTLS, 0, "TLS handshake failed")
	info.Err = err
	var re tls.RecordHeaderError
	if errors.As(err, &re) && re.Conn != nil && plainHTTP(re.RecordHeader) {
		info.Status, info.Text = http.StatusBadRequest, "this port speaks TLS: use https or wss"
		if _, foreign := a.conn.(*tls.Conn); foreign {
			s.mu.Lock() // as raw is where a shutdown sets deadlines
			a.conn, a.raw = re.Conn, re.Conn
			s.mu.Unlock()
		}
	}
	s.reject(info)
	s.respond(a, nil, &handshake.Error{Status: info.Status, Body: info.Text})
}

// plainHTTP reports whether the first bytes of a connection are those of an HTTP
// request in plain text.
func plainHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// request reads the first request and leads it on; true when somebody else now
// owns the connection.
func (s *core) request(first *attempt) bool {
	a, req := &first.arrival, &first.req
	if err := req.Receive(a.conn, a.in.cfg.MaxHeaderBytes); err != nil {
		s.refusedRead(a, err)
		return false
	}
	if s.isClosing() {
		s.refuse(a, req, ReasonShutdown, unavailable())
		return false
	}
	if e := s.resolve(a, req); e != nil {
		s.refuse(a, req, ReasonForwarded, e)
		return false
	}
	if reason, e := s.findHost(a, req); e != nil {
		s.refuse(a, req, reason, e)
		return false
	}
	if !req.IsUpgrade() {
		return s.page(a, req)
	}
	return s.upgrade(a, req, nil)
}

// refusedRead answers a request that could not be read.
func (s *core) refusedRead(a *arrival, err error) {
	var e *handshake.Error
	if errors.As(err, &e) {
		reason := ReasonBadRequest
		if e.Status == http.StatusRequestTimeout {
			reason = ReasonTimeout
			_ = a.conn.SetWriteDeadline(time.Now().Add(refusalLinger))
			if s.isClosing() {
				reason, e = ReasonShutdown, unavailable()
			}
		}
		s.refuse(a, nil, reason, e)
		return
	}
	info := s.rejection(a, ReasonTimeout, 0, "no request")
	info.Setting, info.Err = "HandshakeTimeout", err
	if s.isClosing() {
		info.Reason = ReasonShutdown
	}
	s.reject(info)
}

func unavailable() *handshake.Error {
	return &handshake.Error{
		Status: http.StatusServiceUnavailable, Body: "the server is shutting down",
		Header: http.Header{"Retry-After": {"5"}},
	}
}

// findHost resolves the Host header, and on TLS the server name: they must mean
// one host.
func (s *core) findHost(a *arrival, req *handshake.Request) (Reason, *handshake.Error) {
	if a.view == nil {
		return 0, nil
	}
	entry, err := a.lookup(req.Host())
	if err != nil {
		return ReasonUnknownHost, misdirected("no host of that name is served here")
	}
	if a.tls != nil {
		named, err := a.lookup(a.tls.ServerName)
		if err != nil {
			return ReasonUnknownHost, misdirected("no host has the name of the TLS handshake")
		}
		if named != entry {
			return ReasonMisdirected, misdirected("the Host header and the TLS server name mean two hosts")
		}
	}
	a.host = entry
	return 0, nil
}

func (a *arrival) lookup(name string) (*hosts.Entry, error) {
	entry, err := a.view.Lookup(name)
	if err != nil && a.in.cfg.UnknownHost == UnknownDefault && a.view.Default() != nil {
		return a.view.Default(), nil
	}
	return entry, err
}

func misdirected(text string) *handshake.Error {
	return &handshake.Error{Status: http.StatusMisdirectedRequest, Body: text, Setting: "Hosts"}
}

func (a *arrival) tag() string {
	if a.host == nil {
		return ""
	}
	return a.host.Tag()
}
