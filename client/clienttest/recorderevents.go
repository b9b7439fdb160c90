package clienttest

import (
	"errors"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/link"
)

// due is an event that is to run.
type due struct {
	name string
	lent []byte // overwritten when the event has returned
	call func() error
}

// Wake runs the events that are due although no method of the Recorder has caused
// them: OnDropped and OnReadyToSend for what was sent outside of an event, and what
// waits since SetAcceptData(false) when SetAcceptData(true) was called outside of
// one. On a server they come by themselves. Every method that runs events does
// this too, before and after its own.
func (r *Recorder) Wake() error {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	return r.runEvents()
}

// runEvents runs what is due, and returns the error of the event that failed, or
// several joined. The caller has the turn.
func (r *Recorder) runEvents() error {
	var errs []error
	for d := r.next(); d != nil; d = r.next() {
		if err := r.do(d); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// next takes the next event, or returns nil.
func (r *Recorder) next() *due {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.detached && r.state != link.Closed {
		return nil
	}
	d := r.noticeLocked()
	if d == nil {
		d = r.nextInputLocked()
	}
	if d != nil {
		r.greetLocked()
		r.running = true
	}
	return d
}

// do runs an event.
func (r *Recorder) do(d *due) error {
	defer spoil(d.lent)
	defer r.finish() // deferred, because an event may end the goroutine
	if err := event.Do(event.Func(d.call)); err != nil {
		return r.failed(d.name, err)
	}
	return nil
}

// finish ends an event, and with it a connection that was aborted inside of it.
func (r *Recorder) finish() {
	r.mu.Lock()
	r.running = false
	aborted := r.aborted
	r.mu.Unlock()
	if aborted {
		r.end(client.CloseInfo{})
	}
}

// failed closes for an event that returned an error or panicked, and returns
// what the test is told.
func (r *Recorder) failed(name string, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := errors.AsType[*event.Panic](err); ok {
		err = &client.PanicError{Event: name, Value: p.Value, Stack: p.Stack}
		_ = r.closeLocked(client.StatusInternalError, "", false, err)
		return err
	}
	if ce, ok := errors.AsType[*client.CloseError](err); ok && ce.Code.Sendable() && utf8.ValidString(ce.Reason) {
		_ = r.closeLocked(ce.Code, client.CutReason(ce.Reason), false, ce)
		return err
	}
	_ = r.closeLocked(client.StatusInternalError, "", false, &client.EventError{Event: name, Err: err})
	return err
}

// lastEvents runs, once, what comes between the end and OnClientDisconnect: the
// rest of a record, unless an event of the class has failed, and OnDropped.
func (r *Recorder) lastEvents(info client.CloseInfo) {
	r.tb.Helper()
	r.mu.Lock()
	rec, told := r.record, r.told
	r.told = true
	r.mu.Unlock()
	if told {
		return
	}
	_, failed := errors.AsType[*client.EventError](info.Cause)
	_, panicked := errors.AsType[*client.PanicError](info.Cause)
	var err error
	if len(rec) > 0 && !failed && !panicked {
		err = r.do(r.messageDue(client.OpBinary, rec))
	}
	if err = errors.Join(err, r.runEvents()); err == nil {
		return
	}
	if p, ok := errors.AsType[*client.PanicError](err); ok {
		r.tb.Errorf("clienttest: %v\n%s", p, p.Stack)
		return
	}
	r.tb.Logf("clienttest: %v", err)
}

// noticeLocked returns the next event for what has happened to the queue, or nil.
func (r *Recorder) noticeLocked() *due {
	for i, d := range r.drops {
		if d.Messages == 0 {
			continue
		}
		r.drops[i] = client.Drop{}
		if h, ok := r.client.(client.DropHandler); ok {
			return &due{"OnDropped", nil, func() error { return h.OnDropped(d) }}
		}
	}
	ready := r.ready
	r.ready = false
	if h, ok := r.client.(client.ReadyToSendHandler); ok && ready && r.state == link.Open {
		return &due{"OnReadyToSend", nil, h.OnReadyToSend}
	}
	return nil
}

// spoil overwrites what an event was lent.
func spoil(p []byte) {
	for i := range p {
		p[i] = '#'
	}
}
