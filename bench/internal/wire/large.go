package wire

import "encoding/binary"

// Large is one binary message of any length, in one frame, that is made while it is
// sent. It says marks and zeros, see [CheckMarks].
type Large struct {
	size, off int64
	head      []byte // until it is sent
	block     []byte
}

// Reset begins a message of size bytes.
func (l *Large) Reset(size int64) {
	l.size, l.off = size, 0
	l.head = append(l.head[:0], finBit|OpBinary, maskBit|127)
	l.head = binary.BigEndian.AppendUint64(l.head, uint64(size))
	l.head = append(l.head, maskKey[:]...)
	if l.block != nil {
		return
	}
	l.block = make([]byte, MarkEvery)
	for i := range l.block {
		l.block[i] = maskKey[i&3]
	}
}

// Next returns the next bytes to send, nil at the end. They are valid until it is
// called again.
func (l *Large) Next() []byte {
	if len(l.head) > 0 {
		head := l.head
		l.head = l.head[:0]
		return head
	}
	b := l.block[:min(l.size-l.off, MarkEvery)]
	for i, c := range Mark(l.off / MarkEvery)[:min(len(b), markSize)] {
		b[i] = c ^ maskKey[i&3]
	}
	l.off += int64(len(b))
	if len(b) == 0 {
		return nil
	}
	return b
}
