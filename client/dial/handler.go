package dial

import (
	"github.com/icsws/icsws/client"
)

// Handler is what a program wants to hear. Each function may be nil. They are never
// called for the same thing twice, and no two of them at once, with one exception: with
// a class of the program's own OnDropped may come while an event of the class runs.
//
// A function that panics or ends its goroutine costs its connection, where there is one,
// and is logged; so does one that returns an error, with 1011, or with the code of a
// [*client.CloseError]. Then the connection comes back as after any other end. All may call
// everything of [Conn] but Connect, which waits for them, and but WaitOpen and WaitSent where
// what they wait for comes behind them; Stop does not wait there.
type Handler struct {
	// NewClient makes the object of the program's own class for each connection, when
	// the server has accepted it: a struct that embeds client.Base, the same as behind a
	// server. It must not have had a connection before. An error ends the attempt. Nil is
	// a class that calls OnMessage.
	NewClient func(o OpenInfo) (client.Client, error)
	// OnOpen comes when a connection is open, before its first message. What it sends
	// with Conn.Client().Send goes ahead of all that waits for the connection, such as a
	// login. Without Options.QueueWhileDown nothing waits: then what other goroutines send
	// while it runs may go first.
	OnOpen func(c *Conn, o OpenInfo) error
	// OnMessage gets each whole message, in order. m.Data is valid until it returns. While
	// it runs nothing more is read from the server. With NewClient it must be nil.
	OnMessage func(c *Conn, m client.Message) error
	// OnClose comes exactly once for each OnOpen, when that connection is gone.
	OnClose func(c *Conn, info client.CloseInfo)
	// OnError comes exactly once for each attempt that failed (E-14). One that Stop has
	// cut short has not failed.
	OnError func(c *Conn, e *DialError)
	// OnDropped tells of messages that waited for a connection and will not be sent; their
	// Bytes are those of the payload. Without NewClient it tells of those of the send queue,
	// too (Options.SendQueue).
	OnDropped func(c *Conn, d client.Drop)
	// OnStop comes exactly once for each Start, and for each Connect that got as far as
	// OnOpen: there is no connection, and there will be none. Start may be called in it; what
	// it brings comes when OnStop has returned.
	OnStop func(c *Conn, s StopInfo)
	// OnState comes when the state has changed: Connecting, Open, and Closed. That
	// somebody has begun to close shows in Conn.State only.
	OnState func(c *Conn, s State)
}

// StopInfo tells why a [Conn] has stopped.
type StopInfo struct {
	// Local tells that Stop was called.
	Local bool
	// Err is why there is no further attempt, nil if Local: ErrNotAgain, ErrAttempts or
	// ErrNoReconnect, joined with the last *DialError if an attempt had failed. It is
	// ErrStopped for a Connect whose OnOpen failed.
	Err error
	// Close is the end of the last connection, zero if none was open.
	Close client.CloseInfo
	// Attempts is how many were made.
	Attempts int
}

// plain is the class of a program that has none.
type plain struct {
	client.Base
	c *Conn
}

func (p *plain) OnMessage(m client.Message) error {
	f := p.c.h.OnMessage
	if f == nil {
		return nil
	}
	p.c.telling.lock()
	defer p.c.telling.unlock()
	return f(p.c, m)
}

// OnDropped is of the send queue of the connection.
func (p *plain) OnDropped(d client.Drop) error {
	if f := p.c.h.OnDropped; f != nil {
		p.c.telling.lock()
		defer p.c.telling.unlock()
		f(p.c, d)
	}
	return nil
}

// State is where a [Conn] stands; the numbers are those of readyState in browsers.
type State uint8

// The states (D-33).
const (
	Connecting State = iota // an attempt is under way, or waits for its time
	Open                    // messages can be sent
	Closing                 // a close frame was sent or received
	Closed                  // not started, or stopped for good
)

var stateNames = [...]string{"connecting", "open", "closing", "closed"}

// String returns the state in lower case, such as "open".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}
