package soak

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// hurried is a configuration with clocks that run 60 times as fast as the defaults.
func hurried() wsserver.Config {
	return wsserver.Config{
		HandshakeTimeout: time.Second / 6, TLSHandshakeTimeout: time.Second / 6,
		PingInterval: time.Second / 2, PongTimeout: time.Second / 6,
		IdleTimeout: 2 * time.Second, MaxLifetime: 5 * time.Second,
		CloseTimeout: time.Second / 12, WriteTimeout: time.Second / 6,
		SendQueue:    client.SendQueue{MaxBytes: 512 << 10},
		MemoryBudget: client.NewBudget(16 << 20),
		Compression:  client.Compression{Mode: client.CompressionContext},
		MaxFrameSize: 16 << 10, OutBufferSize: 64 << 10, // so that the stuck are soon noticed
	}
}

// drowsed is one in which connections have the time to fall asleep.
func drowsed() wsserver.Config {
	c := hurried()
	c.HandshakeTimeout, c.TLSHandshakeTimeout = time.Second, time.Second
	c.PingInterval, c.PongTimeout = 2500*time.Millisecond, time.Second
	c.IdleTimeout, c.MaxLifetime = 0, 12*time.Second
	c.Compression.Mode = client.CompressionMessage
	c.MaxFrameSize = 0
	return c
}

// E-03, C-03, K-01 to K-11, S-12, R-03, X-01 to X-12: clients of all kinds, the clocks,
// and a program that does what it likes, all at once.
func TestEverythingAtOnce(t *testing.T) {
	underEach(t, func(t *testing.T, d wsserver.Driver) {
		ca := wstest.NewCA(t)
		c := &crowd{stop: make(chan struct{})}
		var flocks []*flock
		for _, cfg := range []wsserver.Config{hurried(), drowsed()} {
			h := newHouse(t, cfg, d, ca)
			c.houses = append(c.houses, h)
			flocks = append(flocks, h.release(len(manners), false))
		}
		c.run(pick(60, 200))
		time.Sleep(pick(10*time.Second, 3*time.Minute))
		// The second house ends in the middle of it all, the first when all have gone.
		c.houses[1].hasty = true
		c.houses[1].close(t)
		close(c.stop)
		c.wg.Wait()
		for _, f := range flocks {
			f.recall(t)
		}
		c.houses[0].idle(t)
		c.houses[0].close(t)
		c.tell(t)
		c.judge(t)
	})
}

// crowd is all clients but the canaries, and the program.
type crowd struct {
	complaints
	houses []*house
	stop   chan struct{}
	wg     sync.WaitGroup

	kinds  [kinds]atomic.Int64 // lives
	failed atomic.Int64        // handshakes
	got    atomic.Int64        // messages
	mu     sync.Mutex          // guards codes
	codes  tally
}

func (c *crowd) run(actors int) {
	c.codes = make(tally)
	for i := range actors {
		c.wg.Go(func() {
			r := source(2<<32 + uint64(i))
			for !c.over() {
				c.live(r)
			}
		})
	}
	for i, h := range c.houses {
		for j := range 2 {
			c.wg.Go(func() { c.program(h, source(3<<32+uint64(2*i+j))) })
		}
	}
}

func (c *crowd) over() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *crowd) judge(t *testing.T) {
	t.Helper()
	var lives [kinds]int64
	for k := range lives {
		if lives[k] = c.kinds[k].Load(); lives[k] == 0 {
			t.Errorf("seed %d: nobody was of kind %d", seed, k)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Logf("lives %v, %d handshakes failed, %d messages, ends %v", lives, c.failed.Load(), c.got.Load(), c.codes)
	seen := make(map[string]int)
	for _, h := range c.houses {
		t.Logf("%v\n%v", h, h.causes)
		for name, n := range h.causes {
			seen[name] += n
		}
	}
	for _, err := range []error{
		client.ErrCloseCalled, client.ErrAborted, client.ErrServerShutdown, client.ErrPingTimeout, client.ErrIdleTimeout,
		client.ErrLifetime, client.ErrWriteTimeout, client.ErrCloseTimeout,
	} {
		if seen[err.Error()] == 0 && full {
			t.Errorf("seed %d: no client ended with %q: that proves little", seed, err)
		}
	}
}

// program is what else a server's program does, from its own goroutines.
func (c *crowd) program(h *house, r *rand.Rand) {
	ours := func(x client.Client) bool { _, ok := x.(*anyone); return ok }
	for !c.over() {
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		m := sealed('M', binaryPool[:r.IntN(2000)])
		switch r.IntN(40) {
		case 0:
			h.srv.Broadcast(client.Binary(m), ours)
		case 1, 2, 3:
			h.srv.Group(room(r.IntN(8))).Broadcast(client.Binary(m))
		case 4:
			for range h.srv.Group(room(r.IntN(8))).Members() {
			}
			h.srv.Groups()
		case 5:
			h.srv.Stats()
		default:
			if x := someone(h, r); x != nil {
				disturb(x, m, r)
			}
		}
	}
}

// someone is a client that is no canary.
func someone(h *house, r *rand.Rand) *anyone {
	var found *anyone
	for x := range h.srv.Clients() {
		if a, ok := x.(*anyone); ok && r.IntN(4) == 0 {
			found = a
			break
		}
	}
	return found
}

// disturb does something to a client from a goroutine that is not its own.
func disturb(x *anyone, m []byte, r *rand.Rand) {
	h := x.house
	switch r.IntN(60) {
	case 0:
		x.Abort()
	case 1:
		_ = x.Close(4000, "the program wants it")
	case 2:
		_ = x.CloseAfterFlush(4001, "the program wants it")
	case 3:
		_ = h.srv.Disconnect(x.ID(), 4002, "the program wants it")
	case 4:
		x.Interrupt()
	case 5, 6, 7:
		_ = x.SetAcceptData(false)
		h.nap(time.Duration(r.IntN(5)) * time.Millisecond)
		_ = x.SetAcceptData(true)
	case 8, 9, 10:
		_ = x.Ping(m[:min(len(m), 125)])
	case 11:
		_ = x.Pong(nil)
	case 12:
		x.SetWriteTimeout(time.Duration(100+r.IntN(200)) * time.Millisecond)
	case 13:
		_ = h.srv.GroupsOf(x)
	case 14:
		_ = x.Info()
	case 15:
		of := r.Uint32()
		h.start(func() { x.stream(of, 200<<10) })
	case 16:
		_ = x.Flush()
	default:
		_ = x.SendBinary(m)
	}
}

// Kinds of clients.
const (
	chatty = iota
	silent
	mute // does not even answer pings
	slow
	stuckPeer
	vanishing
	pausing
	uploading
	downloading
	joining
	asking // to be closed, aborted, and worse
	kinds
)

// actor is one life of one client.
type actor struct {
	*crowd
	*rand.Rand
	house *house
	peer  *peer
	kind  int
	drops bool // it asked for a queue that drops
	sent  uint32
	back  uint32 // the reader's
	up    []int  // lengths of uploads, to be answered; guarded by crowd.mu
}

// live is one life.
func (c *crowd) live(r *rand.Rand) {
	a := &actor{crowd: c, Rand: r, house: c.houses[r.IntN(len(c.houses))], kind: r.IntN(kinds)}
	target, offer := "/any", ""
	if a.kind == uploading {
		target = "/upload"
	}
	if r.IntN(3) == 0 {
		offer = offered
	}
	p, err := a.house.visit(target, offer, r.IntN(4) == 0)
	if err != nil {
		if errors.Is(err, errBadFrame) {
			c.add("handshake: %v", err)
		}
		c.failed.Add(1)
		time.Sleep(5 * time.Millisecond)
		return
	}
	defer p.drop()
	a.peer = p
	c.kinds[a.kind].Add(1)
	if a.kind == mute || a.kind == stuckPeer {
		a.neverRead()
		return
	}
	ended := make(chan struct{})
	go func() { defer close(ended); a.read() }()
	a.play(ended)
	a.finish(ended)
}

// rest waits, and reports whether life goes on.
func (a *actor) rest(ended <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ended:
		return false
	case <-a.stop:
		return false
	case <-t.C:
		return true
	}
}

// neverRead waits for the server to lose its patience.
func (a *actor) neverRead() {
	if a.kind == stuckPeer {
		_ = a.peer.tcp.SetReadBuffer(4 << 10)
		for range 4 {
			_ = a.peer.send(opBinary, ask(askFlood, 20+360*(a.IntN(2))))
		}
	}
	for i := 0; i < 100 && a.rest(nil, 50*time.Millisecond); i++ {
		if _, err := a.peer.conn.Write(nil); err != nil {
			return
		}
	}
}

func ask(what byte, n int, more ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{what}, uint16(n)), append(more, 0, 0, 0, 0)...)
}

// play does what the kind does, for a while.
func (a *actor) play(ended <-chan struct{}) {
	p := a.peer
	for i := 1 + a.IntN(60); i > 0; i-- {
		var err error
		pause := time.Duration(a.IntN(30)) * time.Millisecond
		switch a.kind {
		case chatty:
			for range 1 + a.IntN(8) {
				err = a.echo()
			}
		case silent:
			pause = time.Duration(a.IntN(4000)) * time.Millisecond
			i -= 20
			for range 1 + a.IntN(20) {
				err = a.echo()
			}
		case slow:
			err = p.send(opBinary, ask(askFlood, 4))
		case vanishing:
			err = a.echo()
			if a.IntN(10) == 0 {
				p.drop()
			}
		case pausing:
			if err = p.send(opBinary, ask(askPause, a.IntN(80))); err == nil {
				err = a.echo()
			}
		case uploading:
			err = a.upload()
			pause *= 4
		case downloading:
			err = p.send(opBinary, ask(askStream, a.IntN(1<<14)))
			pause *= 8
		case joining:
			err = p.send(opBinary, ask([]byte{askJoin, askLeave}[a.IntN(2)], a.IntN(8)))
		case asking:
			err = a.provoke()
		}
		if err != nil || !a.rest(ended, pause) {
			return
		}
	}
}

// provoke asks for something unkind, now and then.
func (a *actor) provoke() error {
	what := []byte{askTry, askFlood, askStream, askPolicy, askRate, askPanic, askClose, askFlush, askAbort}[a.IntN(9)]
	if what >= askAbort && what <= askClose || what == askFlush {
		if a.IntN(10) > 0 {
			return a.echo()
		}
	}
	if what == askPolicy {
		a.crowd.mu.Lock()
		a.drops = true
		a.crowd.mu.Unlock()
	}
	return a.peer.send(opBinary, ask(what, a.IntN(40)))
}

// echo sends a numbered message that comes back.
func (a *actor) echo() error {
	a.sent++
	b := append([]byte{askEcho, 0, 0}, make([]byte, 4)...)
	binary.BigEndian.PutUint32(b[3:], a.sent)
	at := a.IntN(len(binaryPool) / 2)
	b = append(b, binaryPool[at:at+a.IntN(600)]...)
	if a.IntN(200) == 0 {
		b = append(b, binaryPool...)
	}
	if a.peer.zip == nil && a.IntN(8) == 0 {
		return a.peer.sendPieces(opBinary, b, 100)
	}
	return a.peer.send(opBinary, b)
}

// upload sends a long message in fragments.
func (a *actor) upload() error {
	size := a.IntN(1 << 18)
	of := a.Uint32()
	b := bytes.NewBuffer(binary.BigEndian.AppendUint32(nil, of))
	if _, err := io.Copy(b, &randomBytes{PCG: rand.NewPCG(uint64(of), 9), left: size}); err != nil {
		return err
	}
	a.crowd.mu.Lock()
	a.up = append(a.up, b.Len())
	a.crowd.mu.Unlock()
	if a.peer.zip != nil {
		return a.peer.send(opBinary, b.Bytes())
	}
	return a.peer.sendPieces(opBinary, b.Bytes(), 1+a.IntN(40_000))
}

// finish leaves in one of several ways.
func (a *actor) finish(ended <-chan struct{}) {
	switch a.IntN(4) {
	case 0:
		a.peer.drop()
	case 1:
		_ = a.peer.tcp.CloseWrite()
	default:
		a.peer.leave()
	}
	select {
	case <-ended:
	case <-time.After(patience):
		a.add("kind %d: the server does not end it: %v", a.kind, a.house)
		a.peer.drop()
		<-ended
	}
}

// read reads and checks what comes, to the end.
func (a *actor) read() {
	code := 0
	for {
		op, data, err := a.peer.receive()
		if err != nil {
			if errors.Is(err, errBadFrame) {
				a.add("kind %d: %v", a.kind, err)
			}
			break
		}
		if op == opClose {
			code = closeCode(data)
			a.judgeClose(code, data)
			break
		}
		a.got.Add(1)
		if err := a.check(data); err != nil {
			a.add("kind %d: %v", a.kind, err)
		}
		if a.kind == slow {
			time.Sleep(10 * time.Millisecond)
		}
	}
	a.crowd.mu.Lock()
	a.codes[code]++
	a.crowd.mu.Unlock()
}

// judgeClose: idle or shutdown, queue full or budget, ping timeout or a broken stream,
// lifetime, and what was asked for.
func (a *actor) judgeClose(code int, data []byte) {
	if !slices.Contains([]int{1000, 1001, 1008, 1011, 1012}, code) && (code < 4000 || code > 4009) {
		a.add("kind %d: closed with %d %q", a.kind, code, data)
	}
}

// check looks whether a message is what was sent.
func (a *actor) check(b []byte) error {
	if len(b) > 0 && b[0] == 'S' {
		return checkStream(b)
	}
	content, err := unsealed(b)
	if err != nil {
		return err
	}
	switch b[0] {
	case 'E':
		return a.checkEcho(content)
	case 'U':
		return a.checkUpload(content)
	case 'F', 'M':
		return nil
	}
	return errors.New("a message of no kind")
}

func checkStream(b []byte) error {
	if len(b) < 5 {
		return errors.New("a short stream")
	}
	of := uint64(binary.BigEndian.Uint32(b[1:]))
	want := make([]byte, len(b)-5)
	_, _ = io.ReadFull(&randomBytes{PCG: rand.NewPCG(of, 7), left: len(want)}, want)
	if !bytes.Equal(want, b[5:]) {
		return errors.New("a stream is not what was sent")
	}
	return nil
}

// checkEcho: they come back in order, and none is left out, unless the queue drops.
func (a *actor) checkEcho(content []byte) error {
	n := binary.BigEndian.Uint32(content)
	a.crowd.mu.Lock()
	drops := a.drops
	a.crowd.mu.Unlock()
	if n <= a.back || n != a.back+1 && !drops {
		return errors.New("echoes out of order")
	}
	a.back = n
	return nil
}

func (a *actor) checkUpload(content []byte) error {
	n := int(binary.BigEndian.Uint32(content))
	a.crowd.mu.Lock()
	defer a.crowd.mu.Unlock()
	if len(a.up) == 0 || a.up[0] != n {
		return errors.New("an upload arrived with another length")
	}
	a.up = a.up[1:]
	return nil
}
