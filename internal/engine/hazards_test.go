package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/client"
	answer "github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

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
		if _, err := new(Engine).NewBroadcast(client.Message{Op: op}, link.SendOptions{}); !errors.Is(err, client.ErrBadOpcode) {
			t.Errorf("NewBroadcast with opcode %d = %v, want ErrBadOpcode", op, err)
		}
	}
	if _, err := new(Engine).NewBroadcast(client.Text("\xff"), link.SendOptions{}); !errors.Is(err, client.ErrInvalidUTF8) {
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

// TestPongsDoNotWaitForLargeMessages: with gws's WriteFile everything waits for the
// file. S-28
func TestPongsDoNotWaitForLargeMessages(t *testing.T) {
	s, p := newHall().enter(t)
	for range 8 {
		if _, err := s.Send(client.OpBinary, make([]byte, 100_000), false); err != nil {
			t.Fatal(err)
		}
	}
	p.Send(wstest.Ping([]byte("p")))
	for s.Counters().BytesIn == 0 {
		runtime.Gosched() // until the ping is read
	}
	messages := 0
	for f, err := p.NextFrame(); f.Op != wstest.OpPong; f, err = p.NextFrame() {
		if messages++; err != nil || messages > 4 {
			t.Fatalf("no pong before message %d, %v", messages, err)
		}
	}

	near, far := memnet.Pipe(0)
	c, p := new(bare).enterOn(t, near, far, "")
	file, rest := io.Pipe()
	sent, answered := make(chan error, 1), make(chan error, 1)
	go func() { sent <- c.WriteFile(gws.OpcodeBinary, file) }()
	if _, err := rest.Write([]byte("the beginning")); err != nil { // it has begun
		t.Fatal(err)
	}
	go func() { answered <- c.WritePong(nil) }()
	select {
	case err := <-answered:
		t.Errorf("gws alone: WritePong = %v during a WriteFile", err)
	case <-time.After(50 * time.Millisecond):
	}
	rest.Close()
	for _, done := range []chan error{sent, answered} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	p.WantPong(nil)
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
