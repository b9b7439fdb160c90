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
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/logkey"
)

// Errors of the methods of [Conn].
var (
	// ErrRunning: it is started already, or the setting can be changed only while it is
	// stopped.
	ErrRunning = errors.New("dial: already started")
	// ErrStopped: Stop was called while an attempt was under way.
	ErrStopped = errors.New("dial: stopped")
)

// Conn is a client that keeps a connection to one server. Its methods may be called from
// any goroutine.
//
// Start makes it connect, and connect again when the connection is lost, until Stop; each
// connection is a fresh one, of which nothing is left to the next but the messages that
// wait (D-42). A Conn that has stopped can be started again.
type Conn struct {
	h      Handler
	bad    error // of the options
	log    *slog.Logger
	random func() float64
	engine *engine.Engine

	telling sync.Mutex // held while a function of h runs, save OnStop, which is the last

	mu     sync.Mutex // guards the following
	o      Options    // with their defaults; only URL changes, while it is stopped
	run    *run       // nil while it is stopped
	last   *run       // the one before, while it ends
	sess   *engine.Session
	ready  bool     // OnOpen has returned: what waits may be sent
	open   OpenInfo // of sess, or of the one before
	queue  queue
	sends  bool // somebody sends what waits
	tells  bool // somebody calls OnDropped, or is about to
	next   time.Time
	failed *DialError // the last attempt, if it failed
	number int        // of the last attempt, since the last stable connection
	opened int
}

// run is what goes on between a Start and the OnStop that follows.
type run struct {
	ctx     context.Context // ends the attempt or the wait that is under way
	cancel  context.CancelCauseFunc
	machine machine
	again   chan struct{}  // RetryNow was called
	alive   sync.WaitGroup // sessions, and what belongs to them
	done    chan struct{}  // closed when nothing of it is left

	// Guarded by Conn.mu.
	stopped  bool // Stop was called
	attempts int
	closed   client.CloseInfo
}

// New returns a client that is not started. The options are copied; what is wrong with
// them [Options.Validate] tells, and each Start and Connect (D-01).
func New(o Options, h Handler) *Conn {
	c := &Conn{h: h, random: rand.Float64}
	c.bad = errors.Join(o.Validate(), h.check())
	c.o = o.withDefaults()
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
	go c.work(r, verdict{})
	return nil
}

// Connect makes one attempt and waits for it and for OnOpen (D-14). From then on it is as
// after Start. If the attempt fails it returns a [*DialError], which OnError has told, and
// is stopped. ctx bounds the attempt, besides Options.HandshakeTimeout (D-15).
func (c *Conn) Connect(ctx context.Context) (OpenInfo, error) {
	r, err := c.begin()
	if err != nil {
		return OpenInfo{}, err
	}
	c.state(Connecting)
	try, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	life, e := c.attempt(try, r)
	if e == nil {
		<-life.told
		return life.info, nil
	}
	defer c.leave(r)
	e.Final = true
	stopped := c.stopInfo(r, nil).Local
	if !stopped {
		c.tellError(e)
	}
	c.end(r)
	c.tellDrops()
	c.state(Closed)
	if stopped {
		return OpenInfo{}, ErrStopped
	}
	return OpenInfo{}, e
}

// begin makes a run.
func (c *Conn) begin() (*run, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		return nil, ErrRunning
	}
	if c.engine == nil {
		c.engine = c.newEngine()
	}
	if c.o.InsecureSkipVerify || c.o.TLS != nil && c.o.TLS.InsecureSkipVerify {
		c.log.Warn("the certificate of the server is not checked", logkey.Setting, "InsecureSkipVerify")
	}
	r := &run{machine: machine{o: &c.o, ask: c.ask()}, again: make(chan struct{}, 1), done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	c.run, c.failed, c.number = r, nil, 0
	return r, nil
}

// work waits as long as v says, and then makes attempts until one succeeds or none is to
// follow. The end of the connection goes on here.
func (c *Conn) work(r *run, v verdict) {
	why := errExited
	defer func() {
		if why != nil {
			c.finish(r, why)
		}
	}()
	if v.stop == nil {
		c.state(Connecting)
	}
	for {
		if why = c.pause(r, v); why != nil {
			return
		}
		why = errExited
		_, e := c.attempt(r.ctx, r)
		if e == nil {
			why = nil
			return
		}
		if r.ctx.Err() != nil { // Stop has cut it short
			why = ErrStopped
			return
		}
		v = r.machine.failed(e, c.random())
		e.NextWait, e.Final = v.wait, v.stop != nil
		c.tellError(e)
	}
}

var errExited = errors.New("dial: runtime.Goexit was called")

// pause waits. It returns why there is no further attempt.
func (c *Conn) pause(r *run, v verdict) error {
	switch {
	case r.ctx.Err() != nil:
		return ErrStopped
	case v.stop != nil:
		return v.stop
	case v.wait <= 0:
		return nil
	}
	c.mu.Lock()
	c.next = time.Now().Add(v.wait)
	c.mu.Unlock()
	t := time.NewTimer(v.wait)
	defer t.Stop()
	var err error
	select {
	case <-t.C:
	case <-r.again:
	case <-r.ctx.Done():
		err = ErrStopped
	}
	c.mu.Lock()
	c.next = time.Time{}
	c.mu.Unlock()
	return err
}

// attempt tries once. If it succeeds the session is on its way.
func (c *Conn) attempt(ctx context.Context, r *run) (*life, *DialError) {
	select {
	case <-r.again: // this is what was asked for
	default:
	}
	c.mu.Lock()
	r.attempts++
	r.machine.tries++
	n := r.machine.tries
	c.number = n
	c.mu.Unlock()
	o, e := c.o.open(ctx, n)
	if e == nil {
		var l *life
		if l, e = c.admit(ctx, r, o); e == nil {
			return l, nil
		}
		_ = o.conn.Close()
	}
	return nil, e
}

// closed is called when a connection is gone and OnClose has returned.
func (c *Conn) closed(r *run, info client.CloseInfo, open time.Duration) {
	go c.work(r, r.machine.closed(info, open, c.random()))
}

// ask returns Options.ShouldReconnect as user code; ok is false when it panics.
func (c *Conn) ask() func(client.CloseInfo) (again, ok bool) {
	f := c.o.ShouldReconnect
	if f == nil {
		return nil
	}
	return func(info client.CloseInfo) (again, ok bool) {
		c.user("ShouldReconnect", func() { again = f(info); ok = true })
		return again, ok
	}
}

// finish is the end of a run, on a goroutine of the run's own.
func (c *Conn) finish(r *run, why error) {
	defer c.leave(r)
	info := c.stopInfo(r, why)
	c.end(r)
	c.tellDrops()
	c.state(Closed)
	c.log.Debug("stopped", c.line(info)...)
	if f := c.h.OnStop; f != nil {
		c.user("OnStop", func() { f(c, info) })
	}
}

// end makes it possible to start again.
func (c *Conn) end(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.cancel(ErrStopped)
	c.run, c.last, c.sess = nil, r, nil
	c.queue.clear(time.Now())
}

// leave ends the run when its last session is gone.
func (c *Conn) leave(r *run) {
	r.alive.Wait()
	c.mu.Lock()
	if c.last == r {
		c.last = nil
	}
	c.mu.Unlock()
	close(r.done)
}

func (c *Conn) stopInfo(r *run, why error) StopInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	info := StopInfo{Local: r.stopped, Err: why, Close: r.closed, Attempts: r.attempts}
	switch {
	case r.stopped:
		info.Err = nil
	case c.failed != nil && c.failed.Final:
		info.Err = errors.Join(why, c.failed)
	}
	return info
}

// Stop ends the connection with a closing handshake, or the attempt or the wait that is
// under way, and waits until nothing is left (D-21). There is no further attempt. Code 0
// stands for 1000 and, if reason is empty, "Normal closure" (D-22, D-23); the reason is
// cut to client.MaxReason bytes.
//
// When ctx is done first, the connection is aborted and Stop returns the cause. Within an
// event of icsws, its own or that of a server, it does not wait: OnStop and [Conn.Done]
// tell. It is no error to stop what is not started. A code that may not be sent gives
// client.ErrBadCloseCode, a reason that is not UTF-8 client.ErrInvalidUTF8; then nothing
// is stopped.
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
	if sess != nil {
		sess.Client.Abort()
	}
	return context.Cause(ctx)
}

// RetryNow ends the wait before the next attempt, as when the program has learnt that the
// network is back. Elsewhere it does nothing.
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
	return stoppedAlready
}

var stoppedAlready = func() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}()

// SetURL changes Options.URL (D-02). It fails with ErrRunning unless it is stopped.
func (c *Conn) SetURL(url string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		return ErrRunning
	}
	o := c.o
	o.URL = url
	if err := o.Validate(); err != nil {
		return err
	}
	c.o.URL, c.bad = url, c.h.check()
	return nil
}

// State tells where it stands (D-33).
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stateLocked()
}

func (c *Conn) stateLocked() State {
	switch {
	case c.run == nil:
		return Closed
	case c.sess == nil && c.run.stopped:
		return Closing
	case c.sess == nil:
		return Connecting
	}
	switch c.sess.State() {
	case link.Connecting:
		return Connecting
	case link.Open:
		return Open
	}
	return Closing
}
