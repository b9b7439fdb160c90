package wsserver

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/handshake"
)

// pages is the HTTP side: connections whose first request is no upgrade are
// replayed into one http.Server, which starts with the first of them.
type pages struct {
	open  atomic.Int32    // replayed connections
	alive context.Context // until open requests are cut
	cut   context.CancelFunc

	retired []*pageServer // that have connections; guarded by core.mu
}

// pageServer is that http.Server. Update makes another one where its settings change; the
// connections of the old one end with the answer that is under way.
type pageServer struct {
	s      *core
	once   sync.Once
	conns  chan net.Conn
	quit   chan struct{}
	stop   func() // closes quit
	server *http.Server
	open   atomic.Int32 // its replayed connections
}

func (s *core) newPageServer(c *Config) *pageServer {
	p := &pageServer{s: s, conns: make(chan net.Conn), quit: make(chan struct{})}
	p.stop = sync.OnceFunc(func() { close(p.quit) })
	p.server = &http.Server{
		Handler:           http.HandlerFunc(s.servePage),
		ReadHeaderTimeout: max(c.HandshakeTimeout, 0),
		ReadTimeout:       max(c.HTTPTimeout, 0),
		WriteTimeout:      max(c.HTTPTimeout, 0),
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    c.MaxHeaderBytes,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, arrivalKey{}, c.(*replayed).a)
		},
		ErrorLog: log.New((*httpLog)(s), "", 0),
	}
	return p
}

// suits reports whether the server is what c wants.
func (p *pageServer) suits(c *Config) bool {
	return p.server.ReadHeaderTimeout == max(c.HandshakeTimeout, 0) &&
		p.server.ReadTimeout == max(c.HTTPTimeout, 0) && p.server.MaxHeaderBytes == c.MaxHeaderBytes
}

// start runs the server with the first connection.
func (p *pageServer) start() {
	p.once.Do(func() {
		if !p.s.enter() {
			return
		}
		go func() {
			defer p.s.wg.Done()
			if err := p.server.Serve(p); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				p.s.fault("http", "", err)
			}
		}()
	})
}

// arrivalKey finds the *arrival of a replayed connection in the context of its
// requests.
type arrivalKey struct{}

// page hands a connection over to the HTTP side; false when there is nobody.
func (s *core) page(a *arrival, req *handshake.Request) bool {
	if !s.hasPage(a, req) {
		s.refuse(a, req, ReasonNotUpgrade, handshake.UpgradeRequired())
		return false
	}
	if s.pages.open.Add(1) > int32(a.in.cfg.MaxHTTPConns) {
		s.pages.open.Add(-1)
		s.refuse(a, req, ReasonTooBusy, &handshake.Error{
			Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"5"}},
			Setting: "MaxHTTPConns", Body: "too many connections",
		})
		return false
	}
	s.opened(a)
	own := *a // and not what it is part of
	rp := &replayed{Conn: a.conn, a: &own, first: req.Replay()}
	for p := s.in.Load().pages; ; {
		p.start()
		p.open.Add(1)
		rp.leave = sync.OnceFunc(func() {
			p.open.Add(-1)
			s.pages.open.Add(-1)
		})
		select {
		case p.conns <- rp:
			return true
		case <-p.quit:
		}
		next := s.in.Load().pages
		if next == p {
			rp.leave()
			s.refuse(a, req, ReasonShutdown, unavailable())
			return false
		}
		p.open.Add(-1)
		p = next
	}
}

// handler is the one for requests to a's host, or nil.
func (s *core) handler(a *arrival) http.Handler {
	if a.host != nil && a.host.Handler() != nil {
		return a.host.Handler()
	}
	return a.in.cfg.HTTP
}

// retire has the server end by itself: nothing new comes, and open requests are the last
// of their connections. (A Shutdown would drop those whose request was just read.)
func (p *pageServer) retire() {
	p.stop()
	p.server.SetKeepAlivesEnabled(false)
}

// closePages ends the HTTP side: open requests are finished, until they are cut.
func (s *core) closePages() {
	s.in.Load().pages.close()
	s.mu.Lock()
	retired := s.pages.retired
	s.mu.Unlock()
	for _, p := range retired {
		p.close()
	}
}

func (p *pageServer) close() {
	p.stop()
	if p.server.Shutdown(p.s.pages.alive) != nil {
		_ = p.server.Close()
	}
}

// pageServer is the listener of its own server.

// Accept waits for the next replayed connection.
func (p *pageServer) Accept() (net.Conn, error) {
	select {
	case <-p.quit:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.quit:
		return nil, net.ErrClosed
	}
}

// Close does nothing: quit ends Accept.
func (p *pageServer) Close() error { return nil }

// Addr is of no use to anybody.
func (p *pageServer) Addr() net.Addr { return &net.TCPAddr{} }

// replayed is a connection whose first bytes are read a second time.
type replayed struct {
	net.Conn
	a     *arrival
	first []byte
	leave func() // gives back the place under Config.MaxHTTPConns
}

// Close closes the connection and gives back what it holds.
func (r *replayed) Close() error {
	r.leave()
	r.a.held.release()
	return r.Conn.Close()
}

func (r *replayed) Read(p []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(p, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// CloseWrite lets http.Server end its side in order.
func (r *replayed) CloseWrite() error {
	if w, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// servePage serves a request on a replayed connection. The host may differ from
// request to request; an upgrade may come late.
func (s *core) servePage(w http.ResponseWriter, r *http.Request) {
	if s.enter() { // else it is refused
		defer s.wg.Done()
	}
	first := r.Context().Value(arrivalKey{}).(*arrival)
	a := *first
	a.in = s.in.Load() // the connection may be old
	r.TLS = a.tls
	s.serveRequest(&a, w, r)
}

// ServeHTTP upgrades the request, or serves it with the handler of its host. It
// makes the server part of somebody else's mux: any net/http middleware may stand
// in front, also one that wraps the ResponseWriter, if it has Unwrap. It returns
// as soon as the client runs, on a goroutine of its own; the client's context has
// the values of the request's, and not its end. Config.HandshakeTimeout and
// MaxPending are those of the http.Server around it.
func (s *Server[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.core.serveHTTP(w, r) }

func (s *core) serveHTTP(w http.ResponseWriter, r *http.Request) {
	a := &arrival{index: -1, tls: r.TLS, in: s.in.Load()}
	a.remote = remoteOf(r.RemoteAddr)
	a.peer = a.remote
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		a.local = addrPort(local)
	}
	if s.hosts != nil {
		a.view = s.hosts.All()
	}
	s.serveRequest(a, w, r)
}

// remoteOf reads Request.RemoteAddr, into which some middleware puts a client without its
// port; the zero value is a peer without an IP address.
func remoteOf(s string) netip.AddrPort {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		ip, _ := netip.ParseAddr(strings.Trim(s, "[]"))
		ap = netip.AddrPortFrom(ip, 0)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// serveRequest is the way of a request that net/http has read.
func (s *core) serveRequest(a *arrival, w http.ResponseWriter, r *http.Request) {
	req := handshake.FromHTTP(r)
	a.w = w
	unclear := s.resolve(a, req)
	switch reason, e := s.findHost(a, req); {
	case s.isClosing():
		s.refuse(a, req, ReasonShutdown, unavailable())
	case unclear != nil:
		s.refuse(a, req, ReasonForwarded, unclear)
	case e != nil:
		s.refuse(a, req, reason, e)
	case req.IsUpgrade():
		s.hijack(a, req, w, r)
	default:
		s.serveHandler(a, req, w, r)
	}
}

// serveHandler runs what answers a request of the host as user code.
func (s *core) serveHandler(a *arrival, req *handshake.Request, w http.ResponseWriter, r *http.Request) {
	code := ""
	err := event.Call(func() { s.servePageOf(a, req, w, r, &code) })
	if p, ok := errors.AsType[*event.Panic](err); ok {
		if p.Value != http.ErrAbortHandler {
			s.panicked(PanicInfo{Event: code, Value: p.Value, Stack: p.Stack})
		}
		panic(http.ErrAbortHandler) // net/http cuts the response
	}
}

// hijack takes the connection over from net/http for an upgrade.
func (s *core) hijack(a *arrival, req *handshake.Request, w http.ResponseWriter, r *http.Request) {
	if !s.enter() { // the shutdown waits for user code that is called from here
		s.refuse(a, req, ReasonShutdown, unavailable())
		return
	}
	defer s.wg.Done()
	if e := req.Check(); e != nil {
		s.refuse(a, req, ReasonBadRequest, e) // while net/http can still answer
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.refuse(a, req, ReasonFailed, s.failed("Hijack", err))
		return
	}
	_ = conn.SetDeadline(time.Time{})
	if n := rw.Reader.Buffered(); n > 0 {
		p, _ := rw.Reader.Peek(n)
		req.Buffered = append([]byte(nil), p...)
	}
	a.conn, a.raw, a.w = conn, conn, nil
	if rp, ok := conn.(*replayed); ok {
		rp.leave()
		a.conn, a.raw = rp.Conn, rp.a.raw
		req.Buffered = append(req.Buffered, rp.first...)
	} else {
		s.setOptions(conn, a.binding, &s.told)
	}
	if d := a.in.cfg.HandshakeTimeout; d > 0 {
		a.deadline, a.cut = time.Now().Add(d), true
		_ = a.raw.SetDeadline(a.deadline)
	}
	taken := false
	defer func() { // deferred, because user code may end the goroutine
		if !taken {
			a.held.release()
			_ = conn.Close()
		}
	}()
	taken = s.upgrade(a, req, r.Context())
}
