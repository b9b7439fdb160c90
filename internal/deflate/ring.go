package deflate

import "encoding/binary"

// maxWindow is how far back a distance reaches, in bytes.
const maxWindow = 1 << maxBits

// ringBytes are those of a ring, and 8 more, so that copy8 needs no bounds check.
type ringBytes [maxWindow + 8]byte

// copy8 copies eight bytes. They lie within the ring.
func (b *ringBytes) copy8(to, from int) {
	to, from = to&(maxWindow-1), from&(maxWindow-1)
	binary.LittleEndian.PutUint64(b[to:to+8], binary.LittleEndian.Uint64(b[from:from+8]))
}

// A ring is the last 32 KiB of plaintext: what the message may refer to, and
// at its end what was not handed out yet. Before it is overwritten it is handed
// out, so pos never passes the end of buf without a stop.
//
// All positions are in buf. Those in the past move 32 KiB down each time pos
// starts anew, and then stay at one whole ring back, where every distance is
// allowed.
type ring struct {
	buf   ringBytes
	pos   int // of the next byte
	out   int // up to here everything was handed out
	low   int // of the oldest byte that may be referred to
	start int // of the message
}

// begin forgets everything but history, at most 32 KiB.
func (r *ring) begin(history []byte) {
	n := copy(r.buf[:maxWindow], history)
	r.pos, r.out, r.low, r.start = n, n, 0, n
}

// wrap starts anew if the ring is full.
func (r *ring) wrap() {
	if r.pos == maxWindow {
		r.pos, r.out = 0, 0
		r.low = max(r.low, 0) - maxWindow
		r.start = max(r.start, 0) - maxWindow
	}
}

// piece hands out what was not, up to the next write.
func (r *ring) piece() []byte {
	p := r.buf[r.out:r.pos]
	r.out = r.pos
	r.wrap()
	return p
}

// forget leaves n bytes that may be referred to.
func (r *ring) forget(n int) { r.low = max(r.low, r.pos-n) }

// room is how many bytes can be written until the ring is full.
func (r *ring) room() int { return maxWindow - r.pos }

// put writes one byte. There must be room.
func (r *ring) put(c byte) {
	r.buf[r.pos] = c
	r.pos++
}

// reaches reports whether there is a byte so far back.
func (r *ring) reaches(distance int) bool { return distance <= r.pos-r.low }

// copyBack writes length bytes at pos from distance before it, and returns the
// position behind them. There must be room, and the source must not go over the
// end of buf. It does not set r.pos.
func (r *ring) copyBack(pos, distance, length int) int {
	end := pos + length
	from := pos - distance
	if from < 0 {
		// The source lies behind the destination; no byte of it was written
		// anew when its turn comes.
		copy(r.buf[pos:end], r.buf[from+maxWindow:maxWindow])
		return end
	}
	for pos < end { // what was copied is repeated as well
		pos += copy(r.buf[pos:end], r.buf[from:pos])
	}
	return end
}

// keep extends w by the message.
func (r *ring) keep(w *window) {
	n := min(r.pos-r.start, w.size)
	if before := n - r.pos; before > 0 {
		w.extend(r.buf[maxWindow-before : maxWindow])
		n = r.pos
	}
	w.extend(r.buf[r.pos-n : r.pos])
}
