package deflate

import (
	"errors"
	"strings"
	"testing"
)

func TestCodesThatAreTakenOrRefused(t *testing.T) {
	const a, b, end, three = 'a', 'b', endOfBlock, firstLength // three: a match of 3
	const refused = "refused"
	abc := lengths{a: 2, b: 2, end: 2, three: 2}
	deep, deepDist := lengths{end: 15, three: 15}, lengths{0: 15, 1: 15}
	for i := range 14 {
		deep[a+i], deepDist[2+i] = uint8(i+1), uint8(i+1)
	}
	// 'a' and the end have a word of one bit, all other symbols have none.
	cl := lengths{0: 2, 1: 2, repeatZeros: 1}
	many := func(lits, dists int) *handmade {
		b := rawHeader(uint64(lits), uint64(dists), cl)
		b.header(cl, [2]int{repeatZeros, a - 11}, [2]int{1}, [2]int{repeatZeros, 138 - 11}, [2]int{repeatZeros, 20 - 11}, [2]int{1})
		b.header(cl, [2]int{repeatZeros, lits - 257 + dists - 11})
		return b.bits(0b10, 2) // a, end
	}
	for _, tt := range []struct {
		name string
		msg  *handmade
		want string
	}{
		{"complete", dynamic(abc, lengths{0: 1, 1: 1}).symbols(a, b, three).distance(1).symbols(end), "ababa"},
		{"words of 15 bits", dynamic(deep, deepDist).symbols(a+13, a, three).distance(0).symbols(a+13, three).distance(1).symbols(end), "naaaanana"},
		{"no word for distances", dynamic(abc, nil).symbols(a, b, end), "ab"},
		{"no word for distances, but a distance", dynamic(abc, nil).symbols(a, three).bits(0, 1).symbols(end), refused},
		{"one distance", dynamic(abc, lengths{0: 1}).symbols(a, three).distance(0).symbols(end), "aaaa"},
		{"one distance, not the first", dynamic(abc, lengths{2: 1}).symbols(a, b, a, three).distance(2).symbols(end), "abaaba"},
		{"one distance, the bit set", dynamic(abc, lengths{0: 1}).symbols(a, three).bits(1, 1).symbols(end), refused},
		{"one distance of two bits", dynamic(abc, lengths{0: 2}).symbols(a, end), refused},
		{"distances incomplete", dynamic(abc, lengths{0: 1, 1: 2}).symbols(a, end), refused},
		{"distances over-subscribed", dynamic(abc, lengths{0: 1, 1: 1, 2: 1}).symbols(a, end), refused},
		{"lengths repeated from one code to the other", dynamic(abc, lengths{0: 2, 1: 2, 2: 2, 3: 2}).symbols(a, three).distance(0).symbols(end), "aaaa"},

		{"nothing but an end", dynamic(lengths{end: 1}, nil).symbols(end), ""},
		{"nothing but an end, the bit set", dynamic(lengths{end: 1}, nil).bits(1, 1).symbols(end), refused},
		{"nothing but an end of two bits", dynamic(lengths{end: 2}, nil).symbols(end), refused},
		{"incomplete", dynamic(lengths{a: 2, b: 2, end: 2}, nil).symbols(a, end), refused},
		{"over-subscribed", dynamic(lengths{a: 1, b: 1, end: 1}, nil).symbols(a, end), refused},
		{"no end", dynamic(lengths{a: 1, b: 1}, nil).symbols(a, b), refused},
		{"no words", dynamic(nil, nil), refused},

		{"286 literals and lengths", many(286, 1), "a"},
		{"287 literals and lengths", many(287, 1), refused},
		{"30 distances", many(257, 30), "a"},
		{"31 distances", many(257, 31), refused},
		{"288 literals and lengths, 32 distances", many(288, 32), refused},
		{"third code without words", rawHeader(257, 1, nil).zeros(300), refused},
		{"third code incomplete", rawHeader(257, 1, lengths{0: 2, 1: 2, 2: 2}).zeros(600), refused},
		{"third code over-subscribed", rawHeader(257, 1, lengths{0: 1, 1: 1, 2: 1}).zeros(300), refused},
		{"third code of one word", rawHeader(257, 1, lengths{1: 1}).zeros(300), refused},
		{"third code of one word, the bit set", rawHeader(257, 1, lengths{1: 1}).bits(1, 1).zeros(300), refused},
		{"nothing to repeat", rawHeader(257, 1, lengths{1: 1, repeatLast: 1}).bits(1, 1).zeros(300), refused},
		{"repeated too often", rawHeader(257, 1, lengths{1: 1, repeatZeros: 1}).bits(0xffff, 16).zeros(300), refused},

		{"258 as 227 and 31", fixed().symbols(a, lastLength-1).bits(31, 5).distance(0).symbols(end), strings.Repeat("a", 259)},
		{"length 286 of the fixed code", fixed().symbols(a, 286).distance(0).symbols(end), refused},
		{"length 287 of the fixed code", fixed().symbols(a, 287).distance(0).symbols(end), refused},
		{"distance 29 of the fixed code, beyond the beginning", fixed().symbols(a, three).distance(29).bits(0, 13).symbols(end), refused},
		{"distance 30 of the fixed code", fixed().symbols(a, three).distance(30).symbols(end), refused},
		{"distance 31 of the fixed code", fixed().symbols(a, three).distance(31).symbols(end), refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wire := tt.msg.wire()
			// With more behind it, by itself, and byte by byte.
			long := append(wire[:len(wire):len(wire)], make([]byte, 40)...)
			newPair(Params{}).inflate(t, long, long)
			for _, parts := range [][][]byte{{wire}, singleBytes(wire)} {
				got, err := newPair(Params{}).inflate(t, wire, parts...)
				if tt.want == refused {
					if !errors.Is(err, ErrCorrupt) {
						t.Errorf("%q, %v", got, err)
					}
				} else if err != nil || string(got) != tt.want {
					t.Errorf("%q, %v, want %q", got, err, tt.want)
				}
			}
		})
	}
}
