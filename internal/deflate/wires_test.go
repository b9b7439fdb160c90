package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"testing"
)

// A wireClient is a client of some kind; compress is called for each message, in
// order, and keeps the history if params say so.
type wireClient struct {
	params   Params
	compress func(msg []byte) []byte
}

// clients are the compressors of this package with all windows, and those of the
// standard library.
func clients(tb testing.TB) map[string]wireClient {
	all := make(map[string]wireClient)
	for _, takeover := range []bool{false, true} {
		for bits := uint8(8); bits <= 15; bits++ {
			p := Params{ClientTakeover: takeover, ClientBits: bits}
			c := client(p)
			all[fmt.Sprintf("%d bits, takeover %v", bits, takeover)] = wireClient{p, func(msg []byte) []byte {
				wire := mustCompress(tb, c, msg)
				c.Extend(msg)
				return wire
			}}
		}
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6} {
			c := newStdClient(tb, level, takeover)
			all[fmt.Sprintf("level %d, takeover %v", level, takeover)] = wireClient{Params{ClientTakeover: takeover}, c.compress}
		}
	}
	return all
}

// shortWires are messages with all kinds of blocks.
func shortWires(tb testing.TB) map[string][]byte {
	std := func(level int, msg []byte) []byte { return bytes.Clone(newStdClient(tb, level, false).compress(msg)) }
	var closed bytes.Buffer // a final block after each word
	var hist []byte
	for i := range 20 {
		fw, _ := flate.NewWriterDict(&closed, 9, hist)
		word := jsonLike(60, i)
		fw.Write(word)
		fw.Close()
		hist = append(hist, word...)
	}
	return map[string][]byte{
		"empty":           {0},
		"fixed":           std(9, []byte("hello, hello, hello")),
		"dynamic":         std(9, jsonLike(900, 1)),
		"long code words": std(flate.HuffmanOnly, skewed(3000)),
		"runs":            std(9, make([]byte, 70000)),
		"stored":          std(0, randomBytes(1, 300)),
		"mixed":           std(6, mixed(2000)),
		"final blocks":    closed.Bytes(),
		"closed":          append(closed.Bytes()[:closed.Len():closed.Len()], 0),
		"ours":            mustCompress(tb, NewCompressor(Params{ServerBits: 10}, 1), jsonLike(1500, 1)),
		"flushed":         flushed(tb, jsonLike(500, 1), 7),
	}
}

// skewed is text with some bytes that are very rare, so their code words are
// long.
func skewed(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		for v := uint32(i) * 2654435761; v&1 == 1 && p[i] < 200; v >>= 1 {
			p[i]++
		}
	}
	return p
}

// flushed is msg with a flush after every n bytes.
func flushed(tb testing.TB, msg []byte, n int) []byte {
	c := newStdClient(tb, 6, false)
	for at := 0; at < len(msg); at += n {
		c.fw.Write(msg[at:min(at+n, len(msg))])
		c.fw.Flush()
	}
	return bytes.TrimSuffix(c.buf.Bytes(), []byte(syncTail))
}
