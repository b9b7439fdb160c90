package soak

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"time"

	"github.com/icsws/icsws/client"
)

// anyone is a client that does what its peer, and the program, ask of it.
type anyone struct{ guest }

// What a peer may ask for: the first byte of its message.
const (
	askEcho   = 'e'
	askFlood  = 'f' // many messages from another goroutine
	askTry    = 't' // likewise, with TrySend
	askStream = 's' // one message in pieces
	askPause  = 'p' // not to be read for a while
	askJoin   = 'j'
	askLeave  = 'l'
	askClose  = 'c'
	askFlush  = 'k' // CloseAfterFlush
	askAbort  = 'a'
	askPanic  = 'x'
	askPolicy = 'q' // another queue
	askRate   = 'b' // a bandwidth limit
)

// sealed is a message of the server: kind, checksum, content.
func sealed(kind byte, content []byte) []byte {
	b := make([]byte, 5, 5+len(content))
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], crc32.ChecksumIEEE(content))
	return append(b, content...)
}

// unsealed returns the content, or says what is wrong.
func unsealed(b []byte) ([]byte, error) {
	if len(b) < 5 || binary.BigEndian.Uint32(b[1:]) != crc32.ChecksumIEEE(b[5:]) {
		return nil, fmt.Errorf("%d bytes that are not what was sent: %.40x", len(b), b)
	}
	return b[5:], nil
}

func (c *anyone) OnMessage(m client.Message) error {
	defer c.event("OnMessage")()
	if len(m.Data) < 4 {
		c.house.add("a message of %d bytes", len(m.Data))
		return nil
	}
	n := int(binary.BigEndian.Uint16(m.Data[1:]))
	switch m.Data[0] {
	case askEcho:
		_ = c.SendBinary(sealed('E', m.Data[3:]))
	case askFlood:
		c.house.start(func() { c.flood(n) })
	case askTry:
		c.house.start(func() { c.try(n) })
	case askStream:
		c.house.start(func() { c.stream(uint32(n), n*16) })
	case askPause:
		_ = c.SetAcceptData(false)
		if !c.house.start(func() { c.house.nap(time.Duration(n) * time.Millisecond); _ = c.SetAcceptData(true) }) {
			_ = c.SetAcceptData(true)
		}
	case askJoin:
		_ = c.house.srv.Group(room(n)).Join(c)
	case askLeave:
		c.house.srv.Group(room(n)).Leave(c)
	case askClose:
		_ = c.Close(client.StatusCode(4000+n%10), "asked for")
	case askFlush:
		_ = c.CloseAfterFlush(client.StatusCode(4000+n%10), "asked for")
	case askAbort:
		c.Abort()
	case askPanic:
		panic(wantedPanic)
	case askPolicy:
		q := client.SendQueue{MaxBytes: 128 << 10, Policy: client.QueuePolicy(1 + n%5), BlockTimeout: 50 * time.Millisecond}
		return c.SetSendQueue(q)
	case askRate:
		return c.SetBandwidthLimit(100_000 + 100*n)
	default:
		c.house.add("a message that begins with %x", m.Data[:3])
	}
	return nil
}

func room(n int) string { return fmt.Sprintf("room %d", n%8) }

// The optional events are there to be watched.

func (c *anyone) OnPing([]byte) error         { defer c.event("OnPing")(); return nil }
func (c *anyone) OnPong([]byte) error         { defer c.event("OnPong")(); return nil }
func (c *anyone) OnReadyToSend() error        { defer c.event("OnReadyToSend")(); return nil }
func (c *anyone) OnDropped(client.Drop) error { defer c.event("OnDropped")(); return nil }

// nap sleeps, but not beyond the end of the house.
func (h *house) nap(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-h.stopping:
	}
}

// flood sends n messages as fast as it may.
func (c *anyone) flood(n int) {
	r := rand.New(rand.NewPCG(uint64(c.ID()), seed))
	for range n {
		at := r.IntN(len(binaryPool) / 2)
		err := c.SendBinary(sealed('F', binaryPool[at:at+r.IntN(8<<10)]))
		if err != nil && !errors.Is(err, client.ErrQueueFull) {
			return
		}
	}
}

// try sends n messages, each when there is room.
func (c *anyone) try(n int) {
	m := client.Binary(sealed('F', binaryPool[:4<<10]))
	for i := 0; i < n; {
		switch err := c.TrySend(m); {
		case err == nil:
			i++
		case !errors.Is(err, client.ErrWouldBlock):
			return
		}
		ctx, cancel := context.WithTimeout(c.Context(), time.Second)
		err := c.WaitWritable(ctx)
		cancel()
		if err != nil {
			return
		}
	}
}

// stream sends one message in pieces, from a reader or through a writer.
func (c *anyone) stream(of uint32, size int) {
	head := binary.BigEndian.AppendUint32([]byte{'S'}, of)
	body := io.MultiReader(bytes.NewReader(head), &randomBytes{PCG: rand.NewPCG(uint64(of), 7), left: size})
	if of%2 == 0 {
		_ = c.SendReader(context.Background(), client.OpBinary, body)
		return
	}
	w := c.Writer(client.OpBinary)
	if _, err := io.Copy(struct{ io.Writer }{w}, body); err != nil {
		w.Abort(err)
		return
	}
	_ = w.Close()
}

// randomBytes is a reader of bytes that follow from their seed, in short reads.
type randomBytes struct {
	*rand.PCG
	left int
	rest []byte
}

func (r *randomBytes) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(r.rest) == 0 {
		for range 512 {
			r.rest = binary.LittleEndian.AppendUint64(r.rest, r.Uint64())
		}
	}
	n := copy(p[:min(len(p), r.left)], r.rest)
	r.rest, r.left = r.rest[n:], r.left-n
	return n, nil
}

// upload gets messages of any size in pieces, checks them as they come, and answers
// with their length.
type upload struct {
	guest
	head []byte
	want *randomBytes
	size int
}

func (c *upload) OnMessage(client.Message) error { return nil }

func (c *upload) OnFragment(f client.Fragment) error {
	defer c.event("OnFragment")()
	b := f.Data
	if f.First {
		c.head, c.want, c.size = nil, nil, 0
	}
	c.size += len(b)
	if n := min(4-len(c.head), len(b)); n > 0 {
		c.head, b = append(c.head, b[:n]...), b[n:]
	}
	if len(c.head) == 4 && c.want == nil {
		c.want = &randomBytes{PCG: rand.NewPCG(uint64(binary.BigEndian.Uint32(c.head)), 9), left: 1 << 30}
	}
	if len(b) > 0 {
		want := make([]byte, len(b))
		if _, err := io.ReadFull(c.want, want); err != nil || !bytes.Equal(b, want) {
			c.house.add("an upload is not what was sent, at most %d bytes before its byte %d", len(b), c.size)
			return errors.New("corrupt")
		}
	}
	if f.Final {
		_ = c.SendBinary(sealed('U', binary.BigEndian.AppendUint32(nil, uint32(c.size))))
	}
	return nil
}
