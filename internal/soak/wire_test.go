package soak

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/wstest"
)

// First byte of a frame (RFC 6455 section 5.2).
const (
	fin  = 0x80
	rsv1 = 0x40

	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// patience bounds every single wait of a client.
const patience = 60 * time.Second

var lane atomic.Uint32

// dial connects to addr. On Linux, where all of 127.0.0.0/8 is this machine, each
// call comes from another address, so that no run is short of ports.
func dial(addr string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: patience}
	if runtime.GOOS == "linux" {
		n := lane.Add(1)
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, byte(n/200)%4, byte(2+n%200))}
	}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn), nil
}

// request is a handshake; offer is that of permessage-deflate, or empty.
func request(target, offer string) []byte {
	r := wstest.Upgrade(target)
	if offer != "" {
		r = r.With("Sec-WebSocket-Extensions: " + offer)
	}
	return r.Bytes()
}

var errNotUpgraded = errors.New("the handshake was refused")

// upgraded reads the answer to a handshake.
func upgraded(br *bufio.Reader) (*wstest.Agreement, error) {
	r := textproto.NewReader(br)
	line, err := r.ReadLine()
	if err != nil {
		return nil, err
	}
	h, err := r.ReadMIMEHeader()
	switch {
	case err != nil:
		return nil, err
	case line != "HTTP/1.1 101 Switching Protocols":
		return nil, fmt.Errorf("%w: %s", errNotUpgraded, line)
	case h.Get("Sec-WebSocket-Accept") != wstest.SampleAccept:
		return nil, fmt.Errorf("%w is %q", errBadFrame, h.Get("Sec-WebSocket-Accept"))
	}
	return wstest.ParseAgreement(http.Header(h))
}

// appendFrame appends a masked frame.
func appendFrame(dst []byte, first byte, key uint32, payload []byte) []byte {
	dst = appendHead(dst, first, len(payload))
	dst = binary.LittleEndian.AppendUint32(dst, key)
	at := len(dst)
	dst = append(dst, payload...)
	xor(dst[at:], key)
	return dst
}

// appendHead appends a header that says masked, without the key.
func appendHead(dst []byte, first byte, n int) []byte {
	switch {
	case n <= 125:
		return append(dst, first, 0x80|byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, first, 0x80|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 0x80|127), uint64(n))
}

// xor masks or unmasks b, which begins its payload.
func xor(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:])^wide)
	}
	for ; i < len(b); i++ {
		b[i] ^= byte(wide >> (8 * uint(i&7)))
	}
}

// errBadFrame is wrapped where the server broke the rules.
var errBadFrame = errors.New("bad answer")

// frame is one that the server sent.
type frame struct {
	first   byte
	payload []byte
}

func (f frame) op() byte { return f.first & 0x0f }

// maxAnswer bounds what is believed of a length.
const maxAnswer = 1 << 26

// readFrame reads a frame of the server, strictly. The payload is in buf, if that is
// large enough.
func readFrame(br *bufio.Reader, buf []byte) (f frame, err error) {
	var h [8]byte
	if _, err := io.ReadFull(br, h[:2]); err != nil {
		return f, err
	}
	f.first = h[0]
	n, code := uint64(h[1]), h[1]
	switch code {
	case 126:
		if _, err = io.ReadFull(br, h[:2]); err != nil {
			return f, broken(err)
		}
		n = uint64(binary.BigEndian.Uint16(h[:]))
	case 127:
		if _, err = io.ReadFull(br, h[:]); err != nil {
			return f, broken(err)
		}
		n = binary.BigEndian.Uint64(h[:])
	}
	if err := f.check(code, n); err != nil {
		return f, err
	}
	if uint64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	f.payload = buf[:n]
	if _, err := io.ReadFull(br, f.payload); err != nil {
		return f, broken(err)
	}
	return f, nil
}

// broken is the error of a stream that ends inside a frame.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// check judges a header; code is its second byte.
func (f frame) check(code byte, n uint64) error {
	op := f.op()
	switch {
	case code&0x80 != 0:
		return fmt.Errorf("%w: masked", errBadFrame)
	case code == 126 && n < 126, code == 127 && n <= 0xffff:
		return fmt.Errorf("%w: length %d is not in its shortest form", errBadFrame, n)
	case op > opBinary && op < opClose || op > opPong:
		return fmt.Errorf("%w: opcode %#x", errBadFrame, op)
	case f.first&0x30 != 0:
		return fmt.Errorf("%w: reserved bits in %#x", errBadFrame, f.first)
	case op >= opClose && (n > 125 || f.first&0xf0 != fin):
		return fmt.Errorf("%w: control frame %#x of %d bytes", errBadFrame, f.first, n)
	case n > maxAnswer:
		return fmt.Errorf("%w: frame of %d bytes", errBadFrame, n)
	}
	return nil
}

// closeCode is the code of the payload of a close frame: 1005 for none.
func closeCode(p []byte) int {
	if len(p) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(p))
}

// reset ends a connection so that no port waits for it.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
