package wsserver_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// keen is a class with the events of sending. It notes them in its club.
type keen struct {
	client.Base
	club *club
}

// club is the factory of keen clients.
type club struct {
	connect func(*keen) error
	message func(*keen, client.Message) error
	ready   func(*keen)
	dropped func(*keen, client.Drop)

	mu     sync.Mutex // guards the following
	last   *keen      // the newest
	drops  []client.Drop
	readys int
	ends   []client.CloseInfo
}

func (k *keen) OnMessage(m client.Message) error {
	if k.club.message == nil {
		return nil
	}
	return k.club.message(k, m)
}

func (k *keen) OnReadyToSend() error {
	k.club.mu.Lock()
	k.club.readys++
	k.club.mu.Unlock()
	if k.club.ready != nil {
		k.club.ready(k)
	}
	return nil
}

func (k *keen) OnDropped(d client.Drop) error {
	k.club.mu.Lock()
	k.club.drops = append(k.club.drops, d)
	k.club.mu.Unlock()
	if k.club.dropped != nil {
		k.club.dropped(k, d)
	}
	return nil
}

func (c *club) NewClient(*client.OpenRequest) (*keen, error) { return &keen{club: c}, nil }

func (c *club) OnClientConnect(k *keen) error {
	c.mu.Lock()
	c.last = k
	c.mu.Unlock()
	if c.connect == nil {
		return nil
	}
	return c.connect(k)
}

func (c *club) OnClientDisconnect(_ *keen, i client.CloseInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, i)
}

func (c *club) client() *keen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// ending returns how the only client has ended; there must have been one event.
func (c *club) ending(t *testing.T) client.CloseInfo {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ends) != 1 {
		t.Fatalf("%d events of an end: %v", len(c.ends), c.ends)
	}
	return c.ends[0]
}

// ended tells whether a client has ended.
func (c *club) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ends) > 0
}

// told returns what OnDropped was told in all, by reason.
func (c *club) told() map[client.DropReason]client.Drop {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := map[client.DropReason]client.Drop{}
	for _, d := range c.drops {
		s := sum[d.Reason]
		sum[d.Reason] = client.Drop{Reason: d.Reason, Messages: s.Messages + d.Messages, Bytes: s.Bytes + d.Bytes}
	}
	return sum
}

const takeover = "permessage-deflate; client_max_window_bits"

// reach makes a server of cfg and one client of it over the road: "memory", "TCP" or
// "TLS". Compression is offered where cfg has it. Inside of a bubble the road is memory.
func reach(t *testing.T, road string, c *club, cfg wsserver.Config) (*wsserver.Server[*keen], *keen, *wire) {
	t.Helper()
	return reachOver(t, road, 0, c, cfg)
}

// reachOver is reach over a connection in memory with so many bytes on their way.
func reachOver(t *testing.T, road string, buffer int, c *club, cfg wsserver.Config) (*wsserver.Server[*keen], *keen, *wire) {
	t.Helper()
	if road != "memory" {
		cfg.Addr = "127.0.0.1:0"
	}
	if road == "TLS" {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("127.0.0.1")}}
	}
	srv := newServerOf(t, c, cfg)
	var p *wstest.Peer
	switch road {
	case "TLS":
		p = wstest.DialTLS(t, open(t, srv), &tls.Config{InsecureSkipVerify: true})
	case "TCP":
		p = wstest.DialTCP(t, open(t, srv))
	default:
		l := serve(t, srv)
		if buffer > 0 {
			l.SetBuffer(buffer)
		}
		p = raw(t, l)
	}
	if cfg.Compression.Mode == client.CompressionOff {
		wstest.Open(p, "/")
	} else {
		wstest.OpenDeflate(p, "/", takeover)
	}
	eventually(t, "the client", func() bool { return c.client() != nil })
	return srv, c.client(), &wire{t: t, p: p, joiner: wstest.Joiner{Inflater: p.Inflater}}
}

// narrow is reach in memory with a small buffer, inside of a bubble. Calls of the peer
// are bounded by hours.
func narrow(t *testing.T, buffer int, c *club, cfg wsserver.Config) (*wsserver.Server[*keen], *keen, *wire) {
	t.Helper()
	if cfg.PingInterval == 0 {
		cfg.PingInterval = -1
	}
	srv, k, w := reachOver(t, "memory", buffer, c, cfg)
	w.p.Timeout = 1000 * time.Hour
	synctest.Wait()
	return srv, k, w
}

// wire is what a peer sees, frame by frame. It does not answer anything.
type wire struct {
	t        *testing.T
	p        *wstest.Peer
	joiner   wstest.Joiner
	frames   []wstest.Frame // all that came
	messages []wstest.Message
	controls []wstest.Frame
	closed   *wstest.Frame
}

// step reads one frame; it returns what the connection says at its end.
func (w *wire) step() error {
	f, err := w.p.NextFrame()
	if err != nil {
		return err
	}
	w.frames = append(w.frames, f)
	switch {
	case w.closed != nil:
		w.t.Errorf("a frame with opcode %d behind the close frame", f.Op)
	case f.Op == wstest.OpClose:
		w.closed = &f
	case f.Op.IsControl():
		w.controls = append(w.controls, f)
	default:
		m, whole, err := w.joiner.Add(f)
		if err != nil {
			w.t.Fatalf("behind %d messages: %v", len(w.messages), err)
		}
		if whole {
			w.messages = append(w.messages, m)
		}
	}
	return nil
}

// message reads until the next message.
func (w *wire) message() wstest.Message {
	w.t.Helper()
	for n := len(w.messages); len(w.messages) == n; {
		if err := w.step(); err != nil || w.closed != nil {
			w.t.Fatalf("waiting for message %d: %v, close frame %v", n, err, w.closed)
		}
	}
	return w.messages[len(w.messages)-1]
}

// want reads a message, which must be this one.
func (w *wire) want(data string) {
	w.t.Helper()
	if m := w.message(); string(m.Data) != data {
		w.t.Fatalf("message of %d bytes %.40q, want %d bytes %.40q", len(m.Data), m.Data, len(data), data)
	}
}

// rest reads to the close frame and answers it, or to the end of the connection. It
// returns the code, 1006 for none.
func (w *wire) rest() int {
	w.t.Helper()
	for w.closed == nil {
		if err := w.step(); err != nil {
			return 1006
		}
	}
	code, reason := w.closed.CloseCode()
	_ = w.p.TryWrite(w.p.Encode(wstest.Close(code, reason)))
	return code
}

// drain reads to the very end, in the background; the channel is closed then.
func (w *wire) drain() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.rest()
		for w.step() == nil {
		}
	}()
	return done
}

// fileOf writes a file and returns its name.
func fileOf(t *testing.T, p []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// prose are n bytes of text that compresses well, and differs with seed.
func prose(seed, n int) string { return verse("worter und Worte number ", seed, n) }

// verse is text of n bytes that repeats words; it may end within a rune of them.
func verse(words string, seed, n int) string {
	b := make([]byte, 0, n+100)
	for i := 0; len(b) < n; i++ {
		b = append(b, words...)
		b = append(b, byte('a'+(i*7+seed)%26), byte('a'+(i/26+seed)%26), ' ')
	}
	return string(b[:n])
}

// source is a reader of which only Read can be seen.
type source struct{ io.Reader }

// sourceFunc is a reader that is a function.
type sourceFunc func(p []byte) (int, error)

func (f sourceFunc) Read(p []byte) (int, error) { return f(p) }

// closeCounter is a source that tells whether it was closed.
type closeCounter struct {
	io.Reader
	closes int
	err    error
}

func (c *closeCounter) Close() error { c.closes++; return c.err }

// no fails the test for an error.
func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// broken is the cause of an end that a stream has brought about.
func broken(t *testing.T, i client.CloseInfo, want error) {
	t.Helper()
	e, ok := errors.AsType[*client.StreamError](i.Cause)
	if !ok || i.Code != client.StatusInternalError || i.Remote || !errors.Is(e, want) {
		t.Errorf("it ends with %v, want 1011 and a StreamError of %v", i, want)
	}
}

var (
	_ client.ReadyToSendHandler = (*keen)(nil)
	_ client.DropHandler        = (*keen)(nil)
	_ net.Listener              = (*clienttest.Listener)(nil)
)
