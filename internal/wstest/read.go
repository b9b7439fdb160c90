package wstest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrBadFrame is wrapped by the errors that mean "the other side broke the
// rules", as opposed to those of the connection.
var ErrBadFrame = errors.New("wstest: bad frame")

// maxFrame bounds what a frame that is read may declare.
const maxFrame = 256 << 20

// ReadFrame reads one frame and unmasks it. It is strict with everything that a
// frame shows by itself: the mask bit must be as masked says, the length must
// have its shortest form, the opcode must not be reserved, control frames are
// final and carry at most 125 bytes, reserved bits must be in allowed.
func ReadFrame(r io.Reader, masked bool, allowed byte) (Frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	f := Frame{
		Op:       Opcode(head[0] & 15),
		More:     head[0]&0x80 == 0,
		RSV:      head[0] & 0x70,
		Unmasked: head[1]&0x80 == 0,
	}
	if err := f.check(masked, allowed); err != nil {
		return f, err
	}
	n, err := readLength(r, head[1]&0x7f, f.Op)
	if err != nil {
		return f, noEOF(err)
	}
	if !f.Unmasked {
		if _, err := io.ReadFull(r, f.Key[:]); err != nil {
			return f, noEOF(err)
		}
	}
	if f.Payload, err = readPayload(r, n); err != nil {
		return f, noEOF(err)
	}
	mask(f.Payload, f.Key)
	return f, nil
}

func (f Frame) check(masked bool, allowed byte) error {
	switch {
	case f.Unmasked == masked:
		return fmt.Errorf("%w: mask bit is %v", ErrBadFrame, !f.Unmasked)
	case f.RSV&^allowed != 0:
		return fmt.Errorf("%w: reserved bits %#x", ErrBadFrame, f.RSV)
	case f.RSV != 0 && (f.Op.IsControl() || f.Op == OpContinuation):
		return fmt.Errorf("%w: reserved bits %#x with opcode %d", ErrBadFrame, f.RSV, f.Op)
	case f.Op > OpPong, f.Op > OpBinary && f.Op < OpClose:
		return fmt.Errorf("%w: reserved opcode %d", ErrBadFrame, f.Op)
	case f.Op.IsControl() && f.More:
		return fmt.Errorf("%w: fragmented control frame", ErrBadFrame)
	}
	return nil
}

func readLength(r io.Reader, short byte, op Opcode) (uint64, error) {
	if short < 126 {
		return uint64(short), nil
	}
	size, least := 2, uint64(126)
	if short == 127 {
		size, least = 8, 1<<16
	}
	var ext [8]byte
	if _, err := io.ReadFull(r, ext[8-size:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint64(ext[:])
	switch {
	case op.IsControl():
		return 0, fmt.Errorf("%w: control frame of %d bytes", ErrBadFrame, n)
	case n < least:
		return 0, fmt.Errorf("%w: length %d in %d bytes", ErrBadFrame, n, size)
	case n > maxFrame:
		return 0, fmt.Errorf("%w: length %d", ErrBadFrame, n)
	}
	return n, nil
}

// readPayload allocates for what arrives, not for what was declared.
func readPayload(r io.Reader, n uint64) ([]byte, error) {
	if n <= 64<<10 {
		p := make([]byte, n)
		_, err := io.ReadFull(r, p)
		return p, err
	}
	var buf bytes.Buffer
	_, err := io.CopyN(&buf, r, int64(n))
	return buf.Bytes(), err
}

// noEOF keeps io.EOF for a stream that ends between two frames.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
