package wsserver

import (
	"errors"
	"log/slog"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/internal/relay"
)

// owner is the core as its connections see it. Methods of core itself would be
// promoted to Server and show in its documentation.
type owner core

var _ engine.Owner = (*owner)(nil)

// Connect runs OnClientConnect of the hooks and then of the factory.
func (o *owner) Connect(sess *engine.Session) error {
	s := (*core)(o)
	c, adm := sess.Client, sess.Data.(*admission)
	if c == nil {
		return nil
	}
	if adm.relay != nil {
		_ = adm.relay.SetSendQueue(relay.Queue(s.in.Load().cfg.SendQueue))
	}
	for i, h := range s.cfg.Hooks {
		adm.hooks = int32(i + 1)
		if h.OnClientConnect != nil {
			if err := h.OnClientConnect(c); err != nil {
				return err
			}
		}
	}
	if adm.relay != nil {
		s.relayed(sess, adm.relay)
		return nil
	}
	adm.factory = true
	return s.class.connect(c)
}

// Message runs the hooks before OnMessage.
func (o *owner) Message(sess *engine.Session, m client.Message) error {
	for _, h := range o.cfg.Hooks {
		if h.OnClientMessage != nil {
			if err := h.OnClientMessage(sess.Client, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// Fragment runs the hooks before OnFragment.
func (o *owner) Fragment(sess *engine.Session, f client.Fragment) error {
	for _, h := range o.cfg.Hooks {
		if h.OnClientFragment != nil {
			if err := h.OnClientFragment(sess.Client, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Drop counts and logs messages that a client will not get.
func (o *owner) Drop(sess *engine.Session, d client.Drop) {
	s := (*core)(o)
	s.counters.dropped[d.Reason].Add(uint64(d.Messages))
	if n, ok := s.passes(lineDropped, slog.LevelWarn); ok {
		s.log.Warn("messages dropped", logkey.Code, d.Code(), logkey.Conn, sess.Link.ID, logkey.Remote, sess.Link.Remote.String(),
			logkey.Host, sess.Link.HostTag, logkey.Reason, d.Reason.String(), logkey.Messages, d.Messages, logkey.Bytes, d.Bytes,
			logkey.Since, d.Since, logkey.LeftOut, n)
	}
}

// Sent tells of a frame that was written.
func (o *owner) Sent(sess *engine.Session, first byte, n int) {
	s := (*core)(o)
	if sess.Client == nil {
		return
	}
	info := SentInfo{Client: sess.Client, Opcode: first & 0xf, Final: first&0x80 != 0, Compressed: first&0x40 != 0, PayloadSize: n}
	s.user("OnSent", func() { s.cfg.Events.OnSent(info) })
}

// Disconnect takes the client out, runs OnClientDisconnect where OnClientConnect
// was called, and gives the place back, whatever happens there.
func (o *owner) Disconnect(sess *engine.Session, info client.CloseInfo) {
	s := (*core)(o)
	s.counters.unsent.Add(uint64(info.Unsent))
	adm, why := sess.Data.(*admission), info.Why()
	if adm.counted {
		s.counters.close(why)
	}
	defer s.release(adm)
	s.leave(sess, adm)
	if adm.relay != nil {
		adm.relay.End(info)
	}
	c := sess.Client
	if c == nil {
		return
	}
	if n, ok := s.passes(lineDisconnected, slog.LevelDebug); ok {
		s.log.Debug("disconnected", logkey.Code, why, logkey.Conn, sess.Link.ID, logkey.Remote, sess.Link.Remote.String(),
			logkey.Host, sess.Link.HostTag, logkey.Status, int(info.Code), logkey.Text, info.Reason,
			logkey.RemoteClose, info.Remote, logkey.Cause, info.Cause, logkey.Unsent, info.Unsent, logkey.LeftOut, n)
	}
	// Deferred, so that one that ends its goroutine does not keep the others from
	// running; the last hook comes first.
	for _, h := range s.cfg.Hooks[:adm.hooks] {
		if h.OnClientDisconnect != nil {
			defer s.guarded(c, "Hooks.OnClientDisconnect", func() { h.OnClientDisconnect(c, info) })
		}
	}
	if adm.factory {
		s.guarded(c, "OnClientDisconnect", func() { s.class.disconnect(c, info) })
	}
}

// guarded runs an event whose panic must not keep the others from running.
func (s *core) guarded(c client.Client, name string, f func()) {
	if p, ok := errors.AsType[*event.Panic](event.Call(f)); ok {
		s.panicked(PanicInfo{Client: c, Event: name, Value: p.Value, Stack: p.Stack})
	}
}

// Failed reports an event that returned an error or panicked.
func (o *owner) Failed(sess *engine.Session, err error) (keep bool) {
	s := (*core)(o)
	if p, ok := errors.AsType[*client.PanicError](err); ok {
		return s.panicked(PanicInfo{Client: sess.Client, Event: p.Event, Value: p.Value, Stack: p.Stack})
	}
	if errors.Is(err, client.ErrClosed) && sess.State() >= link.Closing {
		return false // it could not send any more, as the client is being closed
	}
	if n, ok := s.passes(lineEvent, slog.LevelWarn); ok {
		s.log.Warn("event failed", logkey.Code, "error/event", logkey.Conn, sess.Link.ID, logkey.Remote, sess.Link.Remote.String(),
			logkey.Host, sess.Link.HostTag, logkey.Event, eventOf(err), logkey.Err, err, logkey.LeftOut, n)
	}
	s.report(&ServerError{Op: "event", Event: eventOf(err), Binding: sess.Link.Binding, Client: sess.Client, Conn: sess.Link.ID, Err: err})
	return false
}

// Gone is the last that is heard of a session.
func (o *owner) Gone(sess *engine.Session) {
	s := (*core)(o)
	s.release(sess.Data.(*admission))
	s.wg.Done()
}

// panicked reports a panic in user code, and asks whether to keep the client.
func (s *core) panicked(p PanicInfo) (keep bool) {
	s.counters.panics.Add(1)
	id := uint64(0)
	if p.Client != nil {
		id = p.Client.ID()
	}
	s.logPanic(p, id)
	if f := s.cfg.Events.OnBgException; f != nil {
		if err := event.Call(func() { keep = f(p) }); err != nil {
			own := PanicInfo{Event: "OnBgException", Value: err}
			if p, ok := errors.AsType[*event.Panic](err); ok {
				own.Value, own.Stack = p.Value, p.Stack
			}
			s.logPanic(own, id)
			return false
		}
	}
	return keep
}

// user runs a server event.
func (s *core) user(name string, f func()) {
	if p, ok := errors.AsType[*event.Panic](event.Call(f)); ok {
		s.panicked(PanicInfo{Event: name, Value: p.Value, Stack: p.Stack})
	}
}
