package dial

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/transport"
)

// Errors of the methods of [Conn].
var (
	// ErrRunning: it is started already, or the setting can be changed only while it is
	// stopped.
	ErrRunning = errors.New("dial: already started")
	// ErrStopped: Stop was called while an attempt was under way, or OnOpen of a Connect
	// has failed.
	ErrStopped = errors.New("dial: stopped")
)

// Conn is a client that keeps a connection to one server. Its methods may be called from
// any goroutine.
//
// Start makes it connect, and connect again when the connection is lost, until Stop; each
// connection is a fresh one, of which nothing is left to the next but the messages that
// wait (D-42). A Conn that has stopped can be started again.
type Conn struct {
	h       Handler
	log     *slog.Logger
	random  func() float64
	anew    bool // see Options.anew
	service *transport.Service
	telling turn // held while a function of h runs, save OnStop, which is the last

	mu      sync.Mutex // guards the following
	o       Options    // with their defaults; only URL changes, while it is stopped
	run     *run       // nil while it is stopped
	last    *run       // the one before
	sess    *engine.Session
	ready   bool          // OnOpen has returned: what waits may be sent
	open    OpenInfo      // of sess, or of the one before
	changed chan struct{} // closed when ready, run or the queue has changed; nil when nobody waits
	queue   queue
	sends   bool        // somebody sends what waits
	aging   *time.Timer // nil unless a message may become too old
	tells   bool        // somebody calls OnDropped, or is about to
	next    time.Time
	failed  *DialError // the last attempt, if it failed
	number  int        // of the last attempt, since the last stable connection
	opened  int
}

// turn is a mutex that is held over user code: a channel, so that tests with a clock of
// their own see who waits for it.
type turn chan struct{}

func (t turn) lock()   { t <- struct{}{} }
func (t turn) unlock() { <-t }

// New returns a client that is not started. The options are copied; what is wrong with
// them [Options.Validate] tells, and each Start and Connect (D-01).
func New(o Options, h Handler) *Conn {
	c := &Conn{h: h, random: rand.Float64, service: transport.NewService(), telling: make(turn, 1)}
	c.o, c.anew = o.withDefaults(), o.anew()
	c.log = c.o.Logger
	return c
}

func (h *Handler) check() error {
	if h.NewClient != nil && h.OnMessage != nil {
		return &OptionError{Field: "Handler.OnMessage", Err: errors.New("is set, and NewClient too, whose class has its own")}
	}
	return nil
}

// Start begins to connect in the background, and returns (D-14). It fails with ErrRunning,
// or with what is wrong with the options; whatever comes later is told to the [Handler].
func (c *Conn) Start() error {
	r, err := c.begin()
	if err != nil {
		return err
	}
	go func() {
		<-r.before
		c.work(r, verdict{})
	}()
	return nil
}

// Connect makes one attempt and waits for it and for OnOpen (D-14). From then on it is as
// after Start. If the attempt or OnOpen fails it returns a [*DialError], which OnError has
// told if it was the attempt, and is stopped. ctx bounds the attempt, besides
// Options.HandshakeTimeout, and OnOpen (D-15): if it ends meanwhile the connection is aborted,
// and OnClose and OnStop come when OnOpen has returned. What is called in the attempt gets
// its values.
func (c *Conn) Connect(ctx context.Context) (OpenInfo, error) {
	r, err := c.begin()
	if err != nil {
		return OpenInfo{}, err
	}
	select {
	case <-r.before:
	case <-ctx.Done():
		return OpenInfo{}, c.notTried(ctx, r)
	}
	c.state(Connecting)
	try, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.ctx, func() { cancel(ErrStopped) })()
	l, e := c.attempt(try, r)
	if e != nil {
		return OpenInfo{}, c.failedToConnect(r, e)
	}
	if e = l.isOpen(ctx); e == nil {
		return l.info, nil
	}
	r.cancel(ErrStopped)
	select {
	case <-r.done:
	case <-ctx.Done():
		r.abort(l.sess)
	}
	return OpenInfo{}, e
}

// notTried ends a run before its turn has come: OnStop of the one before is busy.
func (c *Conn) notTried(ctx context.Context, r *run) error {
	a := attempt{o: &c.o, parent: ctx, ctx: ctx}
	a.to, _ = parseURL(c.o.URL)
	e := a.fail(StageOptions, ctx.Err())
	e.Final = true
	r.cancel(ErrStopped)
	c.mu.Lock()
	r.over = true
	c.clearLocked()
	c.run, c.last = nil, r
	c.mu.Unlock()
	go func() { // as long as that OnStop takes
		<-r.before
		r.helpers.Wait()
		c.tellDrops()
		close(r.quiet)
		c.leave(r)
	}()
	return e
}

// failedToConnect ends a run of which nothing has begun.
func (c *Conn) failedToConnect(r *run, e *DialError) error {
	defer c.leave(r)
	defer close(r.quiet)
	e.Final = true
	stopped := c.stopInfo(r, nil).Local
	if !stopped {
		c.tellError(e)
	}
	c.wind(r)
	c.tellDrops()
	c.state(Closed)
	c.release(r)
	if stopped {
		return ErrStopped
	}
	return e
}

// Stop ends the connection with a closing handshake, or the attempt or the wait that is
// under way, and waits until nothing is left (D-21). There is no further attempt. Code 0
// stands for 1000 and, if reason is empty, "Normal closure" (D-22, D-23); the reason is
// cut to client.MaxReason bytes.
//
// When ctx is done first, the connection is aborted and Stop returns the cause; events of a
// client whose loop does not run then run without it. Within an event of icsws, its own or
// that of a server, it does not wait: OnStop and [Conn.Done] tell. It is no error to stop
// what is not started. A code that may not be sent gives client.ErrBadCloseCode, a reason
// that is not UTF-8 client.ErrInvalidUTF8; then nothing is stopped.
func (c *Conn) Stop(ctx context.Context, code client.StatusCode, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	c.mu.Lock()
	r, sess := c.run, c.sess
	if r == nil {
		r = c.last
	} else {
		r.stopped = true
		r.cancel(ErrStopped)
		c.changeLocked()
	}
	c.mu.Unlock()
	if r == nil {
		return nil
	}
	if sess != nil {
		_ = sess.Client.Close(code, reason) // it may be closing already
	}
	if event.Inside() {
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-r.done: // before ctx, or with it
		return nil
	default:
	}
	if sess != nil {
		r.abort(sess)
	}
	return context.Cause(ctx)
}

// RetryNow ends the wait before the next attempt, as when the program has learnt that the
// network is back. In OnError there will be none. Elsewhere it does nothing.
func (c *Conn) RetryNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil && !c.next.IsZero() {
		select {
		case c.run.again <- struct{}{}:
		default:
		}
	}
}

// Done is closed when it has stopped and nothing is left of it. Before the first start it
// is closed, too.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.run != nil:
		return c.run.done
	case c.last != nil:
		return c.last.done
	}
	return never
}

// never is the end of what was never started.
var never = func() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}()

// SetURL changes Options.URL (D-02). It fails with ErrRunning unless it is stopped, or with
// an [*OptionError].
func (c *Conn) SetURL(url string) error {
	if _, err := parseURL(url); err != nil {
		return wrapOption("URL", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		return ErrRunning
	}
	c.o.URL = url
	return nil
}
