package connect

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
)

// view is told what happens, one thing at a time. An error of message ends the session.
type view interface {
	opened(o dial.OpenInfo)
	message(m client.Message) error
	pinged(payload []byte)
	ponged(payload []byte, rtt time.Duration, asked bool)
	closed(i client.CloseInfo)
	failed(e *dial.DialError)
}

// session is a connection, and those that follow with --reconnect.
type session struct {
	conn    *dial.Conn
	view    view
	again   bool          // there may be several connections
	arrived chan struct{} // has one when a message came
	opened  chan struct{} // has one when a connection opened
	gone    chan struct{} // closed when there is no connection any more, and none follows

	messages          atomic.Uint64 // received
	bytesIn, bytesOut atomic.Uint64 // of payload
	pings             atomic.Uint64 // sent without a text
	rtt               atomic.Int64  // of the last ping that was answered, 0 before

	mu    sync.Mutex // guards the following
	asked []asked    // pings that were not answered yet
	bad   error      // of the view
	stop  dial.StopInfo
	last  *dial.DialError
}

// asked is a ping on its way.
type asked struct {
	payload []byte
	at      time.Time
}

// mostAsked bounds the pings that a server may leave unanswered and we remember.
const mostAsked = 64

func newSession(d dial.Options, v view) *session {
	s := &session{
		view: v, again: !d.NoReconnect, arrived: make(chan struct{}, 1), opened: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	d.SendQueue.Policy = client.QueueBlock
	s.conn = dial.New(d, dial.Handler{
		NewClient: func(dial.OpenInfo) (client.Client, error) { return &class{s: s}, nil },
		OnOpen:    s.onOpen,
		OnClose:   s.onClose,
		OnError:   s.onError,
		OnStop:    s.onStop,
	})
	return s
}

// class is the client.
type class struct {
	client.Base
	s *session
}

var (
	_ client.Client      = (*class)(nil)
	_ client.PingHandler = (*class)(nil)
	_ client.PongHandler = (*class)(nil)
)

// OnMessage hands a message to the view.
func (c *class) OnMessage(m client.Message) error {
	s := c.s
	if err := s.view.message(m); err != nil {
		s.mu.Lock()
		s.bad = err
		s.mu.Unlock()
		return s.conn.Stop(c.Context(), client.StatusGoingAway, "")
	}
	s.messages.Add(1)
	s.bytesIn.Add(uint64(len(m.Data)))
	poke(s.arrived)
	return nil
}

// OnPing tells of a ping of the server, which is answered already.
func (c *class) OnPing(payload []byte) error {
	c.s.view.pinged(payload)
	return nil
}

// OnPong finds the ping that it answers: one that was asked for, or one that package dial
// has sent by itself.
func (c *class) OnPong(payload []byte) error {
	rtt, ours := c.s.answered(payload)
	if !ours {
		rtt = c.Stats().RTT
	}
	c.s.rtt.Store(int64(rtt))
	c.s.view.ponged(payload, rtt, ours)
	return nil
}

// answered takes a ping, and those before it, off the list (RFC 6455 section 5.5.3).
func (s *session) answered(payload []byte) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.asked, func(a asked) bool { return bytes.Equal(a.payload, payload) })
	if i < 0 {
		return 0, false
	}
	at := s.asked[i].at
	s.asked = slices.Delete(s.asked, 0, i+1)
	return time.Since(at), true
}

// ping sends one and remembers when.
func (s *session) ping(payload []byte) error {
	s.mu.Lock()
	if len(s.asked) == mostAsked {
		s.asked = slices.Delete(s.asked, 0, 1)
	}
	s.asked = append(s.asked, asked{payload, time.Now()})
	s.mu.Unlock()
	return s.conn.Ping(payload)
}

// poke tells whoever waits on c.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *session) onOpen(_ *dial.Conn, o dial.OpenInfo) error {
	s.mu.Lock()
	s.asked = nil
	s.mu.Unlock()
	s.view.opened(o)
	poke(s.opened)
	return nil
}

func (s *session) onClose(_ *dial.Conn, i client.CloseInfo) { s.view.closed(i) }

func (s *session) onError(_ *dial.Conn, e *dial.DialError) {
	s.mu.Lock()
	s.last = e
	s.mu.Unlock()
	s.view.failed(e)
}

func (s *session) onStop(_ *dial.Conn, i dial.StopInfo) {
	s.mu.Lock()
	s.stop = i
	s.mu.Unlock()
	close(s.gone)
}

// send sends m, waiting for a slow server.
func (s *session) send(m client.Message) error {
	err := s.conn.Send(m)
	if err == nil {
		s.bytesOut.Add(uint64(len(m.Data)))
	}
	return err
}

// closeTime bounds a closing handshake.
const closeTime = 5 * time.Second

// close does the closing handshake and waits for the end of everything; a signal cuts it
// short.
func (s *session) close(ctx context.Context, code client.StatusCode, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	if err := s.conn.Stop(ctx, code, reason); errors.Is(err, client.ErrBadCloseCode) || errors.Is(err, client.ErrInvalidUTF8) {
		return err
	}
	<-s.conn.Done()
	return nil
}

// interrupted ends the session because ctx has ended.
func (s *session) interrupted(ctx context.Context) error {
	_ = s.close(context.WithoutCancel(ctx), client.StatusGoingAway, "")
	return context.Cause(ctx)
}

// verdict is what the program ends with, when all is gone. The view has told why.
func (s *session) verdict() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.bad != nil:
		return s.bad
	case s.stop.Local && (s.again || s.stop.Close.Cause == nil):
		return nil
	case !s.stop.Local && s.last != nil && s.last.Final:
		return cli.Silent(reach.CodeOfDial(s.last))
	}
	return cli.Silent(reach.CodeOfClose(s.stop.Close))
}
