package soak

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
)

// canaryID names one connection of a canary: a canary that is ended begins anew.
type canaryID struct{ n, life int }

// Kinds of numbered messages.
const (
	askedBit = 'A' // a client's, which comes back
	toldBit  = 'T' // the server's own
)

// numbered is message number n of a canary: its content follows from that, so that
// both ends know every byte of it.
func numbered(kind byte, id canaryID, n uint64, most int) []byte {
	r := rand.NewPCG(uint64(id.n)<<32|uint64(id.life)<<8|uint64(kind), n)
	size := int(r.Uint64() % uint64(most))
	b := append(make([]byte, 0, 9+size+8), kind)
	b = binary.BigEndian.AppendUint64(b, n)
	for len(b) < 9+size {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64()&0x3f3f3f3f3f3f3f3f) // compresses a little
	}
	return b
}

// checkNumbered says what is wrong with a message that should be number n.
func checkNumbered(got []byte, kind byte, id canaryID, n uint64, most int) error {
	if len(got) < 9 || got[0] != kind {
		return fmt.Errorf("%.40x where message %c %d should be", got, kind, n)
	}
	if have := binary.BigEndian.Uint64(got[1:]); have != n {
		return fmt.Errorf("message %c %d where %d should be", kind, have, n)
	}
	if want := numbered(kind, id, n, most); !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		return fmt.Errorf("message %c %d is not what it was: %d bytes of %d, different from %d on", kind, n, len(got), len(want), at)
	}
	return nil
}

// manner is how a canary behaves.
type manner struct {
	name   string
	most   int           // length of its messages
	pause  time.Duration // between them, up to twice as long
	spell  time.Duration // likewise, before the first and now and then
	halts  time.Duration // inside a frame
	offer  string
	secure bool
	pieces int  // fragments of at most so many bytes
	pairs  bool // two messages, then nothing until both are back
}

var manners = []manner{
	{name: "chatty", most: 200, pause: 4 * time.Millisecond},
	{name: "in spells", most: 100, pause: time.Millisecond / 4, spell: 2200 * time.Millisecond},
	{name: "in pairs", most: 30_000, pause: time.Millisecond, spell: 2200 * time.Millisecond, pairs: true},
	{name: "drowsy", most: 200, pause: 1500 * time.Millisecond},
	{name: "halting", most: 200, pause: 300 * time.Millisecond, halts: 1200 * time.Millisecond},
	{name: "large", most: 60_000, pause: 60 * time.Millisecond},
	{name: "compressed", most: 500, pause: 30 * time.Millisecond, offer: offered},
	{name: "secure", most: 2000, pause: 30 * time.Millisecond, secure: true},
	{name: "in pieces", most: 5000, pause: 100 * time.Millisecond, pieces: 700},
	{name: "secure and drowsy", most: 200, pause: 1500 * time.Millisecond, secure: true},
	{name: "secure and in spells", most: 100, pause: time.Millisecond / 4, spell: 2200 * time.Millisecond, secure: true},
	{name: "compressed and drowsy", most: 500, pause: 1500 * time.Millisecond, offer: offered},
}

// sleeps reports whether it is silent for longer than a connection stays awake.
func (m manner) sleeps() bool { return max(m.pause, m.spell) > time.Second }

// nextPause is how long it waits before message n.
func (b *bird) nextPause(n uint64) time.Duration {
	d := b.pause
	if b.spell > 0 && (n == 1 || b.IntN(1000) == 0) {
		d = b.spell
	}
	return d + time.Duration(b.IntN(int(d)))
}

// canaryClass is a canary's end in the server.
type canaryClass struct {
	guest
	id    canaryID
	most  int
	asked uint64 // received; the reader's
	back  uint64 // likewise, taken by Send

	mu   sync.Mutex // guards told, and numbers what is sent
	told uint64
	over bool

	ended chan struct{} // closed by the last event
	info  client.CloseInfo
}

func (h *house) newCanary(q url.Values) (client.Client, error) {
	c := &canaryClass{guest: guest{house: h}, ended: make(chan struct{})}
	c.id.n, _ = strconv.Atoi(q.Get("n"))
	c.id.life, _ = strconv.Atoi(q.Get("life"))
	c.most, _ = strconv.Atoi(q.Get("most"))
	return c, nil
}

func (c *canaryClass) connected() error {
	c.SetWriteTimeout(patience)
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	c.house.canaries[c.id] = c
	return nil
}

func (c *canaryClass) gone(info client.CloseInfo) {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.info = info
	close(c.ended)
}

func (c *canaryClass) OnMessage(m client.Message) error {
	defer c.event("OnMessage")()
	if err := checkNumbered(m.Data, askedBit, c.id, c.asked+1, c.most); err != nil {
		c.house.add("canary %v: the server gets %v", c.id, err)
		return err
	}
	c.asked++
	switch err := c.Send(m); {
	case err == nil:
		c.back++
	case !errors.Is(err, client.ErrClosed):
		c.house.add("canary %v: Send = %v", c.id, err)
	}
	return nil
}

// tell sends a message of the server's own.
func (c *canaryClass) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	switch err := c.SendBinary(numbered(toldBit, c.id, c.told+1, c.most)); {
	case err == nil:
		c.told++
	case !errors.Is(err, client.ErrClosed):
		c.house.add("canary %v: telling: %v", c.id, err)
	}
}

// flock is some canaries.
type flock struct {
	complaints *complaints
	connect    func(target string, m manner) (*peer, error)
	class      func(canaryID) *canaryClass // nil when the server is another process
	strict     bool                        // nothing may end them

	stop   chan struct{}
	wg     sync.WaitGroup
	birds  []*bird
	cut    atomic.Int64 // connections that the server has ended, as it may
	failed atomic.Int64 // handshakes, likewise
}

// bird is one canary.
type bird struct {
	*flock
	manner
	id canaryID
	*rand.Rand

	p      *peer
	sent   uint64
	back   atomic.Uint64
	told   atomic.Uint64
	credit chan struct{} // bounds what is on its way
	code   int           // of the close frame that came
	err    error         // of the reader
}

// release lets n canaries fly in the house, and has the server talk to them.
func (h *house) release(n int, strict bool) *flock {
	f := &flock{
		complaints: &h.complaints, strict: strict, class: h.canary,
		connect: func(target string, m manner) (*peer, error) {
			return h.visit(target, m.offer, m.secure && h.secure != "")
		},
	}
	f.begin(n)
	f.wg.Go(func() { h.talk(f.stop) })
	return f
}

func (h *house) canary(id canaryID) *canaryClass {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.canaries[id]
}

// talk sends to all canaries until stop.
func (h *house) talk(stop <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if i%2 == 0 {
			h.slept.Store(max(h.slept.Load(), int64(h.srv.Stats().Dormant)))
		}
		h.mu.Lock()
		list := make([]*canaryClass, 0, len(h.canaries))
		for id, c := range h.canaries {
			// The drowsy ones get something seldom, so that they fall asleep.
			if i%128 == id.n || !manners[id.n%len(manners)].sleeps() && i%4 == id.n%4 {
				list = append(list, c)
			}
		}
		h.mu.Unlock()
		for _, c := range list {
			c.tell()
		}
	}
}

func (f *flock) begin(n int) {
	f.stop = make(chan struct{})
	for i := range n {
		m := manners[i%len(manners)]
		b := &bird{flock: f, manner: m, id: canaryID{n: i}, Rand: source(1<<32 + uint64(i))}
		f.birds = append(f.birds, b)
	}
	for _, b := range f.birds {
		f.wg.Go(b.fly)
	}
}

// recall ends all of them, when they have got what is on its way.
func (f *flock) recall(t *testing.T) {
	t.Helper()
	close(f.stop)
	f.wg.Wait()
	sent, told := uint64(0), uint64(0)
	for _, b := range f.birds {
		sent += b.sent
		told += b.told.Load()
	}
	t.Logf("%d canaries, last lives: %d messages there and back, %d told; %d lives cut short, %d handshakes refused", len(f.birds), sent, told, f.cut.Load(), f.failed.Load())
}

// complain reports what happened to a canary.
func (b *bird) complain(format string, args ...any) {
	b.complaints.add("canary %v (%s): %s", b.id, b.name, fmt.Sprintf(format, args...))
}

// fly lives one life after the other.
func (b *bird) fly() {
	for ; ; b.id.life++ {
		target := fmt.Sprintf("/canary?n=%d&life=%d&most=%d", b.id.n, b.id.life, b.most)
		p, err := b.connect(target, b.manner)
		switch {
		case err == nil:
			b.live(p)
		case b.strict:
			b.complain("handshake: %v", err)
			return
		default:
			b.failed.Add(1)
			time.Sleep(20 * time.Millisecond)
		}
		select {
		case <-b.stop:
			return
		default:
		}
		if b.strict {
			return // it was ended, and that is reported
		}
	}
}

// live is one life. Reading goes on beside it.
func (b *bird) live(p *peer) {
	b.p, b.sent, b.code, b.err = p, 0, 0, nil
	b.back.Store(0)
	b.told.Store(0)
	b.credit = make(chan struct{}, 16)
	defer p.drop()
	ended := make(chan struct{})
	go func() { defer close(ended); b.listen() }()
	b.sing(ended)
	select {
	case <-ended:
	case <-b.stop:
		b.settle(ended)
		p.leave()
		select {
		case <-ended:
		case <-time.After(patience):
			b.complain("no answer to its close frame")
			p.drop()
			<-ended
		}
	}
	b.judge()
}

// sing sends until stop, or until the connection ends.
func (b *bird) sing(ended <-chan struct{}) {
	for {
		pause := time.NewTimer(b.nextPause(b.sent + 1))
		select {
		case <-b.stop:
			pause.Stop()
			return
		case <-ended:
			pause.Stop()
			return
		case <-pause.C:
		}
		select {
		case b.credit <- struct{}{}:
		case <-b.stop:
			return
		case <-ended:
			return
		}
		if !b.say() || b.pairs && !(b.say() && b.answered(ended)) {
			<-ended // the reader knows why
			return
		}
	}
}

// answered waits until everything is back.
func (b *bird) answered(ended <-chan struct{}) bool {
	ok := within(patience/2, 50*time.Microsecond, func() bool {
		select {
		case <-ended:
			return true
		default:
			return b.back.Load() == b.sent
		}
	})
	if !ok {
		b.complain("%d of %d messages are back, and no more come", b.back.Load(), b.sent)
		b.p.drop()
	}
	return ok
}

// say sends the next message; false when the connection is broken.
func (b *bird) say() bool {
	m := numbered(askedBit, b.id, b.sent+1, b.most)
	err := error(nil)
	switch {
	case b.halts > 0 && b.IntN(4) == 0:
		err = b.p.sendHalting(opBinary, m, b.halts)
	case b.pieces > 0:
		err = b.p.sendPieces(opBinary, m, b.pieces)
	default:
		err = b.p.send(opBinary, m)
	}
	if err == nil {
		b.sent++
	}
	return err == nil
}

// listen reads to the end.
func (b *bird) listen() {
	for {
		op, data, err := b.p.receive()
		switch {
		case err != nil:
			b.err = err
			return
		case op == opClose:
			b.code = closeCode(data)
			return
		}
		if len(data) > 0 && data[0] == toldBit {
			if err := checkNumbered(data, toldBit, b.id, b.told.Load()+1, b.most); err != nil {
				b.complain("%v", err)
			}
			b.told.Add(1)
			continue
		}
		if err := checkNumbered(data, askedBit, b.id, b.back.Load()+1, b.most); err != nil {
			b.complain("%v", err)
		}
		b.back.Add(1)
		select {
		case <-b.credit:
		default: // that is a message too many, and reported
		}
	}
}

// settle waits until everything has come.
func (b *bird) settle(ended <-chan struct{}) {
	within(patience/2, 2*time.Millisecond, func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		return b.back.Load() == b.sent && b.told.Load() >= b.tells()
	})
}

// tells is how much the server has told it so far.
func (b *bird) tells() uint64 {
	if b.class == nil {
		return 0
	}
	c := b.class(b.id)
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// judge looks back at a life.
func (b *bird) judge() {
	if b.code == 1000 && b.back.Load() != b.sent {
		b.complain("%d messages of %d came back", b.back.Load(), b.sent)
	}
	byServer := b.code != 1000
	if byServer {
		b.cut.Add(1)
		if b.strict || !excused(b.code, b.err) {
			b.complain("ended with %d, %v", b.code, b.err)
		}
	}
	if b.class == nil {
		return
	}
	c := b.class(b.id)
	if c == nil {
		if b.strict {
			b.complain("the server does not know it")
		}
		return
	}
	select {
	case <-c.ended:
	case <-time.After(patience):
		b.complain("the server has not ended it")
		return
	}
	b.reconcile(c)
}

// excused are the ends that the clocks of a server bring about.
func excused(code int, err error) bool {
	switch code {
	case 1001, 1011, 1012: // idle or shutdown, ping timeout, lifetime
		return true
	}
	return code == 0 && err != nil && !errors.Is(err, errBadFrame)
}

// reconcile holds both ends of a life against each other.
func (b *bird) reconcile(c *canaryClass) {
	told, back := b.told.Load(), b.back.Load()
	switch {
	case c.asked > b.sent+1: // the last write may have failed behind its last byte
		b.complain("the server got %d messages of %d", c.asked, b.sent)
	case b.code == 1000 && c.asked != b.sent:
		b.complain("the server got %d messages of %d, and %v", c.asked, b.sent, c.info)
	case told > c.told || back > c.back:
		b.complain("it got %d and %d messages, the server sent %d and %d", told, back, c.told, c.back)
	case b.code != 0 && (told != c.told || back != c.back):
		b.complain("closed with %d, and of %d and %d messages it got %d and %d: %v", b.code, c.told, c.back, told, back, c.info)
	case b.code == 0 && b.strict:
		b.complain("the server says %v", c.info)
	}
	c.house.mu.Lock()
	delete(c.house.canaries, c.id)
	c.house.mu.Unlock()
}
