package transport

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// taker is a class that gets its messages in pieces. It judges each piece and notes
// whole messages and control payloads in order.
type taker struct {
	*Conn
	log   []string
	sizes []int // of the pieces
	wrong error // the first promise that was broken

	open bool // a piece came, the final one did not
	op   client.Opcode
	part []byte // of the message under way

	onPiece  func(p []byte, final bool)
	onPing   func(p []byte)
	onNotice func(ready bool, drops []client.Drop)

	lull bool          // serve waits until the reader rests
	err  error         // how Read ended
	done chan struct{} // closed by serve
}

func newTaker(set *Settings, w wire, inflate *deflate.Decompressor) *taker {
	return newTakerOn(NewService(), set, w, inflate)
}

func newTakerOn(svc *Service, set *Settings, w wire, inflate *deflate.Decompressor) *taker {
	k := &taker{Conn: new(Conn), done: make(chan struct{})}
	k.Init(svc, set, Wire{w}, nil, inflate, k)
	k.Pieces()
	k.Attach()
	k.Open()
	return k
}

func (k *taker) Fragment(op client.Opcode, p []byte, first, final bool) {
	switch {
	case first == k.open:
		k.fault("first is %v, message open: %v", first, k.open)
	case !first && op != k.op:
		k.fault("opcode %d inside a message of %d", op, k.op)
	case op == client.OpText && !utf8.Valid(p):
		k.fault("a piece of text is %q", p)
	case len(p) == 0 && !final:
		k.fault("an empty piece that ends nothing")
	case k.State() != stateOpen:
		k.fault("a piece after the close")
	}
	if first {
		k.op, k.part = op, nil
	}
	k.open = !final
	k.part = append(k.part, p...)
	k.sizes = append(k.sizes, len(p))
	if final {
		k.log = append(k.log, noted(fmt.Sprint("message ", op), k.part))
	}
	if k.onPiece != nil {
		k.onPiece(p, final)
	}
}

func (k *taker) fault(format string, a ...any) {
	if k.wrong == nil {
		k.wrong = fmt.Errorf("after %d messages: "+format, append([]any{len(k.log)}, a...)...)
	}
}

func (k *taker) Ping(p []byte) {
	k.log = append(k.log, noted("ping", p))
	if k.onPing != nil {
		k.onPing(p)
	}
}

func (k *taker) Pong(p []byte) { k.log = append(k.log, noted("pong", p)) }

func (k *taker) Notice() {
	ready, drops := k.TakeNotices()
	if k.onNotice != nil {
		k.onNotice(ready, drops)
	}
}

func (k *taker) Dropped(error)                 {}
func (k *taker) Resume()                       { k.serveOn() }
func (k *taker) Await()                        {}
func (k *taker) Owes() bool                    { return false }
func (k *taker) Later() bool                   { return false }
func (k *taker) Message(client.Opcode, []byte) { k.fault("a whole message comes") }
func (k *taker) Sent(byte, int)                {}

// run is the engine's loop, to which nothing comes.
func (k *taker) run() {
	var b [16]byte
	n, err := k.Read(b[:])
	if n != 0 || err == nil {
		k.fault("the engine gets %q, %v", b[:n], err)
	}
	k.err = err
}

// life runs to the end on the caller's goroutine.
func (k *taker) life() {
	k.run()
	k.Finish()
	k.Linger()
}

// serve runs a life on its own goroutine, which ends with the test.
func (k *taker) serve(tb testing.TB) {
	go k.serveOn()
	tb.Cleanup(func() {
		k.Abort(io.ErrClosedPipe)
		<-k.done
	})
	if k.lull {
		lull(tb, k.Conn)
	}
}

func (k *taker) serveOn() {
	for dozed(k.run) {
		if k.Rest() {
			return
		}
	}
	k.Finish()
	k.Linger()
	close(k.done)
}

// gatherer is a class that gets whole messages. It notes what a taker notes.
type gatherer struct {
	*recorder
	log []string
}

func newGatherer(set *Settings, w wire, inflate *deflate.Decompressor) *gatherer {
	g := &gatherer{recorder: &recorder{Conn: new(Conn), done: make(chan struct{})}}
	g.Init(NewService(), set, Wire{w}, nil, inflate, g)
	g.Attach()
	g.Open()
	g.onMessage = func(op byte, p []byte) {
		g.log = append(g.log, noted(fmt.Sprint("message ", client.Opcode(op)), p))
	}
	return g
}

func (g *gatherer) Ping(p []byte) { g.log = append(g.log, noted("ping", p)) }
func (g *gatherer) Pong(p []byte) { g.log = append(g.log, noted("pong", p)) }

func (g *gatherer) life() {
	g.run()
	g.Finish()
	g.Linger()
}

// talk is input together with the whole messages and control payloads that a class
// must see of it.
type talk struct {
	script
	want []string
}

func newTalk() *talk { return &talk{script: *newScript()} }

// control adds control frames.
func (k *talk) control(list ...wstest.Frame) {
	for _, f := range list {
		what := map[wstest.Opcode]string{wstest.OpPing: "ping", wstest.OpPong: "pong"}[f.Op]
		k.want = append(k.want, noted(what, f.Payload))
		f.Key = k.key()
		k.bytes = f.Append(k.bytes)
	}
}

// message adds one in frames of the sizes; between is added behind each but the last.
func (k *talk) message(op wstest.Opcode, data []byte, zip bool, between []wstest.Frame, sizes ...int) {
	f := wstest.Frame{Op: op, Payload: data}
	if zip {
		f.RSV, f.Payload = wstest.RSV1, k.zip.Deflate(data)
	}
	left := len(f.Payload) // which compression has made shorter
	cuts := make([]int, len(sizes))
	for i, n := range sizes {
		cuts[i] = min(n, left)
		left -= cuts[i]
	}
	frames := f.Split(cuts...)
	for i, f := range frames {
		f.Key = k.key()
		k.bytes = f.Append(k.bytes)
		if i+1 < len(frames) {
			k.control(between...)
		}
	}
	k.want = append(k.want, noted(fmt.Sprint("message ", client.Opcode(op)), data))
}

// play runs the talk in chunks through a class that gets pieces, and judges what it saw.
func (k *talk) play(t *testing.T, chunks [][]byte) *taker {
	t.Helper()
	c := newTaker(testSettings(), &fakeWire{script: chunks, end: io.EOF}, deflate.NewDecompressor(takeover))
	c.life()
	if c.wrong != nil {
		t.Fatal(c.wrong)
	}
	sameLog(t, c.log, k.want)
	if !errors.Is(c.err, io.EOF) || c.open {
		t.Fatalf("Read ended with %v, a message is open: %v", c.err, c.open)
	}
	if got := c.Counters().MessagesIn; got != uint64(messages(k.want)) {
		t.Fatalf("%d messages are counted of %d", got, messages(k.want))
	}
	return c
}

func messages(log []string) (n int) {
	for _, s := range log {
		if s[0] == 'm' {
			n++
		}
	}
	return n
}

func sameLog(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("event %d of %d and %d: the class saw\n%.200s\nwant\n%.200s", i, len(got), len(want), at(got, i), at(want, i))
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}
