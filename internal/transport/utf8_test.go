package transport

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// The bytes at which UTF-8 changes its mind (RFC 3629 section 4).
var turningPoints = []byte{
	0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
	0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
}

// eachSequence calls f with all sequences of up to n turning points. f must not
// keep p; it returns false to pass over all that begin with p.
func eachSequence(n int, f func(p []byte) bool) {
	var walk func(p []byte)
	walk = func(p []byte) {
		if !f(p) || len(p) == n {
			return
		}
		for _, c := range turningPoints {
			walk(append(p, c))
		}
	}
	walk(make([]byte, 0, n))
}

// TestEverySplitOfText: pieces are judged as the whole is. R-07
func TestEverySplitOfText(t *testing.T) {
	n := 4
	if raceEnabled || testing.Short() {
		n = 3
	}
	eachSequence(n, func(p []byte) bool {
		for cuts := range 1 << max(len(p)-1, 0) {
			var u utf8Check
			ok, from := true, 0
			for i := range p {
				if i+1 == len(p) || cuts>>i&1 != 0 {
					ok = ok && u.add(p[from:i+1])
					from = i + 1
				}
			}
			if ok && u.done() != utf8.Valid(p) || !ok && utf8.Valid(p) {
				t.Fatalf("% x in pieces %b: add %v, done %v; utf8.Valid %v", p, cuts, ok, u.done(), utf8.Valid(p))
			}
		}
		return true
	})
}

// becomesText reports whether p is the beginning of some UTF-8 text.
func becomesText(p []byte) bool {
	if utf8.Valid(p) {
		return true
	}
	tails := []byte{0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf}
	for _, a := range tails {
		q := append(slices.Clone(p), a)
		if utf8.Valid(q) || utf8.Valid(append(q, 0x80)) || utf8.Valid(append(q, 0x80, 0x80)) {
			return true
		}
	}
	return false
}

// TestFirstImpossibleByteOfText: it is refused, and none before it.
func TestFirstImpossibleByteOfText(t *testing.T) {
	n := 4
	if raceEnabled || testing.Short() {
		n = 3
	}
	eachSequence(n, func(p []byte) bool {
		if len(p) == 0 {
			return true
		}
		var u utf8Check
		for i := range len(p) - 1 {
			if !u.add(p[i : i+1]) {
				t.Fatalf("% x is refused at byte %d", p, i)
			}
		}
		got, want := u.add(p[len(p)-1:]), becomesText(p)
		if got != want {
			t.Fatalf("last byte of % x: %v, want %v", p, got, want)
		}
		return got
	})
}

func TestLongTextInRandomPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	runes := []rune("aé€𝄞\u07ff\u0800\uffff\U00010000\U0010ffff")
	for range 200 {
		var text []byte
		for range 1 + rnd.IntN(2000) {
			text = utf8.AppendRune(text, runes[rnd.IntN(len(runes))])
		}
		bad := -1
		if rnd.IntN(2) == 0 {
			bad = rnd.IntN(len(text))
			text[bad] = 0xff
		}
		h := header{mask: rnd.Uint32()}
		masked := make([]byte, len(text))
		h.unmask(masked, text, 0)
		var u utf8Check
		for at := 0; at < len(text); {
			n := min(1+rnd.IntN(1500), len(text)-at)
			ok := u.addMasked(h, masked[at:at+n], int64(at))
			if want := bad < 0 || bad >= at+n; ok != want {
				t.Fatalf("bytes %d to %d with byte %d bad: %v", at, at+n, bad, ok)
			}
			if !ok {
				break
			}
			at += n
		}
		if bad < 0 && !u.done() {
			t.Fatal("whole text is not done")
		}
	}
}
