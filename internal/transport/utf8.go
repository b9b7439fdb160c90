package transport

import "unicode/utf8"

// utf8Check validates text that comes in pieces and tells as soon as it can not
// become valid any more.
type utf8Check struct {
	part [utf8.UTFMax]byte // a rune that is not complete yet
	n    uint8             // bytes in part
}

// add takes the next piece.
func (u *utf8Check) add(p []byte) bool {
	for u.n > 0 && len(p) > 0 {
		u.part[u.n] = p[0]
		u.n++
		p = p[1:]
		if utf8.FullRune(u.part[:u.n]) {
			if !utf8.Valid(u.part[:u.n]) {
				return false
			}
			u.n = 0
		}
	}
	tail := len(p)
	for i := 1; i <= min(len(p), utf8.UTFMax-1); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			// FullRune is true for an invalid start too, which Valid then refuses.
			if !utf8.FullRune(p[len(p)-i:]) {
				tail = len(p) - i
			}
			break
		}
	}
	if tail < len(p) {
		u.n = uint8(copy(u.part[:], p[tail:]))
	}
	return utf8.Valid(p[:tail])
}

// done reports whether the text may end here.
func (u *utf8Check) done() bool { return u.n == 0 }

// addMasked is add for a piece at position pos of a masked payload.
func (u *utf8Check) addMasked(h header, p []byte, pos int64) bool {
	var plain [1024]byte
	for len(p) > 0 {
		n := min(len(p), len(plain))
		h.unmask(plain[:n], p[:n], pos)
		if !u.add(plain[:n]) {
			return false
		}
		p, pos = p[n:], pos+int64(n)
	}
	return true
}
