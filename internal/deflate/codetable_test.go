package deflate

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomCode is a complete code of words symbols, with lengths up to limit: it
// splits words until there are enough, longer ones more often the greater the
// bias is.
func randomCode(rnd *rand.Rand, symbols, words, limit int, bias float64) []uint8 {
	leaves := []uint8{1, 1}
	for len(leaves) < words {
		i := rnd.IntN(len(leaves))
		if rnd.Float64() < bias {
			i = len(leaves) - 1
		}
		if int(leaves[i]) == limit {
			i = slices.IndexFunc(leaves, func(n uint8) bool { return int(n) < limit })
		}
		leaves[i]++
		leaves = append(leaves, leaves[i])
	}
	lens := make([]uint8, symbols)
	for i, s := range rnd.Perm(symbols)[:words] {
		lens[s] = leaves[i]
	}
	return lens
}

// S-27
func TestCodeTableFindsEveryWord(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	table, scratch := new(codeTable), new(codeWords)
	longest := 0
	for range 3000 {
		words := 2 + rnd.IntN(numLit-1)
		lens := randomCode(rnd, numLit, words, max(rnd.IntN(maxCodeLen+1), bits.Len(uint(words))), rnd.Float64())
		if !table.build(scratch, lens, litEntries[:]) {
			t.Fatalf("a complete code is refused: %v", lens)
		}
		codes := wordsOf(lens)
		for s, n := range lens {
			if n == 0 {
				continue
			}
			longest = max(longest, int(n))
			acc := codes[s].code() | rnd.Uint64()<<n
			e := table.find(acc)
			if want := litEntries[s] + entry(n)*wordBit; e != want {
				t.Fatalf("word %b of %d bits is %x, want %x", codes[s].code(), n, e, want)
			}
		}
	}
	if longest != maxCodeLen {
		t.Errorf("the longest word had %d bits", longest)
	}
}

func TestEntriesAreTheNumbersOfTheRFC(t *testing.T) {
	for length := 3; length <= maxMatch; length++ {
		x := length - 3
		e := litEntries[firstLength+int(lengthSymbols[x])]
		if e.bits() != lengthExtra(x) || e.value(uint64(x)&(1<<e.bits()-1)) != length {
			t.Errorf("length %d is %d with %d bits", length, e.value(uint64(x)), e.bits())
		}
	}
	for distance := 1; distance <= maxWindow; distance++ {
		sym, extra := distSymbol(uint32(distance - 1))
		e := distEntries[sym]
		if e.bits() != extra || e.value(uint64(distance-1)&(1<<extra-1)) != distance {
			t.Errorf("distance %d is %d with %d bits", distance, e.value(uint64(distance-1)), e.bits())
		}
	}
	// 258 can also be said as 227 and 31.
	if got := litEntries[lastLength-1].value(31); got != 258 {
		t.Errorf("symbol %d with 31 is %d", lastLength-1, got)
	}
}
