package deflate

import "sync"

const (
	// maxBlock is how much plaintext goes into one block. Stored blocks hold
	// up to 65535 bytes, so each block can also be sent as it is.
	maxBlock = 32 << 10

	// maxCarry is how much of the plaintext before a block is searched for
	// matches, so it is also the most that a connection keeps for it.
	maxCarry = 8 << 10
)

// An encoder is the scratch memory of one compression. It has no state between
// two blocks, so one pool serves all connections.
type encoder struct {
	matcher
	lit huffman // literals, end of block and lengths
	dst huffman // distances
	cl  huffman // the code lengths of the other two

	header blockHeader
}

var encoders = sync.Pool{New: func() any { return newEncoder() }}

func newEncoder() *encoder {
	e := new(encoder)
	e.lit.init(numLit, longestWord)
	e.dst.init(numDist, longestWord)
	e.cl.init(numCL, maxCLLen)
	return e
}

// appendWindowed compresses msg, of which the receiver already has hist, with
// no distance above maxDist.
func appendWindowed(dst, hist, msg []byte, maxDist int) []byte {
	e := encoders.Get().(*encoder)
	w := bitWriter{out: dst}
	carry := min(maxDist, maxCarry)
	for done := 0; done < len(msg); {
		n := min(len(msg)-done, maxBlock)
		start := e.load(hist, msg, done, n, carry)
		e.tokenize(start, start+n, maxDist)
		e.writeBlock(&w, start, start+n)
		done += n
	}
	encoders.Put(e)
	return w.sync()
}

// load puts msg[done:done+n] into buf, behind at most carry bytes of what comes
// before it in hist and msg. It returns where the block starts.
func (e *encoder) load(hist, msg []byte, done, n, carry int) (start int) {
	if done < carry {
		start = copy(e.buf[:], hist[max(0, len(hist)+done-carry):])
	}
	return start + copy(e.buf[start:], msg[max(0, done-carry):done+n]) - n
}
