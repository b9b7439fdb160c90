package transport

import (
	"math/bits"
	"sync"
)

// Input buffers are borrowed only while there is input. A connection that gets
// large frames asks for the larger class at once.
const (
	smallInput = 16 << 10
	largeInput = maxWhole + 1<<10 // a whole frame of maxWhole with its header
)

// hugeInputs are for frames above maxWhole: each class is twice the one before, the last
// of 4 MiB. A buffer grows from one to the next, so that it is never more than twice what
// came.
var hugeInputs [6]sync.Pool

var (
	smallInputs = sync.Pool{New: func() any { b := make([]byte, smallInput); return &b }}
	largeInputs = sync.Pool{New: func() any { b := make([]byte, largeInput); return &b }}
	smallCorks  = sync.Pool{New: func() any { return &cork{b: make([]byte, 0, smallCork)} }}
	corks       = sync.Pool{New: func() any { return &cork{b: make([]byte, 0, corkLimit+corkLimit/2)} }}
	plains      = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}
)

// maxPooled is the largest buffer that goes back to a pool of varying sizes.
const maxPooled = 64 << 10

func getInput(large bool) *[]byte {
	if large {
		return largeInputs.Get().(*[]byte)
	}
	return smallInputs.Get().(*[]byte)
}

// getHuge returns a buffer of n bytes, which is twice a large one or a huge one.
func getHuge(n int) *[]byte {
	if i := hugeClass(n); i >= 0 {
		if b, ok := hugeInputs[i].Get().(*[]byte); ok {
			return b
		}
	}
	b := make([]byte, n)
	return &b
}

// hugeClass is the class of buffers of n bytes, -1 if there is none.
func hugeClass(n int) int {
	i := bits.Len(uint(n/largeInput)) - 2
	if i < 0 || i >= len(hugeInputs) || n != largeInput<<(i+1) {
		return -1
	}
	return i
}

func putInput(b *[]byte) {
	switch n := cap(*b); {
	case n == smallInput:
		smallInputs.Put(b)
	case n == largeInput:
		largeInputs.Put(b)
	case hugeClass(n) >= 0:
		hugeInputs[hugeClass(n)].Put(b)
	}
}

// smallCork is enough for most that wait for company: they may be as many as there are
// connections.
const smallCork = 1 << 10

// cork is where frames gather, with the sizes of the messages in it.
type cork struct {
	b     []byte
	sizes tally
}

// isData tells the frame of a message from a control frame.
func isData(frame []byte) bool { return len(frame) > 0 && frame[0]&opClose == 0 }

// getCork returns room for n bytes, which may grow.
func getCork(n int) *cork {
	if n <= smallCork {
		return smallCorks.Get().(*cork)
	}
	return corks.Get().(*cork)
}

// putCork gives b back, whose sizes were told.
func putCork(b *cork) {
	switch {
	case b == nil || cap(b.b) > maxPooled:
	case cap(b.b) == smallCork:
		b.b = b.b[:0]
		smallCorks.Put(b)
	default:
		b.b = b.b[:0]
		corks.Put(b)
	}
}

func putPlain(b *[]byte) {
	if cap(*b) <= maxPooled {
		*b = (*b)[:0]
		plains.Put(b)
	}
}
