package wsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/internal/relay"
)

// NoClients is the factory of a server that only forwards: every connection goes to
// Config.Forward or Config.ForwardByHost (F-01).
func NoClients() ClientFactory[client.Client] { return noClients{} }

type noClients struct{}

func (noClients) ignoresRequest() bool                                 { return true }
func (noClients) NewClient(*client.OpenRequest) (client.Client, error) { return nil, nil }
func (noClients) OnClientConnect(client.Client) error                  { return nil }
func (noClients) OnClientDisconnect(client.Client, client.CloseInfo)   {}

var (
	errNoClient = errors.New("wsserver: NewClient returned neither a client nor an error, and there is no target to forward to: set Config.Forward or call OpenRequest.ForwardTo")
	errBoth     = errors.New("wsserver: NewClient called ForwardTo and returned a client; return nil to forward")
)

// copyForwards makes the targets the server's own, with their defaults.
func (c *Config) copyForwards() {
	if c.Forward != nil {
		t := c.Forward.WithDefaults()
		c.Forward = &t
	}
	c.ForwardByHost = maps.Clone(c.ForwardByHost)
	for tag, t := range c.ForwardByHost {
		if t != nil {
			own := t.WithDefaults()
			c.ForwardByHost[tag] = &own
		}
	}
}

func (c *Config) checkForwards() error {
	errs := []error{checkForward("Forward", c.Forward)}
	for tag, t := range c.ForwardByHost {
		field := fmt.Sprintf("ForwardByHost[%q]", tag)
		errs = append(errs, c.checkTag(field, tag), checkForward(field, t))
	}
	return errors.Join(errs...)
}

func checkForward(field string, t *forward.Target) error {
	if t == nil {
		return nil
	}
	err := t.Validate()
	if fe, ok := errors.AsType[*forward.FieldError](err); ok {
		field += "." + fe.Field
	}
	return wrapField(field, err)
}

// forward reaches the target of a request for which there is no client, and makes the client
// that stands for it.
func (s *core) forward(a *arrival, req *handshake.Request, o *opening, adm *admission, busy *engine.Busy) (*handshake.Error, Reason) {
	to, chosen := o.r.ForwardTarget()
	switch {
	case o.c != nil && chosen:
		return s.failed("NewClient", errBoth), ReasonFailed
	case o.c != nil:
		return nil, 0
	}
	t, err := relay.Choose(s.site(a).forward, to, chosen)
	if err == nil && t == nil {
		err = errNoClient
	}
	switch {
	case err != nil:
		return s.failed("NewClient", err), ReasonFailed
	case busy != nil: // it is told so, and its target not troubled
		return nil, 0
	}
	d := dialling{core: s, target: t, ctx: &o.ctx, asked: asked(a, req, &o.r)}
	if err := event.Do(&d); err != nil {
		return s.unreachable(&d, err)
	}
	if t.WebSocket() {
		_ = o.r.Select(d.conn.Protocol) // one of those that the client has offered
	}
	adm.relay = d.conn.Client(&s.lingering)
	o.c = adm.relay
	return nil, 0
}

// dialling is one dial, which may run user code.
type dialling struct {
	core   *core
	target *forward.Target
	ctx    context.Context
	asked  relay.Asked
	conn   *relay.Conn
	passed http.Header
}

func (d *dialling) Run() (err error) {
	d.conn, d.passed, err = relay.Dial(d.ctx, d.target, d.asked)
	return err
}

// asked is what a target is told.
func asked(a *arrival, req *handshake.Request, r *client.OpenRequest) relay.Asked {
	return relay.Asked{
		Client: netip.AddrPortFrom(a.clientIP(), a.remote.Port()), Local: a.local, Secure: a.secure(), Host: r.HostHeader, Origin: r.Origin,
		Target: req.Target, Fields: handshake.Fields(req.Raw), Protocols: r.SubProtocols,
	}
}

// unreachable is the answer when there is no target: 502, or 504 if it took too long. What
// a WebSocket target says about who may come is passed on.
func (s *core) unreachable(d *dialling, err error) (*handshake.Error, Reason) {
	if p, ok := errors.AsType[*event.Panic](err); ok {
		s.panicked(PanicInfo{Event: "Target.Dial", Value: p.Value, Stack: p.Stack})
		return s.failed("Target.Dial", err), ReasonFailed
	}
	if s.isClosing() {
		return unavailable(), ReasonShutdown
	}
	e := &handshake.Error{Status: http.StatusBadGateway, Body: "the target can not be reached", Setting: "Forward", Err: err}
	te, _ := errors.AsType[*forward.TargetError](err)
	se, refused := errors.AsType[*forward.StatusError](err)
	switch {
	case refused && (se.Status == http.StatusUnauthorized || se.Status == http.StatusForbidden || se.Status == http.StatusNotFound):
		e.Status, e.Header, e.Body = se.Status, d.passed, http.StatusText(se.Status)
	case refused:
		e.Body = "the target has refused"
	case te != nil && te.Timeout():
		e.Status, e.Body = http.StatusGatewayTimeout, "the target takes too long"
	}
	return e, ReasonForward
}

// relayed begins to take what the target sends to its client.
func (s *core) relayed(sess *engine.Session, c *relay.Client) {
	c.Begin(sess)
	s.wg.Add(1) // the session is counted too
	go func() {
		defer s.wg.Done()
		err := event.Do(event.Func(c.Run))
		if p, ok := errors.AsType[*event.Panic](err); ok { // of a connection that Target.Dial has made
			s.panicked(PanicInfo{Client: c, Event: "Target", Value: p.Value, Stack: p.Stack})
			sess.Abort(client.ErrAborted)
		}
		if err != nil {
			s.targetFailed(sess, err)
		}
		_ = event.Call(c.Finish)
	}()
}

// targetFailed counts and logs a target that did not end in order.
func (s *core) targetFailed(sess *engine.Session, err error) {
	s.counters.targets.Add(1)
	if n, ok := s.passes(lineTarget, slog.LevelWarn); ok {
		s.log.Warn("target failed", logkey.Code, "close/target", logkey.Conn, sess.Link.ID, logkey.Remote, sess.Link.Remote.String(),
			logkey.Host, sess.Link.HostTag, logkey.Err, err, logkey.LeftOut, n)
	}
}

// relayOf is the client of a forwarded session, nil for others.
func relayOf(sess *engine.Session) *relay.Client {
	adm, _ := sess.Data.(*admission)
	if adm == nil {
		return nil
	}
	return adm.relay
}

// forwards are the forwarded sessions.
func (s *core) forwards() (list []*engine.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sess := range s.others {
		if relayOf(sess) != nil {
			list = append(list, sess)
		}
	}
	return list
}

func (s *core) forwardedNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forwarded
}
