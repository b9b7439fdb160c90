package wsserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/groups"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/internal/relay"
	"github.com/icsws/icsws/internal/transport"
)

// admission is what the server keeps for a session.
type admission struct {
	place     banner.Place // in the server
	hostPlace banner.Place // in its host, where that has a limit
	groups    groups.Member[*engine.Session]
	held      *held         // nil: nothing
	hooks     int32         // so many of Config.Hooks had their OnClientConnect called
	factory   bool          // and the factory
	counted   bool          // in the registry
	busy      bool          // counted in core.busy
	relay     *relay.Client // of a forwarded connection, else nil
}

// opening is an upgrade until it is answered: what that needs in one allocation.
type opening struct {
	s    *core
	ctx  openContext
	r    client.OpenRequest
	c    client.Client // that the factory made
	sess *engine.Session
	head [256]byte // of the 101, where it is large enough
}

// The calls of user code, without closures.
type (
	creating opening
	binding  opening
)

func (o *creating) Run() (err error) {
	o.c, err = o.s.class.newClient(&o.r)
	return err
}

func (o *binding) Run() error { return o.sess.Bind(o.c) }

// maxBusy bounds the peers that are being told they are too many by an upgrade;
// further ones are dropped.
const maxBusy = 256

// upgrade judges a WebSocket handshake and answers it. It returns true when a
// reader owns the connection. parent is the context of the HTTP request under
// ServeHTTP, else nil.
func (s *core) upgrade(a *arrival, req *handshake.Request, parent context.Context) bool {
	o := &opening{s: s, ctx: openContext{alive: s.alive, parent: parent, deadline: a.deadline}}
	reason, e := s.welcome(a)
	if e == nil {
		reason, e = s.judge(a, req, o)
	}
	if e != nil {
		s.refuse(a, req, reason, e)
		return false
	}
	adm := &admission{held: a.held}
	var busy *engine.Busy
	if setting := s.takePlaces(a, adm); setting != "" {
		if busy = s.tooBusy(a, req, setting); busy == nil {
			return false
		}
		adm.busy = true
	}
	defer o.ctx.end()
	// What stays if user code ends the goroutine.
	e, reason = &handshake.Error{Status: http.StatusInternalServerError, Body: "internal error", Err: errExited}, ReasonFailed
	defer func() {
		if e == nil {
			return
		}
		s.release(adm)
		if adm.relay != nil {
			adm.relay.Drop()
		}
		if busy != nil {
			s.respond(a, req, e) // the refusal was reported already
			return
		}
		s.refuse(a, req, reason, e)
	}()
	e, reason = s.admit(a, req, o, adm, busy)
	return e == nil
}

var errExited = errors.New("wsserver: runtime.Goexit was called")

// release gives back what an admission holds.
func (s *core) release(adm *admission) {
	adm.place.Leave()
	adm.hostPlace.Leave()
	adm.held.release()
	if adm.busy {
		adm.busy = false
		s.busy.Add(-1)
	}
}

// judge holds the request against the rules and prepares the open request.
func (s *core) judge(a *arrival, req *handshake.Request, o *opening) (Reason, *handshake.Error) {
	if e := req.Check(); e != nil {
		return ReasonBadRequest, e
	}
	if e := s.requireTLS(a, req); e != nil {
		return ReasonRequireTLS, e
	}
	if e := s.site(a).checkOrigin(req, a); e != nil {
		return ReasonOrigin, e
	}
	offered, e := req.OfferedProtocols()
	if e != nil {
		return ReasonBadRequest, e
	}
	c := &a.in.cfg
	chosen := handshake.Select(c.SubProtocols, offered)
	if chosen == "" && c.RequireSubProtocol {
		return ReasonSubProtocol, &handshake.Error{
			Status: http.StatusBadRequest, Setting: "RequireSubProtocol",
			Body: "offer one of the sub-protocols " + strings.Join(c.SubProtocols, ", "),
		}
	}
	r := client.OpenRequest{
		URI: req.URL, RawURI: req.Target, HostHeader: req.Host(), HostTag: a.tag(), Origin: req.Origin(),
		SubProtocols: offered, Extensions: req.Extensions(),
		Remote: a.remote, Local: a.local, Binding: a.binding, BindingIndex: a.index, TLS: a.tls,
		ClientIP: a.clientIP(),
	}
	if a.in.examined {
		r.Header, r.ResponseHeader = req.Header(), make(http.Header)
	}
	_ = r.Select(chosen)
	o.r = *r.WithContext(&o.ctx)
	return 0, nil
}

// examines reports whether anybody will see the open requests.
func (s *core) examines(c *Config) bool {
	return !s.class.ignoresRequest() || c.NewName != nil ||
		slices.ContainsFunc(c.Hooks, func(h Hooks) bool { return h.OnClientCreate != nil })
}

// tooBusy refuses a peer over the limit. A result means: upgrade it, tell it, and
// close it.
func (s *core) tooBusy(a *arrival, req *handshake.Request, setting string) *engine.Busy {
	p := &s.site(a).banner
	info := s.rejection(a, ReasonTooBusy, 0, "too many clients")
	info.Setting, info.URI = setting, req.Target
	switch {
	case p.Mode == banner.UpgradeThenClose && s.busy.Add(1) <= maxBusy:
		text, code, reason := p.BusyClose()
		info.Status = http.StatusSwitchingProtocols
		s.reject(info)
		return &engine.Busy{Text: text, Code: client.StatusCode(code), Reason: reason}
	case p.Mode == banner.UpgradeThenClose:
		s.busy.Add(-1)
		s.reject(info)
	case p.Mode == banner.Drop:
		s.reject(info)
	default:
		status, header, body := p.Refusal()
		s.refuse(a, req, ReasonTooBusy, &handshake.Error{Status: status, Header: header, Body: body, Setting: info.Setting})
	}
	return nil
}

// admit makes the client, answers 101 and starts the reader.
func (s *core) admit(a *arrival, req *handshake.Request, o *opening, adm *admission, busy *engine.Busy) (*handshake.Error, Reason) {
	r := &o.r
	r.ID = s.ids.Add(1)
	r.UUID = s.uuids.next()
	facts := s.facts(a, req, r)
	site := s.site(a)
	if busy == nil || site.banner.NotifyHandlers {
		if e, reason := s.newClient(o); e != nil {
			return e, reason
		}
		if e, reason := s.forward(a, req, o, adm, busy); e != nil {
			return e, reason
		}
		facts.SubProtocol, facts.Name = r.SubProtocol(), r.Name
	}
	opts := engine.Options{
		Facts: facts, Server: s.self, Buffered: req.Buffered, Banner: site.banner.Welcome, Busy: busy,
		Wire: transport.NewWire(a.conn),
	}
	if adm.relay != nil {
		opts.Banner = "" // the target speaks
	}
	if parent := o.ctx.parent; parent != nil {
		opts.Context = context.WithoutCancel(parent)
	}
	opts.Zip = site.compression
	params, extensions, ok := deflate.NegotiateWith(deflate.Options{
		Mode: deflate.Mode(opts.Zip.Mode), WindowBits: uint8(opts.Zip.WindowBits),
	}, r.Extensions)
	if ok {
		agreed := params // on the heap only here
		opts.Deflate = &agreed
	}
	head, err := handshake.AppendSwitching(o.head[:0], req.Key(), facts.SubProtocol, extensions, r.ResponseHeader)
	if err != nil {
		return s.failed("ResponseHeader", err), ReasonFailed
	}
	sess := a.in.engine.NewSession(opts)
	sess.Data = adm
	started := false
	defer func() {
		if !started {
			sess.Refuse(client.ErrClosed)
		}
	}()
	if o.sess = sess; o.c != nil {
		if adm.relay != nil {
			r.Pump = nil
		}
		if err := choose(sess, r.Pump); err != nil {
			return s.failed("OpenRequest.Pump", err), ReasonFailed
		}
		if e, reason := s.created(o); e != nil {
			return e, reason
		}
	}
	if !a.deadline.IsZero() && !time.Now().Before(a.deadline) {
		return &handshake.Error{
			Status: http.StatusServiceUnavailable, Setting: "HandshakeTimeout", Body: "the handshake took too long",
		}, ReasonTimeout
	}
	if started = s.start(a, sess, adm, head, o.c != nil && busy == nil && adm.relay == nil); !started {
		return unavailable(), ReasonShutdown
	}
	return nil, 0
}

func (s *core) facts(a *arrival, req *handshake.Request, r *client.OpenRequest) link.Facts {
	f := link.Facts{
		ID: r.ID, UUID: r.UUID, Remote: r.Remote, Local: r.Local, ClientIP: a.named(),
		Binding: r.Binding, BindingIndex: r.BindingIndex, HostTag: r.HostTag, HostHeader: r.HostHeader,
		Origin: r.Origin, URI: req.Target, Raw: req.Raw, SubProtocol: r.SubProtocol(), TLS: r.TLS,
	}
	if name := a.in.cfg.NewName; name != nil {
		s.user("NewName", func() { r.Name = name(r) })
	}
	f.Name = r.Name
	return f
}

// newClient asks the factory.
func (s *core) newClient(o *opening) (*handshake.Error, Reason) {
	if s.isClosing() {
		return unavailable(), ReasonShutdown
	}
	if err := event.Do((*creating)(o)); err != nil {
		return s.answer("NewClient", nil, err)
	}
	return nil, 0
}

// created binds the client and calls OnClientCreate.
func (s *core) created(o *opening) (*handshake.Error, Reason) {
	sess, c, r := o.sess, o.c, &o.r
	// A class that embeds a nil pointer can panic here.
	if err := event.Do((*binding)(o)); err != nil {
		return s.answer("NewClient", nil, err)
	}
	for _, h := range s.cfg.Hooks {
		if h.OnClientCreate == nil {
			continue
		}
		if err := event.Do(event.Func(func() error { return h.OnClientCreate(c, r) })); err != nil {
			return s.answer("OnClientCreate", c, err)
		}
	}
	if sess.State() != link.Connecting {
		return &handshake.Error{Body: "aborted by the program"}, ReasonRejected // no status: nothing is answered
	}
	return nil, 0
}

// answer makes an error of user code the answer to a handshake.
func (s *core) answer(name string, c client.Client, err error) (*handshake.Error, Reason) {
	if re, ok := errors.AsType[*client.RejectError](err); ok && re.Status >= 300 && re.Status <= 599 {
		body := re.Body
		if body == "" {
			body = http.StatusText(re.Status)
		}
		return &handshake.Error{Status: re.Status, Header: re.Header, Body: body}, ReasonRejected
	}
	if p, ok := errors.AsType[*event.Panic](err); ok {
		s.panicked(PanicInfo{Client: c, Event: name, Value: p.Value, Stack: p.Stack})
	}
	return s.failed(name, err), ReasonFailed
}

// failed is the 500 for an error that is not the peer's business. A panic was told by
// panicked.
func (s *core) failed(name string, err error) *handshake.Error {
	e := &handshake.Error{Status: http.StatusInternalServerError, Body: "internal error", Err: err}
	if _, told := errors.AsType[*event.Panic](err); told {
		return e
	}
	if n, ok := s.passes(lineHandshake, slog.LevelError); ok {
		s.log.Error("handshake failed", logkey.Event, name, logkey.Code, "error/handshake", logkey.Err, err, logkey.LeftOut, n)
	}
	s.report(&ServerError{Op: "handshake", Event: name, Err: err})
	return e
}

// start answers 101, registers the session and starts its reader; false when the
// server is closing.
func (s *core) start(a *arrival, sess *engine.Session, adm *admission, head []byte, registered bool) bool {
	if !s.through(a) {
		return false
	}
	sess.HoldBack()
	sess.Start()
	adm.counted = registered
	s.register(sess, registered) // before the peer can know
	sess.Answer(head)
	// A fresh goroutine: the one that read the request has a larger stack, for good.
	go sess.Run()
	return true
}

// through is enter and opened in one.
func (s *core) through(a *arrival) bool {
	s.mu.Lock()
	closing := s.closing
	if !closing {
		s.wg.Add(1)
		s.opening.remove(a)
	}
	s.mu.Unlock()
	if !closing {
		a.release()
	}
	return !closing
}

// register makes a session known. One that comes just after the server began to
// close shares the lot of the others.
func (s *core) register(sess *engine.Session, client bool) {
	s.mu.Lock()
	if client {
		s.registry.Add(sess.Link.ID, sess)
		s.counters.connected.Add(1)
		s.parts.connected(&sess.Link.Facts)
	} else {
		s.others[sess] = struct{}{}
		if relayOf(sess) != nil {
			s.forwarded++
			s.counters.forwarded.Add(1)
		}
	}
	err := s.seatLocked(sess)
	end := s.end
	s.mu.Unlock()
	if end != nil {
		end(sess)
	}
	sess.Late()
	endUnseated(sess, err)
}

// leave takes a session out whose connection is gone, and counts what went over it,
// in one step for Stats. Its groups come first: who is in one is in the registry.
func (s *core) leave(sess *engine.Session, adm *admission) {
	s.groups.End(&adm.groups)
	n := sess.Counters()
	s.mu.Lock()
	defer s.mu.Unlock()
	if adm.counted {
		s.registry.Remove(sess.Link.ID)
		s.counters.disconnected.Add(1)
		s.parts.disconnected(&sess.Link.Facts)
	} else {
		delete(s.others, sess)
		if adm.relay != nil {
			s.forwarded--
		}
	}
	s.counters.add(n)
	n.Buffered = 0
	s.parts.add(&sess.Link.Facts, n)
}
