package wsserver

import (
	"context"
	"iter"
	"slices"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/link"
)

// Filter chooses the clients of a broadcast; see ByURI, ByTag, ByHostHeader,
// ByID, Except and Where. A program may write its own.
type Filter = client.Filter

// ByURI passes clients whose request target is one of uris, query included (S-19).
func ByURI(uris ...string) Filter {
	return func(c client.Client) bool { return slices.Contains(uris, facts(c).URI) }
}

// ByTag passes clients of the virtual hosts with one of the tags.
func ByTag(tags ...string) Filter {
	return func(c client.Client) bool { return slices.Contains(tags, facts(c).HostTag) }
}

// ByHostHeader passes clients whose Host header, as sent, is one of headers.
func ByHostHeader(headers ...string) Filter {
	return func(c client.Client) bool { return slices.Contains(headers, facts(c).HostHeader) }
}

// ByID passes the clients with these ids.
func ByID(ids ...uint64) Filter {
	return func(c client.Client) bool { return slices.Contains(ids, c.ID()) }
}

// Except passes every client but these.
func Except(clients ...client.Client) Filter {
	return func(c client.Client) bool {
		return !slices.ContainsFunc(clients, func(e client.Client) bool { return facts(e) == facts(c) })
	}
}

// Where makes a filter of a function on the class. A client of another class does
// not pass.
func Where[T client.Client](pass func(c T) bool) Filter {
	return func(c client.Client) bool {
		t, ok := c.(T)
		return ok && pass(t)
	}
}

// SendResult tells what became of a message for one client (S-20 to S-25).
type SendResult = client.SendResult

// Broadcast sends m to every client that passes all filters, and returns how many took
// it (S-18). The frame is made once, and compressed once for all clients with the same
// parameters. It never waits: what happens to a client whose queue is full is up to its
// policy, where client.QueueBlock acts as client.QueueClose. A client that is
// connecting gets it behind its banner: its own OnClientConnect may send it the past,
// and what comes meanwhile follows. A message that can not be sent at all, because its
// text is not UTF-8, is taken by nobody.
func (s *Server[T]) Broadcast(m client.Message, filters ...Filter) int {
	return s.core.broadcastCount(m, s.registry.All, filters)
}

// BroadcastResults is Broadcast with a result for each client that passed the
// filters. The error is that of the message: client.ErrInvalidUTF8,
// client.ErrBadOpcode.
func (s *Server[T]) BroadcastResults(m client.Message, filters ...Filter) ([]SendResult, error) {
	return s.BroadcastWith(m, client.SendOptions{}, filters...)
}

// BroadcastWith is BroadcastResults with options: a game that sends states, for
// instance, gives each a Key, so that a slow client gets the latest of each
// (client.QueueLatest).
func (s *Server[T]) BroadcastWith(m client.Message, o client.SendOptions, filters ...Filter) ([]SendResult, error) {
	return s.core.broadcastResults(m, o, s.registry.All, filters)
}

// SendTo sends m to the client with that id, as its Send does (S-01). The error of
// the result is client.ErrNoClient when there is none.
func (s *Server[T]) SendTo(id uint64, m client.Message) SendResult {
	sess, ok := s.registry.Get(id)
	if !ok {
		return SendResult{ID: id, PayloadSize: len(m.Data), Err: client.ErrNoClient}
	}
	wire, err := sess.Send(m.Op, m.Data, false)
	return result(sess, m, wire, err)
}

// SendToWith is SendTo with options; ctx bounds the wait, if there is any.
func (s *Server[T]) SendToWith(ctx context.Context, id uint64, m client.Message, o client.SendOptions) SendResult {
	sess, ok := s.registry.Get(id)
	if !ok {
		return SendResult{ID: id, PayloadSize: len(m.Data), Err: client.ErrNoClient}
	}
	wire, err := 0, error(nil)
	if lo, lerr := link.MessageOptions(o); lerr != nil {
		err = lerr
	} else {
		wire, err = sess.SendWith(ctx, m.Op, m.Data, lo)
	}
	return result(sess, m, wire, err)
}

func result(sess *engine.Session, m client.Message, wire int, err error) SendResult {
	if err != nil {
		wire = 0
	}
	return SendResult{ID: sess.Link.ID, URI: sess.Link.URI, PayloadSize: len(m.Data), WireSize: wire, Err: err}
}

// broadcast sends m to those sessions of all that pass the filters.
func (s *core) broadcast(m client.Message, o link.SendOptions, all iter.Seq[*engine.Session], filters []Filter, each func(*engine.Session, int, error)) error {
	b, err := s.in.Load().engine.NewBroadcast(m, o)
	if err != nil {
		return err
	}
	for sess := range all {
		if !passes(sess.Client, filters) {
			continue
		}
		wire, err := sess.Broadcast(b)
		each(sess, wire, err)
	}
	return nil
}

// broadcastCount is broadcast without options, and returns how many took m.
func (s *core) broadcastCount(m client.Message, all iter.Seq[*engine.Session], filters []Filter) (n int) {
	_ = s.broadcast(m, link.SendOptions{}, all, filters, func(_ *engine.Session, _ int, err error) {
		if err == nil {
			n++
		}
	})
	return n
}

// broadcastResults is broadcast with a result for each.
func (s *core) broadcastResults(m client.Message, o client.SendOptions, all iter.Seq[*engine.Session], filters []Filter) (out []SendResult, err error) {
	lo, err := link.MessageOptions(o)
	if err != nil {
		return nil, err
	}
	err = s.broadcast(m, lo, all, filters, func(sess *engine.Session, wire int, err error) {
		out = append(out, result(sess, m, wire, err))
	})
	return out, err
}

func passes(c client.Client, filters []Filter) bool {
	for _, f := range filters {
		if !f(c) {
			return false
		}
	}
	return true
}

// Disconnect closes the client with that id, as its Close does. It returns
// client.ErrNoClient when there is none.
func (s *Server[T]) Disconnect(id uint64, code client.StatusCode, reason string) error {
	sess, ok := s.registry.Get(id)
	if !ok {
		return client.ErrNoClient
	}
	return sess.Link.Ops.Close(uint16(code), reason, false) // a class may have a Close of its own
}

// DisconnectAll closes every client that is connected now, and waits until each
// of them has ended or ctx has; in an event it does not wait. New clients
// are still welcome.
func (s *Server[T]) DisconnectAll(ctx context.Context, code client.StatusCode, reason string) error {
	return s.core.disconnectAll(ctx, code, reason)
}
