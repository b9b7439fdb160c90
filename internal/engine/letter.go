package engine

import (
	"sync"

	"github.com/icsws/icsws/client"
)

// letter is one thing that has come for a client.
type letter struct {
	next         *letter
	kind         kind
	op           client.Opcode
	first, final bool   // of a fragment
	cut          bool   // a part of it was delivered as a record
	isLent       bool   // data is the reader's, who waits
	done         bool   // isLent: the reader may go on
	cost         int    // what it counts
	data         []byte // what is left of it
	buf          []byte // its own memory
}

const (
	// letterCost is what a letter counts beside its memory for data.
	letterCost = 128
	// copyLimit is the longest data that is copied. Of more the reader waits for the
	// event: that costs less than a copy, and not so much memory twice.
	copyLimit = 16 << 10
)

// letters are the pools of letters with memory for up to 64, 256, 1024, 4096 and 16384
// bytes.
var letters [5]sync.Pool

func letterClass(n int) (class int) {
	for 64<<(2*class) < n {
		class++
	}
	return class
}

// take returns a letter like l with a copy of data.
func (l letter) take(data []byte) *letter {
	class := letterClass(len(data))
	n, _ := letters[class].Get().(*letter)
	if n == nil {
		n = &letter{buf: make([]byte, 64<<(2*class))}
	}
	l.buf = n.buf
	l.data = l.buf[:copy(l.buf, data):len(data)]
	l.cost = letterCost + len(l.buf)
	*n = l
	return n
}

// lent returns a letter like l around data. It is not from the pool and not given there:
// two may look at it when it is done.
func (l letter) lent(data []byte) *letter {
	l.data, l.cost, l.isLent = data, letterCost, true
	return &l
}

// free ends the use of a letter with a copy.
func (l *letter) free() {
	*l = letter{buf: l.buf}
	letters[letterClass(len(l.buf))].Put(l)
}
