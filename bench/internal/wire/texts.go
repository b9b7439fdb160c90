package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// Filler is a payload of n bytes, the same for every call.
func Filler(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte('a' + i%26)
	}
	return p
}

var words = []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"}

// JSONTexts returns count different texts of size bytes (at least 100) that
// compress like the updates of a JSON protocol: a list of items, below 200 bytes a
// single one. They are the same for every call.
func JSONTexts(count, size int) [][]byte {
	texts := make([][]byte, count)
	for i := range texts {
		r := rand.New(rand.NewPCG(uint64(i+1), 7692))
		if size < 200 {
			texts[i] = jsonItem(r, size)
		} else {
			texts[i] = jsonText(r, i+1, size)
		}
	}
	return texts
}

func jsonItem(r *rand.Rand, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"type":"price","id":%d,"price":%d.%02d,"ts":"2026-01-%02dT%02d:%02d:%02dZ","by":"`,
		r.IntN(1e6), r.IntN(5000), r.IntN(100), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
	for b.Len() < size-2 {
		b.WriteByte(byte('a' + r.IntN(26)))
	}
	b.WriteString(`"}`)
	return b.Bytes()
}

func jsonText(r *rand.Rand, seq, size int) []byte {
	const item, tail = 110, 12 // the most bytes of an item, and of what follows the last
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"type":"update","seq":%d,"items":[`, seq)
	for i := 0; b.Len() < size-item-tail; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"%s-%d","price":%d.%02d,"active":%t,"ts":"2026-01-%02dT%02d:%02d:%02dZ"}`,
			r.IntN(1e6), words[r.IntN(len(words))], r.IntN(1000), r.IntN(5000), r.IntN(100), r.IntN(2) == 0,
			1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
	}
	b.WriteString(`],"pad":"`)
	for b.Len() < size-2 {
		b.WriteByte(byte('a' + r.IntN(26)))
	}
	b.WriteString(`"}`)
	return b.Bytes()
}
