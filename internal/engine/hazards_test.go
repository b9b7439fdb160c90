package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	answer "github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

// phrases are n messages that share words, so that a window is used.
func phrases(n int) []string {
	rnd := rand.New(rand.NewPCG(7, 7))
	words := strings.Fields("alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima")
	list := make([]string, n)
	for i := range list {
		var b strings.Builder
		for size := 100 + rnd.IntN(500); b.Len() < size; {
			fmt.Fprint(&b, words[rnd.IntN(len(words))], rnd.IntN(1000), " ")
		}
		list[i] = b.String()
	}
	return list
}

// damaged counts the messages that do not come as they were sent, when send sends
// them one by one.
func damaged(p *wstest.Peer, list []string, send func(i int)) (n int) {
	for i, want := range list {
		send(i)
		m, err := p.TryMessage()
		if err != nil { // from here on nothing can be read
			return n + len(list) - i
		}
		if string(m.Data) != want {
			n++
		}
	}
	return n
}

// TestControlFramesStayOutOfTheWindow: gws alone adds the payload of pings to the
// window of the compressor, where no peer has it.
func TestControlFramesStayOutOfTheWindow(t *testing.T) {
	list := phrases(40)
	payload := []byte("alpha bravo charlie delta keep-alive")

	h := newHall()
	h.deflate = &takeoverParams
	s, p := h.enter(t)
	n := damaged(p, list, func(i int) {
		p.Send(wstest.Ping(payload)) // the pong has it too
		p.WantPong(payload)
		if _, err := s.Send(client.OpText, []byte(list[i]), false); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("we: %d of %d messages are damaged", n, len(list))
	}

	c, p := (&bare{option: compressed}).enter(t, offer)
	n = damaged(p, list, func(i int) {
		c.WritePing(payload)
		c.WriteString(list[i])
	})
	if n < len(list)/2 {
		t.Errorf("gws alone: %d of %d messages are damaged", n, len(list))
	}
}

// TestBroadcastToUnlikePeers: the Broadcaster of gws takes the parameters of the
// first connection for all.
func TestBroadcastToUnlikePeers(t *testing.T) {
	list := phrases(20)
	for i := range list { // too short for gws to compress without takeover, long enough to use the window
		list[i] = (list[i] + list[i] + list[i])[:300+i]
	}
	params := []*deflate.Params{nil, {}, {ServerBits: 9}, &takeoverParams, {ServerTakeover: true}}
	var sessions []*Session
	var peers []*wstest.Peer
	for _, d := range params {
		h := newHall()
		h.deflate = d
		s, p := h.enter(t)
		<-greeted(s)
		sessions, peers = append(sessions, s), append(peers, p)
	}
	for _, text := range list {
		b, err := NewBroadcast(client.Text(text))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range sessions {
			if _, err := s.Broadcast(b); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(client.OpText, []byte(text+text), false); err != nil {
				t.Fatal(err)
			}
			peers[i].WantText(text)
			peers[i].WantText(text + text)
		}
	}

	b := &bare{option: compressed}
	first, p := b.enter(t, "permessage-deflate; server_no_context_takeover")
	second, p2 := b.enter(t, offer)
	n := damaged(p2, list, func(i int) {
		cast := gws.NewBroadcaster(gws.OpcodeText, []byte("before: "+list[i]))
		cast.Broadcast(first)
		cast.Broadcast(second)
		p.ReadMessage()
		p2.TryMessage()
		cast.Close()
		second.WriteString(list[i])
	})
	if n < len(list)/2 {
		t.Errorf("gws alone: %d of %d messages after a broadcast are damaged", n, len(list))
	}
}

// greeted is closed when the banner is out, and broadcasts are not held any more.
func greeted(s *Session) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		for s.held.Load() {
			runtime.Gosched()
		}
	}()
	return c
}

// TestWhatMayNotBeSentHurtsNobody: gws alone closes the connection with 1001 for
// a message of ours that it refuses. S-02
func TestWhatMayNotBeSentHurtsNobody(t *testing.T) {
	s, p := newHall().enter(t)
	if _, err := s.Send(client.OpText, []byte("\xff"), false); !errors.Is(err, client.ErrInvalidUTF8) {
		t.Errorf("Send = %v, want ErrInvalidUTF8", err)
	}
	for _, op := range []client.Opcode{0, 3, 8, 9, 10} {
		if _, err := s.Send(op, nil, false); !errors.Is(err, client.ErrBadOpcode) {
			t.Errorf("Send with opcode %d = %v, want ErrBadOpcode", op, err)
		}
		if _, err := NewBroadcast(client.Message{Op: op}); !errors.Is(err, client.ErrBadOpcode) {
			t.Errorf("NewBroadcast with opcode %d = %v, want ErrBadOpcode", op, err)
		}
	}
	if _, err := NewBroadcast(client.Text("\xff")); !errors.Is(err, client.ErrInvalidUTF8) {
		t.Errorf("NewBroadcast = %v, want ErrInvalidUTF8", err)
	}
	p.Send(wstest.Text("alive"))
	p.WantText("alive")

	for name, send := range map[string]func(c *gws.Conn) error{
		"text":     func(c *gws.Conn) error { return c.WriteString("\xff") },
		"oversize": func(c *gws.Conn) error { return c.WriteMessage(gws.OpcodeBinary, make([]byte, 2000)) },
	} {
		c, p := (&bare{option: gws.ServerOption{CheckUtf8Enabled: true, WriteMaxPayloadSize: 1000}}).enter(t, "")
		if err := send(c); err == nil {
			t.Errorf("gws alone sends %s", name)
		}
		p.WantClose(1001)
	}
}

// TestDeclaredLengthIsNotAllocated: gws alone makes room for what a header says.
func TestDeclaredLengthIsNotAllocated(t *testing.T) {
	const peers, size = 8, 16 << 20
	in := append(wstest.Binary(nil).Header(size), 'x')
	h := newHall()
	h.settings.MaxMessage = 64 << 20
	sessions, list := make([]*Session, peers), make([]*wstest.Peer, peers)
	for i := range sessions {
		sessions[i], list[i] = h.enter(t)
	}
	before := allocated()
	for i, p := range list {
		p.Write(in)
		for sessions[i].Counters().BytesIn < uint64(len(in)) {
			runtime.Gosched()
		}
	}
	if n := allocated() - before; n > peers*64<<10 {
		t.Errorf("we: %d bytes for %d headers", n, peers)
	}

	b := &bare{option: gws.ServerOption{ReadMaxPayloadSize: 64 << 20}}
	for i := range list {
		_, list[i] = b.enter(t, "")
	}
	before = allocated()
	for _, p := range list {
		p.Write(in)
	}
	for end := time.Now().Add(10 * time.Second); allocated()-before < peers*size; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gws alone: %d bytes for %d headers", allocated()-before, peers)
		}
	}
}

// allocated is how many bytes were ever allocated.
func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

// TestCloseNeverWaits behind a write that a peer does not take; that of gws does.
func TestCloseNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall()
		s, _ := h.enter(t)
		for range 20 {
			if _, err := s.Send(client.OpBinary, make([]byte, 50_000), false); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if err := s.Client.Close(1000, ""); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Close takes %v", d)
		}
		info := h.info(t, s)
		if d := time.Since(start); d != h.settings.CloseTimeout || !errors.Is(info.Cause, client.ErrCloseTimeout) {
			t.Errorf("the connection ends after %v, %v", d, info)
		}
	})

	near, far := net.Pipe()
	c, _ := new(bare).enterOn(t, near, far, "")
	writing, closed := make(chan struct{}), make(chan struct{})
	go func() {
		close(writing)
		c.WriteMessage(gws.OpcodeBinary, make([]byte, 100))
	}()
	<-writing
	time.Sleep(20 * time.Millisecond)
	go func() { defer close(closed); c.WriteClose(1000, nil) }()
	select {
	case <-closed:
		t.Error("gws alone: WriteClose does not wait")
	case <-time.After(50 * time.Millisecond):
	}
	near.Close()
	<-closed
}

// TestQueueHasABound: the queue of gws has none. S-12
func TestQueueHasABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall()
		h.settings.Queue.MaxBytes = 100_000
		s, _ := h.enter(t)
		p := make([]byte, 1000)
		for most := 0; ; {
			n := s.Counters().Buffered
			if most = max(most, n); most > 100_000 {
				t.Fatalf("%d bytes are queued", most)
			}
			if _, err := s.Send(client.OpBinary, p, false); err != nil {
				if !errors.Is(err, client.ErrQueueFull) || most < 99_000-len(p) {
					t.Errorf("with %d bytes in the queue: %v", most, err)
				}
				break
			}
		}
	})

	near, far := net.Pipe()
	c, _ := new(bare).enterOn(t, near, far, "")
	refused := 0
	for range 5000 {
		c.WriteAsync(gws.OpcodeBinary, make([]byte, 1000), func(err error) {
			if err != nil {
				refused++
			}
		})
	}
	if refused > 0 {
		t.Errorf("gws alone refuses %d of 5000 messages to a peer that reads nothing", refused)
	}
	drained := make(chan struct{})
	c.Async(func() { close(drained) })
	near.Close()
	<-drained
}

// TestResponseHeaderIsChecked: gws keeps one value of each and writes line ends
// as they are.
func TestResponseHeaderIsChecked(t *testing.T) {
	many := http.Header{"X-Many": {"one", "two"}}
	split := http.Header{"X-Split": {"a\r\nX-Injected: b"}}
	head, err := answer.AppendSwitching(nil, "key", "", "", many)
	if err != nil || !bytes.Contains(head, []byte("X-Many: one\r\nX-Many: two\r\n")) {
		t.Errorf("we: %q, %v", head, err)
	}
	if head, err := answer.AppendSwitching(nil, "key", "", "", split); err == nil {
		t.Errorf("we: %q", head)
	}
	for name, h := range map[string]http.Header{"X-Many: two": many, "X-Injected: b": split} {
		near, far := memnet.Pipe(0)
		b := &bare{option: gws.ServerOption{ResponseHeader: h}}
		heard := new(bytes.Buffer)
		_, _ = b.enterOn(t, tee{near, heard}, far, "")
		if got, want := strings.Contains(heard.String(), name), name == "X-Injected: b"; got != want {
			t.Errorf("gws alone: %q in the answer %v, want %v", name, got, want)
		}
	}
}

// tee keeps what is read.
type tee struct {
	net.Conn
	into io.Writer
}

func (c tee) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.into.Write(p[:n])
	return n, err
}
