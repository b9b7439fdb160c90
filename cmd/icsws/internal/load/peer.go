package load

import (
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
)

// shard has the figures of some of the peers.
type shard struct {
	mu sync.Mutex // guards the following
	figures
}

// figures are what is counted while messages go to and fro.
type figures struct {
	latency           hist
	sent, answered    uint64
	bytesOut, bytesIn uint64 // of payload
	wrong             uint64 // answers that are not what was sent
	missing           uint64 // messages that were passed over by the answer to a later one
	unasked           uint64 // messages that answer none of ours; with --mode listen all
}

func (f *figures) add(o *figures) {
	f.latency.merge(&o.latency)
	f.sent += o.sent
	f.answered += o.answered
	f.bytesOut += o.bytesOut
	f.bytesIn += o.bytesIn
	f.wrong += o.wrong
	f.missing += o.missing
	f.unasked += o.unasked
}

// sent is a message that was not answered yet.
type sent struct {
	at time.Duration // when it was, or should have been, sent; from the start of the phase
	made
}

// peer is one connection. Its events run on its own goroutine; the clock of --rate calls
// allow from another.
type peer struct {
	client.Base
	b     *bench
	shard *shard
	i     int
	conn  *dial.Conn

	mu       sync.Mutex // guards the following
	sending  bool       // somebody is in pump
	closed   bool       // no more is sent
	due      uint64     // how many messages may have been sent by now
	sent     uint64
	answered uint64 // the number of the next answer
	ring     []sent // of the unanswered ones, by their number
	received uint64
}

var _ client.Client = (*peer)(nil)

// endless is a due that is never reached.
const endless = 1 << 63

// allow raises due, and sends what that permits. It is not raised any more after the end.
func (p *peer) allow(due uint64) {
	p.mu.Lock()
	p.due = max(p.due, due)
	p.mu.Unlock()
	p.pump()
}

// pump sends what is due, as far as the depth allows. No lock is held meanwhile: whoever
// finds it under way leaves it the rest.
func (p *peer) pump() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sending {
		return
	}
	p.sending = true
	defer func() { p.sending = false }()
	for !p.closed && p.sent < p.due && p.sent-p.answered < uint64(len(p.ring)) {
		seq, m := p.sent, p.b.stock.choose()
		p.ring[seq%uint64(len(p.ring))] = sent{p.b.clock.intended(p.i, seq), m}
		p.sent++
		p.mu.Unlock()
		err := p.b.stock.send(p, uint32(p.i), uint32(seq), m)
		p.mu.Lock()
		if err != nil { // the connection is gone, or about to be
			p.closed = true
			p.sent--
			return
		}
		p.shard.took(int(m.size))
	}
}

func (s *shard) took(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	s.bytesOut += uint64(size)
}

// OnMessage finds what a message answers.
func (p *peer) OnMessage(m client.Message) error {
	if p.b.o.listens() {
		p.heard(len(m.Data))
		return nil
	}
	now := p.b.clock.now()
	p.mu.Lock()
	what, missing, ok := p.match(m.Data)
	p.mu.Unlock()
	wrong := ok && (len(m.Data) != int(what.size) || p.b.o.verify && !p.b.stock.same(m, what.made))
	p.shard.count(now-what.at, len(m.Data), missing, ok, wrong)
	if ok {
		p.pump()
	}
	return nil
}

// match takes the message that data answers off the ring, and those before it, which were
// not answered. It is called under the lock.
func (p *peer) match(data []byte) (what sent, missing uint64, ok bool) {
	if p.answered == p.sent {
		return sent{}, 0, false
	}
	n := uint64(len(p.ring))
	seq := p.answered
	low, numbered, ok := number(data, uint32(p.i))
	switch {
	case !ok:
		return sent{}, 0, false
	case numbered:
		seq += uint64(low - uint32(p.answered))
	case int(p.ring[seq%n].size) != len(data):
		return sent{}, 0, false
	}
	if seq >= p.sent {
		return sent{}, 0, false
	}
	what, missing = p.ring[seq%n], seq-p.answered
	p.answered = seq + 1
	return what, missing, true
}

func (s *shard) count(took time.Duration, size int, missing uint64, answer, wrong bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytesIn += uint64(size)
	if !answer {
		s.unasked++
		return
	}
	s.latency.record(took)
	s.answered++
	s.missing += missing
	if wrong {
		s.wrong++
	}
}

// heard counts a message of --mode listen, if it is time.
func (p *peer) heard(size int) {
	if !p.b.measuring.Load() {
		return
	}
	p.mu.Lock()
	p.received++
	p.mu.Unlock()
	p.shard.count(0, size, 0, false, false)
}

// unanswered is how many messages have had no answer, and how many that were due were not
// sent, as far as there was a clock.
func (p *peer) unanswered() (unanswered, unsent uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due != endless && p.due > p.sent {
		unsent = p.due - p.sent
	}
	return p.sent - p.answered, unsent
}

// stop ends the sending of messages that are not due by now.
func (p *peer) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due == endless {
		p.closed = true
	}
}
