package clienttest

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// outbound is what the class has sent and the peer has not got. Recorder.mu guards
// it.
type outbound struct {
	limits  client.SendQueue
	stalled bool
	slots   int // messages that may wait while stalled; below 0: only limits count
	resumes int // calls of Resume

	queue  []queued
	behind []queued // messages that wait for the end of stream
	stream *stream  // the message in pieces that is under way
	lent   int      // bytes of fragments that wait

	sealing bool // the close frame waits for the end of stream
	sealed  bool // the close frame is in the queue: nothing follows
	last    int  // bytes of the close frame, while it waits
	unsent  int  // bytes that were given up

	interrupts uint
	change     chan struct{} // closed when those who wait shall look again; nil: nobody waits

	congested bool // TrySend would block
	refused   bool // a message was not taken meanwhile
	ready     bool // OnReadyToSend is due
	drops     [client.DropReasons]client.Drop
}

// queued is a message that waits.
type queued struct {
	client.Message
	size   int // of its frame
	key    string
	pieces bool // it was sent in pieces, and can not be dropped
}

// Stall plays a peer that takes nothing any more: what is sent waits in the queue,
// which has room for so many messages within the bounds of SendQueue; below 0
// these alone count. Stall(0) makes it full. So each policy and TrySend do what they
// do on a server, and so does a message that is sent in pieces: two fragments are
// on their way, then it waits.
//
// A Send under QueueBlock, and a message in pieces, wait for Resume: then that is
// called on another goroutine.
func (r *Recorder) Stall(room int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalled, r.slots = true, room
	r.relievedLocked()
}

// Resume ends Stall: the peer takes what waits, OnReadyToSend runs if a message was
// not taken meanwhile, and before it whatever else is due, see [Recorder.Wake]. The
// error is that of the events.
func (r *Recorder) Resume() error {
	r.mu.Lock()
	r.stalled = false
	r.resumes++
	r.lent, r.last = 0, 0
	r.flushLocked()
	r.mu.Unlock()
	return r.Wake()
}

// terms are how one message is sent.
type terms struct {
	link.SendOptions
	ctx    context.Context // nil: does not end
	noWait bool            // acts under QueueBlock as under QueueClose
}

// send checks what internal/engine checks, in the same order.
func (r *Recorder) send(m client.Message, t terms) (wire int, err error) {
	switch {
	case t.ctx != nil && t.ctx.Err() != nil:
		return 0, context.Cause(t.ctx)
	case m.Op != client.OpText && m.Op != client.OpBinary:
		return 0, client.ErrBadOpcode
	case m.Op == client.OpText && !utf8.Valid(m.Data):
		return 0, client.ErrInvalidUTF8
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.takeLocked(m, t)
}

// takeLocked takes m, or returns why not.
func (r *Recorder) takeLocked(m client.Message, t terms) (wire int, err error) {
	wire = transport.FrameSize(len(m.Data))
	if err := r.admitLocked(wire, t); err != nil {
		return 0, err
	}
	r.counts.MessagesOut++
	r.counts.BytesOut += uint64(wire)
	q := queued{Message: m.Clone(), size: wire, key: t.Key}
	switch at := r.findLocked(t.Key); {
	case r.stream == nil && !r.stalled:
		r.sent = append(r.sent, q.Message)
	case at != nil:
		r.noteDropLocked(client.DropReplaced, at.size)
		*at = q
	case r.stream != nil:
		r.behind = append(r.behind, q)
	default:
		r.queue = append(r.queue, q)
	}
	return wire, nil
}

// admitLocked makes sure that n bytes may follow: waiting, dropping or closing as the
// policy says.
func (r *Recorder) admitLocked(n int, t terms) error {
	var timeout <-chan time.Time
	for calls := r.interrupts; ; {
		if r.state != link.Open {
			return client.ErrClosed
		}
		if t.Try {
			return r.tryLocked(n)
		}
		if r.fitsLocked(n) || r.replacesLocked(n, t.Key) {
			return nil
		}
		if p := r.policyLocked(t); p != client.QueueBlock || t.noWait {
			return r.fullLocked(n, p)
		}
		if d := r.blockTimeLocked(t); d > 0 && timeout == nil {
			timer := time.NewTimer(d)
			defer timer.Stop()
			timeout = timer.C
		}
		if err := r.waitLocked(timeout, t.ctx); err != nil {
			r.congested, r.refused = true, true
			return err
		}
		if r.interrupts != calls {
			return client.ErrInterrupted
		}
	}
}

func (r *Recorder) policyLocked(t terms) client.QueuePolicy {
	if p := client.QueuePolicy(t.Policy); p != client.QueueDefault {
		return p
	}
	return r.limits.Policy
}

func (r *Recorder) blockTimeLocked(t terms) time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	return r.limits.BlockTimeout
}

// waitLocked waits until signalLocked. It gives up the lock meanwhile.
func (r *Recorder) waitLocked(timeout <-chan time.Time, ctx context.Context) error {
	if r.change == nil {
		r.change = make(chan struct{})
	}
	if ctx == nil {
		ctx = context.Background()
	}
	change := r.change
	r.mu.Unlock()
	defer r.mu.Lock()
	select {
	case <-change:
		return nil
	case <-timeout:
		return client.ErrQueueFull
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// signalLocked has those who wait look again.
func (r *Recorder) signalLocked() {
	if r.change != nil {
		close(r.change)
		r.change = nil
	}
}

// waitingLocked is what counts of the queue: how many messages, and their bytes. One
// in pieces is bounded by itself.
func (r *Recorder) waitingLocked() (messages, bytes int) {
	for _, list := range [][]queued{r.queue, r.behind} {
		for _, q := range list {
			if !q.pieces {
				messages++
				bytes += q.size
			}
		}
	}
	return messages, bytes
}

// bufferedLocked is how many bytes wait, but for the close frame.
func (r *Recorder) bufferedLocked() int {
	_, n := r.waitingLocked()
	for _, q := range r.queue {
		if q.pieces {
			n += q.size
		}
	}
	return n + r.lent
}

// noSlotLocked reports whether Stall leaves no room.
func (r *Recorder) noSlotLocked() bool {
	messages, _ := r.waitingLocked()
	return r.stalled && r.slots >= 0 && messages >= r.slots
}

// fitsLocked reports whether n more bytes fit; an empty queue takes any size.
func (r *Recorder) fitsLocked(n int) bool {
	messages, bytes := r.waitingLocked()
	switch {
	case r.noSlotLocked():
		return false
	case bytes == 0:
		return true
	}
	return n <= r.limits.MaxBytes-bytes && (r.limits.MaxMessages <= 0 || messages < r.limits.MaxMessages)
}

// tryLocked is the admission of TrySend.
func (r *Recorder) tryLocked(n int) error {
	_, bytes := r.waitingLocked()
	if !r.noSlotLocked() && (bytes == 0 || !r.congested && bytes < r.limits.HighWater && r.fitsLocked(n)) {
		return nil
	}
	r.congested, r.refused = true, true
	return client.ErrWouldBlock
}

// fullLocked decides about a message that finds the queue full, under a policy that
// does not wait.
func (r *Recorder) fullLocked(n int, p client.QueuePolicy) error {
	if p.Drops() && r.evictLocked(n) {
		return nil
	}
	if p.Drops() || p == client.QueueDropNewest {
		r.noteDropLocked(client.DropNewest, n)
		r.congested, r.refused = true, true
		return client.ErrQueueFull
	}
	_ = r.closeLocked(client.StatusPolicyViolation, "send queue full", false, client.ErrQueueFull)
	return client.ErrQueueFull
}

// evictLocked drops the oldest messages until n bytes fit. It drops none if that
// would not do.
func (r *Recorder) evictLocked(n int) bool {
	if r.stalled && r.slots == 0 {
		return false
	}
	for _, list := range []*[]queued{&r.queue, &r.behind} {
		for !r.fitsLocked(n) {
			i := slices.IndexFunc(*list, func(q queued) bool { return !q.pieces })
			if i < 0 {
				break
			}
			r.noteDropLocked(client.DropOldest, (*list)[i].size)
			*list = slices.Delete(*list, i, i+1)
		}
	}
	return true
}

// findLocked returns the message that waits with that key, or nil.
func (r *Recorder) findLocked(key string) *queued {
	for _, list := range [][]queued{r.queue, r.behind} {
		for i := range list {
			if key != "" && list[i].key == key {
				return &list[i]
			}
		}
	}
	return nil
}

// replacesLocked reports whether n bytes with that key fit in the place of others.
func (r *Recorder) replacesLocked(n int, key string) bool {
	q := r.findLocked(key)
	_, bytes := r.waitingLocked()
	return q != nil && n-q.size <= r.limits.MaxBytes-bytes
}

func (r *Recorder) noteDropLocked(why client.DropReason, bytes int) {
	r.counts.MessagesDropped++
	r.counts.BytesDropped += uint64(bytes)
	d := &r.drops[why]
	if d.Messages == 0 {
		d.Reason, d.Since = why, time.Now()
	}
	d.Messages++
	d.Bytes += bytes
}

// flushLocked gives the peer what waits, unless it takes nothing.
func (r *Recorder) flushLocked() {
	if !r.stalled {
		for _, q := range r.queue {
			r.sent = append(r.sent, q.Message)
		}
		r.queue = nil
	}
	r.relievedLocked()
}

// relievedLocked is called when there may be more room.
func (r *Recorder) relievedLocked() {
	r.signalLocked()
	if _, bytes := r.waitingLocked(); !r.congested || bytes > r.limits.LowWater || r.noSlotLocked() {
		return
	}
	r.congested = false
	if r.refused && r.state == link.Open {
		r.refused, r.ready = false, true
	}
}

// dropLocked gives up what waits: the connection is gone.
func (r *Recorder) dropLocked() {
	r.unsent += r.bufferedLocked()
	r.queue, r.behind, r.lent, r.last = nil, nil, 0, 0
	r.sealed = true
	r.signalLocked()
}
