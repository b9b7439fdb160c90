package deflate

// minWindowCap keeps a connection that sends little from paying for a whole
// window.
const minWindowCap = 512

// A window is the plaintext that the next message may refer to: the last size
// bytes of what went by. The zero value keeps nothing.
type window struct {
	buf  []byte // oldest first; grows to size and never beyond
	size int    // bytes
}

// extend appends p and forgets what is now too far back.
func (w *window) extend(p []byte) {
	if w.size == 0 {
		return // not even a write: it may be shared
	}
	if len(p) > w.size {
		p = p[len(p)-w.size:]
	}
	if drop := len(w.buf) + len(p) - w.size; drop > 0 {
		w.buf = w.buf[:copy(w.buf, w.buf[drop:])]
	}
	w.reserve(len(w.buf) + len(p))
	w.buf = append(w.buf, p...)
}

// reserve makes room for n bytes in total; n is at most size. The capacity is
// doubled, so that it ends at exactly size, a power of two.
func (w *window) reserve(n int) {
	if n <= cap(w.buf) {
		return
	}
	c := max(cap(w.buf), min(minWindowCap, w.size))
	for c < n {
		c *= 2
	}
	w.buf = append(make([]byte, 0, c), w.buf...)
}
