package dial

import (
	"slices"
	"time"

	"github.com/icsws/icsws/client"
)

// queue holds the messages that wait for a connection, oldest first. Conn.mu guards it.
type queue struct {
	list    []waiting
	head    int  // list[head:] waits
	bytes   int  // of the payloads, that of taken included
	taken   bool // the first is being sent, and can not be dropped any more
	mixed   bool // one was replaced: older ones may be behind newer ones
	drops   [client.DropReasons]client.Drop
	dropped bool // there is something in drops
}

// waiting is a message with what it came with.
type waiting struct {
	m     client.Message
	o     client.SendOptions
	since time.Time
}

func (q *queue) len() int { return len(q.list) - q.head }

// push takes a message, or drops as the policy says. ok is false when it is not taken.
func (q *queue) push(o *Options, w waiting) (ok bool) {
	q.expire(o, w.since)
	n := len(w.m.Data)
	if q.replace(o, w) {
		return true
	}
	if o.QueuePolicy == client.QueueDropOldest && q.canFit(o, n) {
		for !q.fits(o, n) && q.dropFirst(client.DropOldest, w.since) {
		}
	}
	if !q.fits(o, n) {
		q.note(client.DropNewest, n, w.since)
		return false
	}
	w.m = w.m.Clone()
	q.list = append(q.list, w)
	q.bytes += n
	return true
}

func (q *queue) fits(o *Options, n int) bool {
	return n <= o.QueueWhileDown-q.bytes && q.len() < o.QueueMessages
}

// rest are the messages that can be dropped.
func (q *queue) rest() []waiting {
	at := q.head
	if q.taken {
		at++
	}
	return q.list[at:]
}

// oldest is since when the oldest of them waits. There has to be one.
func (q *queue) oldest() time.Time {
	list := q.rest()
	since := list[0].since
	for i := 1; q.mixed && i < len(list); i++ {
		if list[i].since.Before(since) {
			since = list[i].since
		}
	}
	return since
}

// canFit reports whether n bytes fit when all that may go is gone.
func (q *queue) canFit(o *Options, n int) bool {
	if !q.taken {
		return n <= o.QueueWhileDown
	}
	return n <= o.QueueWhileDown-len(q.list[q.head].m.Data) && o.QueueMessages > 1
}

// replace puts w in the place of a message with the same key, if there is one and w fits.
func (q *queue) replace(o *Options, w waiting) bool {
	if w.o.Key == "" {
		return false
	}
	list := q.rest()
	for i := range list {
		old := &list[i]
		if old.o.Key != w.o.Key || q.bytes-len(old.m.Data)+len(w.m.Data) > o.QueueWhileDown {
			continue
		}
		q.note(client.DropReplaced, len(old.m.Data), w.since)
		q.bytes += len(w.m.Data) - len(old.m.Data)
		w.m = w.m.Clone()
		*old = w
		q.mixed = true
		return true
	}
	return false
}

// expire drops what has waited for too long.
func (q *queue) expire(o *Options, now time.Time) {
	old := func(w waiting) bool { return now.Sub(w.since) >= o.QueueMaxAge }
	if o.QueueMaxAge <= 0 {
		return
	}
	for list := q.rest(); len(list) > 0 && old(list[0]); list = q.rest() {
		q.dropFirst(client.DropExpired, now)
	}
	if !q.mixed {
		return
	}
	kept := slices.DeleteFunc(q.rest(), func(w waiting) bool {
		if old(w) {
			q.note(client.DropExpired, len(w.m.Data), now)
			q.bytes -= len(w.m.Data)
		}
		return old(w)
	})
	q.list = q.list[:len(q.list)-len(q.rest())+len(kept)]
	q.compact()
}

// dropFirst drops the oldest message that is not being sent. It returns false when there
// is none.
func (q *queue) dropFirst(why client.DropReason, now time.Time) bool {
	list := q.rest()
	if len(list) == 0 {
		return false
	}
	n := len(list[0].m.Data)
	q.note(why, n, now)
	q.bytes -= n
	if q.taken { // it stays the first
		list[0] = q.list[q.head]
	}
	q.list[q.head] = waiting{}
	q.head++
	q.compact()
	return true
}

// take returns the oldest message, which stays in the queue until done.
func (q *queue) take(o *Options, now time.Time) (w waiting, ok bool) {
	q.expire(o, now)
	if q.len() == 0 {
		return w, false
	}
	q.taken = true
	return q.list[q.head], true
}

// done ends the sending of what take has returned.
func (q *queue) done(sent bool) {
	q.taken = false
	if sent {
		q.bytes -= len(q.list[q.head].m.Data)
		q.list[q.head] = waiting{}
		q.head++
		q.compact()
	}
}

// compact frees what is not waiting any more.
func (q *queue) compact() {
	switch {
	case q.head == len(q.list):
		q.list, q.head, q.mixed = nil, 0, false
	case q.head >= 64 && q.head >= len(q.list)/2:
		q.list = append([]waiting(nil), q.list[q.head:]...)
		q.head = 0
	}
}

// clear drops all of it.
func (q *queue) clear(now time.Time) {
	for q.dropFirst(client.DropStopped, now) {
	}
}

func (q *queue) note(why client.DropReason, n int, now time.Time) {
	d := &q.drops[why]
	if d.Messages == 0 {
		d.Reason, d.Since = why, now
	}
	d.Messages++
	d.Bytes += n
	q.dropped = true
}

// notices returns what was dropped since the last call.
func (q *queue) notices() (list []client.Drop) {
	for i := range q.drops {
		if q.drops[i].Messages > 0 {
			list = append(list, q.drops[i])
		}
	}
	q.drops, q.dropped = [client.DropReasons]client.Drop{}, false
	return list
}
