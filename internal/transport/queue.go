package transport

// entry is what the queue holds of one message or of several: whole frames, or the
// rest of one.
type entry struct {
	b     []byte
	span  *span   // a part of a file, which follows b
	owner *Stream // that has lent b or span
	key   string  // of client.QueueLatest

	messages int  // that begin here; 0 after the entry was taken out
	loose    bool // may be dropped: whole messages, and nothing that follows depends on them
	mid      bool // begins in the middle of a frame
	several  bool // more than one frame, between which control frames may go
	open     bool // b is ours, and may take more messages
	free     bool // the answer to the handshake: neither a limit on bytes nor the rate counts it
}

func (e *entry) size() int {
	if e.span != nil {
		return len(e.b) + e.span.n
	}
	return len(e.b)
}

func (e *entry) nothing() bool { return e.b == nil && e.span == nil }

// queue holds what the peer did not take at once, in order.
type queue struct {
	entries  []entry // from head on
	head     int
	base     int // number of entries[0]: an entry keeps its number
	messages int
	bytes    int
	lent     int            // of bytes: those of a message in pieces
	keys     map[string]int // numbers of loose entries by key
}

// nothing is the queue of connections without one. It is never written.
var nothing queue

func (c *Conn) ownQueueLocked() *queue {
	if c.queue == &nothing {
		c.queue = new(queue)
	}
	return c.queue
}

// joinLimit bounds what small frames share: an entry of their own would cost
// them many times their size.
const joinLimit = 2 << 10

// fewEntries is how many an empty queue keeps room for while it is drained.
const fewEntries = 8

func (q *queue) empty() bool { return q.head == len(q.entries) }

// push adds a message; join lets it share an entry with others, unless it has a key.
func (q *queue) push(f *Frame, join bool) {
	n := f.Size()
	if last := len(q.entries) - 1; join && f.key() == "" && last >= q.head {
		if e := &q.entries[last]; e.open && e.loose != f.Kept && len(e.b)+n <= joinLimit {
			e.b = f.append(e.b)
			e.messages++
			q.messages++
			q.bytes += n
			return
		}
	}
	e := entry{messages: 1, loose: !f.Kept, several: f.fragmented(), key: f.key()}
	if f.Kept && e.key != "" { // what comes later must not take a place before it
		delete(q.keys, e.key)
		e.key = ""
	}
	if f.Whole != nil && n > joinLimit/4 {
		e.b = f.Whole
	} else {
		e.b, e.open = f.append(make([]byte, 0, n)), e.key == "" && !e.several
	}
	q.add(e)
}

// add appends an entry. The slice does not grow by what has left at its front.
func (q *queue) add(e entry) {
	if q.head > len(q.entries)/2 {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.base, q.head = q.entries[:n], q.base+q.head, 0
	}
	if e.key != "" {
		if q.keys == nil {
			q.keys = make(map[string]int)
		}
		q.keys[e.key] = q.base + len(q.entries)
	}
	q.entries = append(q.entries, e)
	q.messages += e.messages
	q.bytes += e.size()
	if e.owner != nil {
		q.lent += e.size()
	}
}

// pop takes the first entry; there is one.
func (q *queue) pop() entry {
	e := q.entries[q.head]
	q.entries[q.head] = entry{}
	q.head++
	q.gone(&e)
	if q.empty() {
		*q = queue{entries: q.entries[:0]} // the drainer gives it back
		if cap(q.entries) > fewEntries {
			q.entries = nil
		}
	}
	return e
}

func (q *queue) gone(e *entry) {
	q.messages -= e.messages
	q.bytes -= e.size()
	if e.owner != nil {
		q.lent -= e.size()
	}
	if e.key != "" {
		delete(q.keys, e.key)
	}
}

// front is the entry that pop would take, nil if there is none.
func (q *queue) front() *entry {
	if q.empty() {
		return nil
	}
	return &q.entries[q.head]
}

// find returns the entry that waits with the key of f, or nil.
func (q *queue) find(key string) *entry {
	if i, ok := q.keys[key]; ok && key != "" {
		return &q.entries[i-q.base]
	}
	return nil
}

// drop takes out the oldest entry for which pick is true, or the first message of it. It
// returns what it was, or nothing. Those before it move up: there are few, as it is what
// is begun or referred to.
func (q *queue) drop(pick func(*entry) bool) entry {
	for i := q.head; i < len(q.entries); i++ {
		if e := q.entries[i]; pick(&e) {
			if e.messages > 1 {
				return q.split(&q.entries[i])
			}
			for ; i > q.head; i-- {
				q.entries[i] = q.entries[i-1]
				if key := q.entries[i].key; key != "" {
					q.keys[key]++
				}
			}
			q.entries[i] = e
			return q.pop()
		}
	}
	return entry{}
}

// split takes the first message out of an entry that has several.
func (q *queue) split(e *entry) entry {
	n := 0
	for last := false; !last; n += frameLen(e.b[n:]) {
		last = e.b[n]&finBit != 0
	}
	first := entry{b: e.b[:n:n], messages: 1}
	e.b = e.b[n:]
	e.messages--
	q.messages--
	q.bytes -= n
	return first
}

// move appends all that o has.
func (q *queue) move(o *queue) {
	for ; o.head < len(o.entries); o.head++ {
		q.add(o.entries[o.head])
	}
	*o = queue{}
}
