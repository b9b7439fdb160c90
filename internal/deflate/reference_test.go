package deflate

import (
	"errors"
	"math/bits"
)

// reference is an inflater that shares nothing with the code under test. It is
// slow, and it knows how far back the farthest match reached.
type reference struct {
	in      []byte
	bit     int // position in in
	out     []byte
	maxDist int
	lenient bool // takes incomplete codes, and final blocks before the end
}

var errReference = errors.New("reference: bad input")

// inflateReference inflates a message without its tail, with hist before it.
func inflateReference(hist, wire []byte) (msg []byte, maxDist int, err error) {
	r := &reference{
		in:  append(append([]byte(nil), wire...), 0, 0, 0xff, 0xff),
		out: append([]byte(nil), hist...),
	}
	defer func() {
		if recover() != nil { // out of range: input or history too short
			err = errReference
		}
	}()
	for r.bit < 8*len(r.in) {
		if err := r.block(); err != nil {
			return nil, 0, err
		}
	}
	return r.out[len(hist):], r.maxDist, nil
}

// prefixReference is what the first bytes of a message say, as far as they say it
// for certain.
func prefixReference(wire []byte) []byte {
	r := &reference{in: wire, lenient: true}
	func() {
		defer func() { _ = recover() }() // the end of wire
		for r.block() == nil {
		}
	}()
	return r.out
}

func (r *reference) bits(n int) (v int) {
	for i := range n {
		v |= int(r.in[r.bit/8]>>(r.bit%8)&1) << i
		r.bit++
	}
	return v
}

func (r *reference) block() error {
	if final := r.bits(1); final == 1 && r.lenient {
		defer func() { r.bit = (r.bit + 7) / 8 * 8 }()
	}
	switch r.bits(2) {
	case 0:
		r.bit = (r.bit + 7) / 8 * 8
		n := r.bits(16)
		if r.bits(16) != n^0xffff {
			return errReference
		}
		for range n {
			r.out = append(r.out, r.in[r.bit/8])
			r.bit += 8
		}
		return nil
	case 1:
		lit := make([]int, 288)
		for s := range lit {
			lit[s] = 8
			if s >= 144 && s < 256 {
				lit[s] = 9
			} else if s >= 256 && s < 280 {
				lit[s] = 7
			}
		}
		dist := make([]int, 30)
		for s := range dist {
			dist[s] = 5
		}
		return r.symbols(canonical(lit), canonical(dist))
	case 2:
		return r.dynamic()
	}
	return errReference
}

func (r *reference) dynamic() error {
	nlit, ndist, ncl := r.bits(5)+257, r.bits(5)+1, r.bits(4)+4
	cl := make([]int, 19)
	for _, s := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:ncl] {
		cl[s] = r.bits(3)
	}
	// zlib takes no code that is over-subscribed or incomplete.
	if !complete(cl) {
		return errReference
	}
	code := canonical(cl)
	var lens []int
	for len(lens) < nlit+ndist {
		switch s := r.symbol(code); s {
		case 16:
			for range 3 + r.bits(2) {
				lens = append(lens, lens[len(lens)-1])
			}
		case 17:
			lens = append(lens, make([]int, 3+r.bits(3))...)
		case 18:
			lens = append(lens, make([]int, 11+r.bits(7))...)
		default:
			lens = append(lens, s)
		}
	}
	if len(lens) != nlit+ndist || nlit > 286 || !r.lenient && (!complete(lens[:nlit]) || !complete(lens[nlit:])) {
		return errReference
	}
	return r.symbols(canonical(lens[:nlit]), canonical(lens[nlit:]))
}

func (r *reference) symbols(lit, dist refCode) error {
	for {
		s := r.symbol(lit)
		switch {
		case s < 256:
			r.out = append(r.out, byte(s))
			continue
		case s == 256:
			return nil
		}
		length := 258
		if s < 285 {
			length = r.value(s-257, 4, 3)
		}
		d := r.value(r.symbol(dist), 2, 1)
		r.maxDist = max(r.maxDist, d)
		for range length {
			r.out = append(r.out, r.out[len(r.out)-d])
		}
	}
}

// value reads a length or distance: every group of symbols has one extra bit
// more than the one before, beginning with the third.
func (r *reference) value(sym, group, base int) int {
	if sym < 2*group {
		return base + sym
	}
	e := sym/group - 1
	return base + (group+sym%group)<<e + r.bits(e)
}

// A refCode has the symbols in order of code word, and how many code words of
// each length there are.
type refCode struct {
	count [16]int
	syms  []int
}

func canonical(lens []int) (c refCode) {
	for n := 1; n <= 15; n++ {
		for s, l := range lens {
			if l == n {
				c.count[n]++
				c.syms = append(c.syms, s)
			}
		}
	}
	return c
}

// symbol finds the length by which the bits so far are a code word (RFC 1951
// section 3.2.2).
func (r *reference) symbol(c refCode) int {
	v, first, before := 0, 0, 0
	for n := 1; n <= 15; n++ {
		v = v<<1 | r.bits(1)
		first <<= 1
		if v-first < c.count[n] {
			return c.syms[before+v-first]
		}
		first += c.count[n]
		before += c.count[n]
	}
	panic(errReference)
}

// complete reports whether every sequence of bits is some sequence of code
// words.
func complete(lens []int) bool {
	sum := uint(0)
	for _, l := range lens {
		if l > 0 {
			sum += 1 << (15 - l)
		}
	}
	return bits.OnesCount(sum) == 1 && sum == 1<<15
}
