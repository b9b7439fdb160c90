package dial

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/logkey"
)

// run is what goes on between a Start and the OnStop that follows.
type run struct {
	ctx     context.Context // ends the attempt or the wait that is under way
	cancel  context.CancelCauseFunc
	engine  *engine.Engine
	machine machine
	again   chan struct{}   // RetryNow was called
	before  <-chan struct{} // quiet of the run before
	older   <-chan struct{} // its done
	quiet   chan struct{}   // closed when OnStop has returned: no function of h is called any more
	helpers sync.WaitGroup  // who sends what waits, and tells of drops; none begins once over is set
	alive   sync.WaitGroup  // sessions
	done    chan struct{}   // closed when nothing of it is left, nor of those before

	// Guarded by Conn.mu.
	stopped  bool // Stop was called
	over     bool // nothing waits for a connection any more
	attempts int
	opens    int // connections
	closed   client.CloseInfo
}

// begin makes a run. Files may have changed since the last one, so the options are checked
// anew.
func (c *Conn) begin() (*run, error) {
	c.mu.Lock()
	o := c.o
	c.mu.Unlock()
	if err := errors.Join(o.Validate(), c.h.check()); err != nil {
		return nil, err
	}
	if o.InsecureSkipVerify || o.TLS != nil && o.TLS.InsecureSkipVerify {
		c.log.Warn("the certificate of the server is not checked", logkey.Setting, "InsecureSkipVerify")
	}
	r := &run{
		machine: machine{o: &c.o, ask: c.ask(), anew: c.anew}, engine: c.newEngine(), again: make(chan struct{}, 1),
		before: never, older: never, quiet: make(chan struct{}), done: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		r.cancel(ErrRunning)
		return nil, ErrRunning
	}
	if c.last != nil {
		r.before, r.older = c.last.quiet, c.last.done
	}
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
		c.waits(v.wait)
		c.tellError(e)
	}
}

var errExited = errors.New("dial: runtime.Goexit was called")

// waits notes when the next attempt is; 0 is now.
func (c *Conn) waits(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = time.Time{}
	if d > 0 {
		c.next = time.Now().Add(d)
	}
}

// pause waits. It returns why there is no further attempt.
func (c *Conn) pause(r *run, v verdict) error {
	defer c.waits(0)
	switch {
	case r.ctx.Err() != nil:
		return ErrStopped
	case v.stop != nil:
		return v.stop
	case v.wait <= 0:
		return nil
	}
	t := time.NewTimer(v.wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.again:
	case <-r.ctx.Done():
		return ErrStopped
	}
	return nil
}

// attempt tries once. If it succeeds the session is on its way.
func (c *Conn) attempt(ctx context.Context, r *run) (*life, *DialError) {
	select {
	case <-r.again: // this is what was asked for
	default:
	}
	begun := time.Now()
	c.mu.Lock()
	r.attempts++
	r.machine.tries++
	n := r.machine.tries
	c.number = n
	c.mu.Unlock()
	o, e := c.o.open(ctx, n)
	if e != nil {
		return nil, e
	}
	l, e := c.admit(ctx, r, o, begun)
	if e != nil {
		_ = o.conn.Close()
	}
	return l, e
}

// closed is called when a connection is gone and OnClose has returned.
func (c *Conn) closed(r *run, info client.CloseInfo, open time.Duration) {
	v := verdict{stop: ErrStopped}
	if r.ctx.Err() == nil {
		v = r.machine.closed(info, open, c.random())
		c.waits(v.wait)
	}
	go c.work(r, v)
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
	defer close(r.quiet)
	info := c.stopInfo(r, why)
	c.wind(r)
	c.tellDrops()
	c.state(Closed)
	c.release(r)
	c.log.Debug("stopped", c.line(info)...)
	if f := c.h.OnStop; f != nil {
		c.user("OnStop", func() { f(c, info) })
	}
}

// wind has nothing wait any more.
func (c *Conn) wind(r *run) {
	r.cancel(ErrStopped)
	c.mu.Lock()
	r.over = true
	c.mu.Unlock()
	r.helpers.Wait() // a message that is being sent is put back first
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearLocked()
}

func (c *Conn) clearLocked() {
	c.queue.clear(time.Now())
	c.ageLocked()
	c.changeLocked()
}

// release makes it possible to start again.
func (c *Conn) release(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run, c.last = nil, r
}

// leave ends the run when its last session is gone, and those of the runs before.
func (c *Conn) leave(r *run) {
	r.alive.Wait()
	<-r.older
	close(r.done)
}

// abort ends a connection at once, and runs its events if their loop does not.
func (r *run) abort(sess *engine.Session) {
	sess.Client.Abort()
	r.engine.Rescue(func() []*engine.Session { return []*engine.Session{sess} })
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

// contained runs a function of the program on a goroutine of its own, so that one that ends
// its goroutine, as tests do, ends nothing of ours. A panic is an *event.Panic.
func contained(f func() error) (err error) {
	err = errExited
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = event.Do(event.Func(f))
	}()
	<-done
	return err
}
