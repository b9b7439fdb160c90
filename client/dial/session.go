package dial

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/internal/transport"
)

// life is one connection.
type life struct {
	r      *run
	sess   *engine.Session
	info   OpenInfo
	opened time.Time
	wide   uint8         // the server's window, where it is larger than asked for
	told   chan struct{} // closed when OnOpen has returned
	err    error         // of OnOpen; complete when told is closed
}

// isOpen waits for OnOpen, and returns nil if it was content.
func (l *life) isOpen(ctx context.Context) *DialError {
	select {
	case <-l.told:
	case <-ctx.Done():
		select {
		case <-l.told:
		default:
			return l.cut(ctx)
		}
	}
	if l.err == nil {
		return nil
	}
	return l.refused(l.err)
}

// maxMessage bounds a message that is in memory as a whole.
const maxMessage = 1 << 30

// newEngine returns what makes the sessions of a run. It has nothing that needs an end.
func (c *Conn) newEngine() *engine.Engine {
	o := &c.o
	whole, pieces := o.MaxMessageSize, o.MaxMessageSize
	if whole == 0 {
		whole, pieces = 1<<20, -1
	}
	whole = min(whole, maxMessage)
	return engine.New(engine.Config{
		Owner:   (*owner)(c),
		Service: c.service,
		Settings: &transport.Settings{
			Dialed: true, MaxMessage: whole, MaxPieces: pieces, MaxFrame: o.MaxFrameSize,
			Queue: o.SendQueue, Bandwidth: o.BandwidthLimit, Sampling: time.Second,
			WriteTimeout: o.WriteTimeout, CloseTimeout: o.CloseTimeout,
			PingInterval: o.PingInterval, PongTimeout: o.PongTimeout,
			NoPong: o.DisablePong, IdleTimeout: o.IdleTimeout,
		},
		CloseCode: client.StatusNormalClosure, CloseReason: "Normal closure",
	})
}

// admit makes a session of a connection, with an object of the class.
func (c *Conn) admit(ctx context.Context, r *run, o *opened, begun time.Time) (*life, *DialError) {
	c.mu.Lock()
	number := uint64(c.opened) + 1
	o.info.Reopened = r.opens > 0
	c.mu.Unlock()
	l := &life{r: r, info: o.info, wide: c.wide(o), told: make(chan struct{}), err: errExited}
	obj, err := c.newClient(o.info)
	if d := c.o.HandshakeTimeout; err == nil && d > 0 && time.Since(begun) > d {
		err = context.DeadlineExceeded
	}
	if err != nil {
		return nil, l.refused(err)
	}
	sess := r.engine.NewSession(engine.Options{
		Facts: facts(o, number), Wire: transport.NewWire(o.conn), Buffered: o.buffered,
		Deflate: o.deflate, Zip: c.o.Compression,
	})
	sess.Data, l.sess = l, sess
	if err := sess.Bind(obj); err != nil {
		return nil, l.refused(errors.New("the client of NewClient has had a connection before"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ctx.Err() != nil { // that of Connect may not know yet
		ctx = r.ctx
	}
	if ctx.Err() != nil {
		sess.Refuse(context.Cause(ctx))
		return nil, l.cut(ctx)
	}
	c.sess, c.ready, c.open, c.failed = sess, false, o.info, nil
	c.opened++
	r.opens++
	l.opened = time.Now()
	r.alive.Add(1)
	sess.Start() // under the lock, so that Stop finds it open
	go sess.Run()
	return l, nil
}

// wide is the window of the server in bits if it is larger than we asked for, otherwise 0.
func (c *Conn) wide(o *opened) uint8 {
	asked := c.o.Compression.WindowBits
	if o.deflate == nil || c.o.Compression.Mode != client.CompressionContext || asked == 0 || int(o.deflate.ClientBits) <= asked {
		return 0
	}
	return o.deflate.ClientBits
}

// newClient makes an object of the class.
func (c *Conn) newClient(info OpenInfo) (obj client.Client, err error) {
	if c.h.NewClient == nil {
		return &plain{c: c}, nil
	}
	err = contained(func() (err error) { obj, err = c.h.NewClient(info); return err })
	if err == nil && obj == nil {
		err = errors.New("NewClient has returned no client")
	}
	return obj, err
}

// refused is the error of an attempt that we have ended ourselves.
func (l *life) refused(err error) *DialError {
	reason := ReasonUser
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		reason = ReasonTimeout
	case errors.Is(err, ErrStopped), errors.Is(err, context.Canceled):
		reason = ReasonCancelled
	}
	return l.failed(reason, err)
}

// cut is the error of an attempt that ctx has ended.
func (l *life) cut(ctx context.Context) *DialError { return l.failed(ended(ctx, ctx, 0)) }

func (l *life) failed(reason Reason, err error) *DialError {
	return &DialError{
		URL: l.info.URL, Attempt: l.info.Attempt, Stage: StageClient, Reason: reason,
		HTTPStatus: l.info.Status, Header: l.info.Header, Timing: l.info.Timing, Err: err,
	}
}

func facts(o *opened, number uint64) link.Facts {
	return link.Facts{
		ID: number, UUID: uuid.New(), Remote: o.info.Remote, Local: o.info.Local, BindingIndex: -1,
		HostHeader: o.host, Origin: handshake.Fields(o.request).Get("Origin"), URI: o.info.URI, Raw: o.request,
		SubProtocol: o.info.Protocol, TLS: o.info.TLS,
	}
}

// owner is a Conn as its sessions see it.
type owner Conn

var _ engine.Owner = (*owner)(nil)

// Connect tells of the open connection, and then sends what waits.
func (w *owner) Connect(sess *engine.Session) error {
	c, l := (*Conn)(w), sess.Data.(*life)
	defer close(l.told)
	c.state(Open)
	c.log.Debug("open", logkey.Addr, logURL(l.info.URL), logkey.Remote, l.info.Remote.String(), logkey.Attempt, l.info.Attempt)
	if l.wide > 0 && !l.info.Reopened {
		c.log.Info("the server has a larger window than it was asked for", logkey.Addr, logURL(l.info.URL),
			logkey.Setting, "Compression.WindowBits", logkey.Value, int(l.wide))
	}
	if f := c.h.OnOpen; f != nil {
		c.telling.lock()
		defer c.telling.unlock()
		if l.err = event.Do(event.Func(func() error { return f(c, l.info) })); l.err != nil {
			return l.err
		}
	}
	l.err = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = true
	c.changeLocked()
	c.flushLocked()
	return nil
}

func (w *owner) Message(*engine.Session, client.Message) error   { return nil }
func (w *owner) Fragment(*engine.Session, client.Fragment) error { return nil }
func (w *owner) Sent(*engine.Session, byte, int)                 {}

// Drop logs messages that the open connection has dropped from its send queue.
func (w *owner) Drop(_ *engine.Session, d client.Drop) { (*Conn)(w).logDrop(d) }

// Disconnect tells that the connection is gone, and has the next one made.
func (w *owner) Disconnect(sess *engine.Session, info client.CloseInfo) {
	c, l := (*Conn)(w), sess.Data.(*life)
	c.mu.Lock()
	l.r.closed = info
	c.mu.Unlock()
	defer c.closed(l.r, info, sess.EndedAt().Sub(l.opened))
	defer func() {
		c.mu.Lock()
		c.sess, c.ready = nil, false
		c.mu.Unlock()
	}()
	c.log.Debug("closed", logkey.Addr, logURL(l.info.URL), logkey.Code, info.Why(), logkey.Status, int(info.Code), logkey.Text, info.Reason,
		logkey.RemoteClose, info.Remote, logkey.Cause, info.Cause, logkey.Unsent, info.Unsent)
	if f := c.h.OnClose; f != nil {
		c.telling.lock()
		defer c.telling.unlock()
		c.logged("OnClose", event.Call(func() { f(c, info) }))
	}
}

// Failed logs an event that returned an error or panicked; it ends the connection.
func (w *owner) Failed(sess *engine.Session, err error) bool {
	c := (*Conn)(w)
	if errors.Is(err, client.ErrClosed) && sess.State() >= link.Closing {
		return false
	}
	if p, ok := errors.AsType[*client.PanicError](err); ok {
		c.logPanic(p.Event, p.Value, p.Stack)
		return false
	}
	c.log.Warn("event failed", logkey.Err, err)
	return false
}

// Gone is the last that is heard of a session.
func (w *owner) Gone(sess *engine.Session) { sess.Data.(*life).r.alive.Done() }

func checkClose(code client.StatusCode, reason string) error {
	switch {
	case code != 0 && !code.Sendable():
		return client.ErrBadCloseCode
	case !utf8.ValidString(reason):
		return client.ErrInvalidUTF8
	}
	return nil
}
