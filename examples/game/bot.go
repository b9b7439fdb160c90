package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
)

// bot is a pilot that is none: it plays over a WebSocket as everybody else does, from the
// other end. It has as much of RFC 6455 as that takes.
type bot struct {
	conn net.Conn
	r    *bufio.Reader
	rnd  *rand.Rand
	in   []byte // the memory of the last message
	see  *picture
	hello
	input
}

// playBot plays until ctx ends, or the game does.
func playBot(ctx context.Context, addr, name string, seed uint64) error {
	b, err := dialBot(ctx, addr, name, seed)
	if err != nil {
		return err
	}
	defer b.conn.Close()
	defer context.AfterFunc(ctx, func() { b.conn.Close() })()
	for err == nil {
		err = b.turn()
	}
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// dialBot connects and has the game say hello.
func dialBot(ctx context.Context, addr, name string, seed uint64) (*bot, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	b := &bot{conn: conn, r: bufio.NewReaderSize(conn, 1<<10), rnd: rand.New(rand.NewPCG(seed, 1)), see: newPicture()}
	_, err = fmt.Fprintf(conn, "GET /play?name=%s&bot=1 HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", name, addr)
	if err == nil {
		err = b.open()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return b, nil
}

func (b *bot) open() error {
	res, err := http.ReadResponse(b.r, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the game answers %s", res.Status)
	}
	m, err := b.read()
	if err != nil {
		return err
	}
	b.hello, err = readHello(m)
	return err
}

// turn reads one message and may answer it with an input.
func (b *bot) turn() error {
	m, err := b.read()
	if err != nil {
		return err
	}
	if err := b.see.take(m); err != nil {
		return err
	}
	if b.rnd.IntN(6) > 0 { // a few times a second is enough
		return nil
	}
	b.think()
	return b.write(0x2, b.input.append(nil))
}

// think steers to the next spark, more or less.
func (b *bot) think() {
	me, best := b.see.bodies[b.slot], math.Inf(1)
	b.number++
	b.power = 255
	for _, o := range b.see.bodies {
		dx, dy := float64(o.x)-float64(me.x), float64(o.y)-float64(me.y)
		if d := math.Hypot(dx, dy); o.kind == spark && d < best {
			best = d
			b.heading = byte(int(math.Atan2(dy, dx)*128/math.Pi) + b.rnd.IntN(17) - 8)
		}
	}
}

// read returns the next message. What it gets is never fragmented.
func (b *bot) read() ([]byte, error) {
	for {
		op, p, err := b.frame()
		switch {
		case err != nil:
			return nil, err
		case op == 0x8:
			return nil, io.EOF
		case op == 0x9:
			if err := b.write(0xA, p); err != nil {
				return nil, err
			}
		case op == 0x2:
			return p, nil
		}
	}
}

// frame reads a frame (RFC 6455 section 5.2).
func (b *bot) frame() (op byte, p []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(b.r, head[:2]); err != nil {
		return 0, nil, err
	}
	op, n := head[0]&0xf, uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(b.r, head[6:])
		n = uint64(binary.BigEndian.Uint16(head[6:]))
	case 127:
		_, err = io.ReadFull(b.r, head[:])
		n = binary.BigEndian.Uint64(head[:])
	}
	if err != nil || n > 1<<20 {
		return 0, nil, errors.Join(err, errWire)
	}
	if uint64(cap(b.in)) < n {
		b.in = make([]byte, n)
	}
	p = b.in[:n]
	_, err = io.ReadFull(b.r, p)
	return op, p, err
}

// write writes a short frame. The key of all zeros masks nothing, which is fine for
// bytes that no proxy could take for something else.
func (b *bot) write(op byte, p []byte) error {
	f := append([]byte{0x80 | op, 0x80 | byte(len(p)), 0, 0, 0, 0}, p...)
	_, err := b.conn.Write(f)
	return err
}
