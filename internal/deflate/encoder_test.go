package deflate

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// The scratch memory that all connections share still has what was there before.
func TestResultDependsOnTheMessageAlone(t *testing.T) {
	dirty := [][]byte{make([]byte, 40<<10), jsonLike(40<<10, 3), randomBytes(9, 40<<10)}
	for _, p := range []Params{{}, {ServerTakeover: true, ServerBits: 12}} {
		c, other := NewCompressor(p, 1), NewCompressor(Params{ServerBits: 12}, 1)
		c.Extend(jsonLike(1000, 7))
		for n := range 300 {
			msg := jsonLike(20+n, 1)
			var want []byte
			for i, d := range dirty {
				mustCompress(t, other, d)
				got := mustCompress(t, c, msg)
				if i > 0 && !bytes.Equal(got, want) {
					t.Fatalf("%+v: %d bytes became %d, then %d, or others", p, len(msg), len(want), len(got))
				}
				want = got
			}
		}
	}
}

func TestLevelChoosesTheEncoder(t *testing.T) {
	for _, tt := range []struct {
		p     Params
		level int
		from  int // bytes; those of flate
	}{
		{Params{}, 0, 32<<10 + 1},
		{Params{}, 1, 32<<10 + 1},
		{Params{}, 2, 128},
		{Params{ServerBits: 15}, 9, 128},
		{Params{ServerBits: 14}, 9, 0},
		{Params{ServerTakeover: true}, 9, 0},
	} {
		c := NewCompressor(tt.p, tt.level)
		for _, n := range []int{1, 127, 128, 1000, 32 << 10, 32<<10 + 1, 1 << 20} {
			if got := c.usesPool(make([]byte, n)); got != (tt.from > 0 && n >= tt.from) {
				t.Errorf("%+v, level %d: flate for %d bytes: %v", tt.p, tt.level, n, got)
			}
		}
	}
}

// No code is made for a block that is noise. Whatever a code makes noticeably shorter
// must not be taken for it.
func TestNoiseIsRecognised(t *testing.T) {
	for seed := range uint64(20) {
		for _, n := range []int{300, 1000, 5000, maxBlock} {
			text := func(p []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(p))[:n] }
			seven := randomBytes(seed, n)
			for i := range seven {
				seven[i] &= 0x7f
			}
			for _, tt := range []struct {
				name  string
				block []byte
				noise bool
			}{
				{"random", randomBytes(seed, n), true},
				{"seven bits", seven, false},
				{"base64", text(randomBytes(seed, n)), false},
				{"repeated", bytes.Repeat(randomBytes(seed, n/10), 10)[:n/10*10], false},
				{"json", jsonLike(n, int(seed)), false},
			} {
				e := newEncoder()
				copy(e.buf[:], tt.block)
				e.tokenize(0, len(tt.block), maxWindow)
				e.lit.findUsed()
				if got := e.noise(len(tt.block)); got != tt.noise {
					t.Errorf("%d bytes, %s: %v", n, tt.name, got)
				}
			}
		}
	}
}

// The tokens of a block stand for it, and their number and that of their extra bits
// are right.
func TestSequencesStandForTheBlock(t *testing.T) {
	for i, msg := range conversation() {
		if len(msg) > maxBlock {
			continue
		}
		for _, start := range []int{0, 1, 7, 5000} {
			e := newEncoder()
			history := jsonLike(start, 3)
			copy(e.buf[copy(e.buf[:], history):], msg)
			e.tokenize(start, start+len(msg), maxWindow)
			out, tokens, extra := history, 0, 0
			for i, s := range e.sequences[:e.n+1] {
				out = append(out, e.buf[len(out):len(out)+int(s.literals)]...)
				tokens += int(s.literals)
				if i == e.n {
					break
				}
				sym, bits := distSymbol(uint32(s.distance))
				if uint8(sym) != s.distSym || distExtra(s.distSym) != bits {
					t.Fatalf("distance %d is symbol %d", s.distance+1, s.distSym)
				}
				extra += int(bits + lengthExtra(int(s.length)))
				tokens++
				for range int(s.length) + 3 {
					out = append(out, out[len(out)-1-int(s.distance)])
				}
			}
			if !bytes.Equal(out[start:], msg) || tokens != e.tokens || extra != e.extra {
				t.Fatalf("message %d: %d bytes, %d tokens, %d bits; want %d, %d, %d", i, len(out)-start, e.tokens, e.extra, len(msg), tokens, extra)
			}
			sum := -1 // without the end
			for _, f := range e.lit.freq {
				sum += int(f)
			}
			if sum != tokens {
				t.Fatalf("message %d: %d symbols for %d tokens", i, sum, tokens)
			}
		}
	}
}

// Four literals are written at once, whatever their words.
func TestLiteralsOfTheLongestWords(t *testing.T) {
	e := newEncoder()
	n := 0
	for symbol, f := range fibonacci[1:] { // the end of the block is the first
		for range f { // the rarest stand together
			e.buf[n] = byte(symbol)
			n++
		}
	}
	clear(e.lit.freq[:])
	e.lit.freq[endOfBlock] = 1
	e.countLiterals(0, n)
	e.sequences[0].literals, e.n = uint16(n), 0
	e.lit.findUsed()
	e.dst.findUsed()
	e.lit.build()
	e.dst.build()
	e.header.plan(&e.lit, &e.dst, &e.cl)
	if e.lit.lens[0] != longestWord || e.lit.lens[3] < longestWord-1 {
		t.Fatalf("the words have %v bits", e.lit.lens[:len(fibonacci)-1])
	}
	for skip := range 4 {
		w := bitWriter{}
		w.reserve(e.header.bits + e.lit.cost + 100)
		w.put(dynamicBlock, 3)
		e.header.write(&w, &e.cl)
		e.sequences[0].literals = uint16(n - skip)
		e.writeTokens(&w, skip, &e.lit.words, (*[len(fixedDistLens)]word)(e.dst.words[:]))
		if got, err := new(standard).inflate(w.sync()); err != nil || !bytes.Equal(got, e.buf[skip:n]) {
			t.Fatalf("%d bytes of %d, %v", len(got), n-skip, err)
		}
	}
}
