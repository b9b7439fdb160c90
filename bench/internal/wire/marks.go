package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// MarkEvery is the distance of the marks in a large file or message, in bytes. All
// else in it is zero, so that a file may be sparse.
const MarkEvery = 1 << 20

const markSize = 8

var zeros [64 << 10]byte

// Mark is what stands at offset i×[MarkEvery].
func Mark(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i+1)) }

// CheckMarks compares p, which begins at offset off, with marks and zeros: a piece
// that is missing, doubled or out of order is an error.
func CheckMarks(p []byte, off int64) error {
	for len(p) > 0 {
		var want []byte
		switch at := off % MarkEvery; {
		case at < markSize:
			want = Mark(off / MarkEvery)[at:]
		default:
			want = zeros[:min(MarkEvery-at, int64(len(zeros)))]
		}
		n := min(len(want), len(p))
		if !bytes.Equal(p[:n], want[:n]) {
			return fmt.Errorf("%w: wrong bytes at offset %d", ErrReply, off)
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}
