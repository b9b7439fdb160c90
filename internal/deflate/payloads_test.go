package deflate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// randomBytes is n bytes that do not compress.
func randomBytes(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 0))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

// jsonLike is n bytes of a document whose parts resemble each other; i chooses
// the numbers in it.
func jsonLike(n, i int) []byte {
	var b bytes.Buffer
	for ; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"type":"update","symbol":"SYM%d","price":%d.%02d,"qty":%d,"ts":%d,"active":%v},`,
			i, i*7%50, i*37%900, i*13%100, i*91%5000, 1700000000000+int64(i)*1237, i%3 == 0)
	}
	return b.Bytes()[:n]
}

// fewSymbols is n bytes out of k values at random: short matches everywhere.
func fewSymbols(seed uint64, n, k int) []byte {
	p := randomBytes(seed, n)
	for i := range p {
		p[i] %= byte(k)
	}
	return p
}

// mixed has a piece that does not compress between two that do.
func mixed(n int) []byte {
	p := jsonLike(n, 5)
	copy(p[n/3:], randomBytes(3, n/3))
	return p
}

// conversation is what one side of a connection sends: all sizes and kinds.
// Nobody writes to it.
var conversation = sync.OnceValue(func() (msgs [][]byte) {
	for i, n := range []int{0, 1, 2, 3, 4, 5, 100, 127, 128, 129, 1 << 10, 5000} {
		msgs = append(msgs, kinds(n, i)...)
	}
	for i, n := range []int{32 << 10, 32<<10 + 1, 64 << 10} {
		msgs = append(msgs, kinds(n, i)[2*i:][:2]...)
	}
	return msgs
})

// megabytes are messages of many blocks.
var megabytes = sync.OnceValue(func() [][]byte { return kinds(1<<20, 1)[:3] })

func kinds(n, i int) [][]byte {
	return [][]byte{
		jsonLike(n, i), randomBytes(uint64(i), n), make([]byte, n),
		jsonLike(n, i+1), fewSymbols(uint64(i), n, 3), mixed(n),
	}
}

func mustCompress(tb testing.TB, c *Compressor, msg []byte) []byte {
	tb.Helper()
	wire, err := c.Append(nil, msg)
	if err != nil {
		tb.Fatalf("Append(%d bytes): %v", len(msg), err)
	}
	return wire
}

// client is a connection's other end: what an honest client sends and keeps.
// A Compressor is one as well, with the sides of the parameters changed over.
func client(p Params) *Compressor {
	return NewCompressor(Params{ServerTakeover: p.ClientTakeover, ServerBits: p.ClientBits}, 1)
}
