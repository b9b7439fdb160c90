package transport

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// testSettings are the server's defaults, without clocks.
func testSettings(edit ...func(*Settings)) *Settings {
	set := &Settings{
		MaxMessage:   1 << 20,
		MaxPieces:    -1,
		Queue:        client.SendQueue{}.WithDefaults(),
		Sampling:     time.Second,
		WriteTimeout: 10 * time.Second,
		CloseTimeout: 5 * time.Second,
	}
	for _, f := range edit {
		f(set)
	}
	return set
}

// fakeWire is a wire without a network, for one goroutine and the drainer: it
// reads from a script and writes into memory.
type fakeWire struct {
	script [][]byte // what fill and read get, a piece each time at most
	end    error    // what they get then
	idles  int      // how often they found nothing

	take   func(n int) int // how many of n bytes tryWrite takes, called with the lock held; nil: all
	trying func()          // called by tryWrite before it writes, unless nil
	gate   chan struct{}   // write takes one from it for each slice; nil: no waiting
	err    error           // what write returns, unless nil

	mu      sync.Mutex // guards the following
	out     []byte
	writes  int
	dropped chan struct{} // closed by drop; made by the first who asks
	reset   bool
}

func (w *fakeWire) attach(*Conn) {}

func (w *fakeWire) wake() {}

func (w *fakeWire) fill(c *Conn) (int, error) {
	n, err := w.read(c, c.space())
	c.in.w += n
	return n, err
}

func (w *fakeWire) read(c *Conn, p []byte) (int, error) {
	if len(w.script) == 0 {
		w.idles++
		c.idle()
		return 0, w.end
	}
	n := copy(p, w.script[0])
	if w.script[0] = w.script[0][n:]; len(w.script[0]) == 0 {
		w.script = w.script[1:]
	}
	return n, nil
}

func (w *fakeWire) tryWrite(x, y, z []byte) (int, bool, error) {
	if w.trying != nil {
		w.trying()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	n := len(x) + len(y) + len(z)
	k := n
	if w.take != nil {
		k = w.take(n)
	}
	start := len(w.out)
	w.out = append(append(append(w.out, x...), y...), z...)[:start+k]
	return k, k < n, nil
}

func (w *fakeWire) write(p []byte, _ time.Duration) error {
	if w.gate != nil {
		select {
		case <-w.gate:
		case <-w.gone():
			return net.ErrClosed
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.writes++
	w.out = append(w.out, p...)
	return nil
}

// gone is closed when the connection was dropped.
func (w *fakeWire) gone() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dropped == nil {
		w.dropped = make(chan struct{})
	}
	return w.dropped
}

func (w *fakeWire) holds() bool                  { return false }
func (w *fakeWire) closeWrite() error            { return nil }
func (w *fakeWire) discard(_ time.Time, _ int64) {}
func (w *fakeWire) finish()                      { w.drop(false) }

func (w *fakeWire) drop(reset bool) {
	gone := w.gone()
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-gone:
	default:
		w.reset = reset
		close(gone)
	}
}

// written returns a copy of what was written so far.
func (w *fakeWire) written() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]byte(nil), w.out...)
}

// recorder stands in for the engine: it takes frames through a reader of 16
// bytes, as gws does, judges them strictly, and notes everything in order.
type recorder struct {
	*Conn
	log       []string
	onMessage func(op byte, data []byte)
	lull      bool          // serve waits until the reader rests
	done      chan struct{} // closed by serve
	err       error         // how Read ended

	// Of the loop, which may be left when the reader dozes.
	br      *bufio.Reader
	op      wstest.Opcode
	message []byte
}

func newRecorder(set *Settings, w wire, inflate *deflate.Decompressor) *recorder {
	return newRecorderOn(NewService(), set, w, inflate)
}

func newRecorderOn(svc *Service, set *Settings, w wire, inflate *deflate.Decompressor) *recorder {
	r := &recorder{Conn: new(Conn), done: make(chan struct{})}
	r.Init(svc, set, Wire{w}, nil, inflate, r)
	r.Attach()
	r.Open()
	return r
}

// note adds a line. Long payloads are told by their sum.
func (r *recorder) note(what string, p []byte) { r.log = append(r.log, noted(what, p)) }

func noted(what string, p []byte) string {
	if len(p) <= 200 {
		return fmt.Sprintf("%s %q", what, p)
	}
	return fmt.Sprintf("%s %d bytes, sum %08x", what, len(p), crc32.ChecksumIEEE(p))
}

func notedFrame(f wstest.Frame) string {
	what := fmt.Sprintf("frame %d", f.Op)
	if f.More {
		what += " with more to come"
	}
	return noted(what, f.Payload)
}

func (r *recorder) Ping(p []byte) { r.note("ping", p) }
func (r *recorder) Pong(p []byte) { r.note("pong", p) }
func (r *recorder) Dropped(error) {}
func (r *recorder) Resume()       { r.life() }

func (r *recorder) Notice()        {}
func (r *recorder) Sent(byte, int) {}
func (r *recorder) Await()         {}
func (r *recorder) Owes() bool     { return false }
func (r *recorder) Later() bool    { return false }

func (r *recorder) Fragment(client.Opcode, []byte, bool, bool) {}

// run is the engine's loop.
func (r *recorder) run() {
	if r.br == nil {
		r.br = bufio.NewReaderSize(r.Conn, 16)
	}
	for {
		f, err := wstest.ReadFrame(r.br, true, 0)
		if err != nil {
			r.err = err
			return
		}
		r.log = append(r.log, notedFrame(f))
		if f.Op != wstest.OpContinuation {
			r.op, r.message = f.Op, nil
		}
		r.message = append(r.message, f.Payload...)
		if f.More {
			continue
		}
		r.deliver()
	}
}

func (r *recorder) deliver() {
	checked := r.TextChecked()
	switch {
	case r.State() != stateOpen: // discarded
	case r.op == wstest.OpText && !checked && !utf8.Valid(r.message):
		r.RefuseText()
	case r.onMessage != nil:
		r.onMessage(byte(r.op), r.message)
	}
}

// Message is what does not come through the loop.
func (r *recorder) Message(op client.Opcode, p []byte) {
	f := wstest.Frame{Op: wstest.Opcode(op), Payload: p}
	r.log = append(r.log, notedFrame(f))
	r.op, r.message = f.Op, append([]byte(nil), p...)
	r.deliver()
}

// life runs to the end, or until the reader rests: Resume goes on.
func (r *recorder) life() {
	for dozed(r.run) {
		if r.Rest() {
			return
		}
	}
	r.Finish()
	r.Linger()
	close(r.done)
}

// dozed runs the loop and reports whether it was left because the reader may doze.
func dozed(run func()) (rest bool) {
	defer func() {
		if v := recover(); Dozed(v) {
			rest = true
		} else if v != nil {
			panic(v)
		}
	}()
	run()
	return false
}

// serve runs a whole life on its own goroutine, which ends with the test.
func (r *recorder) serve(tb testing.TB) {
	go r.life()
	tb.Cleanup(func() {
		r.Abort(io.ErrClosedPipe)
		<-r.done
	})
	if r.lull {
		lull(tb, r.Conn)
	}
}

// chopped returns b in pieces of n bytes.
func chopped(b []byte, n int) (out [][]byte) {
	for len(b) > 0 {
		k := min(n, len(b))
		out = append(out, b[:k:k])
		b = b[k:]
	}
	return out
}
