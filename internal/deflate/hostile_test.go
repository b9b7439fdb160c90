package deflate

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"testing"
)

//
func TestLimitIsTheLastLengthAllowed(t *testing.T) {
	for _, n := range []int{0, 1, 100, 1 << 15, 1<<15 + 1, 70000} {
		for _, msg := range [][]byte{jsonLike(n, 1), randomBytes(1, n), make([]byte, n)} {
			wire := bytes.Clone(newStdClient(t, 1, false).compress(msg))
			for _, room := range []int{0, n, n + 100} {
				d := NewDecompressor(Params{})
				dst := make([]byte, 0, room)
				if got, err := d.Append(dst, wire, int64(n)); err != nil || !bytes.Equal(got, msg) {
					t.Errorf("%d bytes with limit %d: %v", n, n, err)
				}
				if n == 0 {
					continue
				}
				got, err := d.Append(dst, wire, int64(n)-1)
				if !errors.Is(err, ErrTooBig) || len(got) != 0 {
					t.Errorf("%d bytes with limit %d: %d bytes, %v", n, n-1, len(got), err)
				}
			}
		}
	}
}

func TestLimitsAtTheEdges(t *testing.T) {
	d := NewDecompressor(Params{})
	if got, err := d.Append(nil, []byte{0}, -5); err != nil || len(got) != 0 {
		t.Errorf("empty message with a negative limit: %q, %v", got, err)
	}
	hello := []byte("\xf2\x48\xcd\xc9\xc9\x07\x00")
	if _, err := d.Append(nil, hello, -5); !errors.Is(err, ErrTooBig) {
		t.Errorf("message with a negative limit: %v", err)
	}
	if got, err := d.Append(nil, hello, math.MaxInt64); err != nil || string(got) != "Hello" {
		t.Errorf("message without a limit: %q, %v", got, err)
	}
	if _, err := d.Append(nil, make([]byte, CompressedLimit(100)+1), 100); !errors.Is(err, ErrTooBig) {
		t.Errorf("compressed message over its limit: %v", err)
	}
}

//
func TestBombIsRefusedWithinItsLimit(t *testing.T) {
	const limit = 1 << 20
	bomb := bytes.Clone(newStdClient(t, 1, false).compress(make([]byte, 64<<20)))
	d := NewDecompressor(Params{ClientTakeover: true})
	mustInflate(t, d, []byte{0}) // the pool has a decoder now

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := d.Append(nil, bomb, limit)
	runtime.ReadMemStats(&after)

	if !errors.Is(err, ErrTooBig) || got != nil {
		t.Fatalf("Append = %d bytes, %v", len(got), err)
	}
	// All capacities up to the limit, each twice the one before, and a decoder
	// if the pool was emptied.
	if n := after.TotalAlloc - before.TotalAlloc; n > 2*limit+256<<10 {
		t.Errorf("%d bytes were allocated for a limit of %d", n, limit)
	}
}

func TestGrowthEndsAtTheLimit(t *testing.T) {
	msg := jsonLike(100000, 1)
	wire := bytes.Clone(newStdClient(t, 9, false).compress(msg))
	got, err := NewDecompressor(Params{}).Append(make([]byte, 10), wire, 100001)
	if err != nil || cap(got) > 10+100001 {
		t.Errorf("capacity %d, %v", cap(got), err)
	}
}

// All prefixes of a message are refused, but those that are a message
// themselves: a single zero, or all up to the end of a final block.
func TestTruncatedMessageIsCorrupt(t *testing.T) {
	for _, tt := range []struct {
		name string
		wire []byte
	}{
		{"fixed", newStdClient(t, 9, false).compress([]byte("hello, hello, hello"))},
		{"dynamic", newStdClient(t, 9, false).compress(jsonLike(700, 1))},
		{"huffman only", newStdClient(t, -2, false).compress(jsonLike(700, 1))},
		{"stored", newStdClient(t, 0, false).compress(jsonLike(300, 1))},
		{"final stored", append(stored(1, randomBytes(1, 300)), 0)},
		{"short stored", append(stored(0, []byte("wxyz")), 0)},
		{"short final stored", append(stored(1, []byte("wxyz")), 0)},
		{"nine bytes, as many as the tail has", append(stored(1, []byte("123456789")), 0)},
		{"ours", mustCompress(t, NewCompressor(Params{ServerBits: 12}, 1), jsonLike(700, 1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			whole := mustInflate(t, NewDecompressor(Params{}), tt.wire)
			for n := range tt.wire {
				got, err := NewDecompressor(Params{}).Append(nil, tt.wire[:n], plenty)
				if n == 1 && tt.wire[0] == 0 || n == len(tt.wire)-1 && tt.wire[0]&1 == 1 && bytes.Equal(got, whole) {
					continue
				}
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("%d bytes of %d: %d bytes came out, %v", n, len(tt.wire), len(got), err)
				}
			}
		})
	}
}

func TestCorruptMessages(t *testing.T) {
	for _, tt := range []struct{ name, wire string }{
		{"no bytes", ""},
		{"reserved block type", "\x06\x00"},
		{"stored length does not match", "\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"},
		{"distance before the beginning", "\xf2\x00\x11\x00\x00"},
		{"junk behind a final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\xff\xff\xff"},
		{"tail not removed, and cut", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00"},
		{"incomplete code", "\x04\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecompressor(Params{ClientTakeover: true, ClientBits: 9})
			for range 3 { // the state may be of no use, but it does no harm
				got, err := d.Append([]byte("head"), []byte(tt.wire), plenty)
				if !errors.Is(err, ErrCorrupt) || string(got) != "head" {
					t.Errorf("Append = %q, %v", got, err)
				}
			}
		})
	}
}

func TestPooledReaderForgetsTheOtherConnection(t *testing.T) {
	secret := NewDecompressor(Params{ClientTakeover: true})
	mustInflate(t, secret, newStdClient(t, 1, false).compress(jsonLike(60000, 1)))
	// 'a', then length 3 at distance 2: one byte more than there is.
	if got, err := NewDecompressor(Params{}).Append(nil, []byte("\x4a\x04\x22\x00\x00"), plenty); !errors.Is(err, ErrCorrupt) {
		t.Errorf("read %q of another connection, %v", got, err)
	}
}

// The reader of klauspost/compress v1.17.9 takes the code of a block before if there
// are no words for distances. If its pool serves all connections, that block may be
// one of another client.
func TestCodeOfAnEarlierBlockIsNotUsed(t *testing.T) {
	const a, b, end, three = 'a', 'b', endOfBlock, firstLength
	code := lengths{a: 2, b: 2, end: 2, three: 2}
	valid := dynamic(code, lengths{0: 1, 1: 1}).symbols(a, b, three).distance(1).symbols(end).wire()
	for bit := range uint64(2) { // a word of the code before
		invalid := dynamic(code, nil).symbols(a, b, three).bits(bit, 1).symbols(end).wire()
		for range 10 {
			if got := mustInflate(t, NewDecompressor(Params{}), valid); string(got) != "ababa" {
				t.Fatalf("got %q", got)
			}
			if got, err := NewDecompressor(Params{}).Append(nil, invalid, plenty); !errors.Is(err, ErrCorrupt) {
				t.Errorf("another connection's block: got %q, %v", got, err)
			}
			both := append(append(valid[:len(valid):len(valid)], 0, 0, 0xff, 0xff), invalid...)
			if got, err := NewDecompressor(Params{}).Append(nil, both, plenty); !errors.Is(err, ErrCorrupt) {
				t.Errorf("the block before: got %q, %v", got, err)
			}
		}
	}
}

// junk are messages that make work and give nothing.
func junk(n int) map[string][]byte {
	full := appendWindowed(nil, nil, mixed(32<<10), maxWindow)
	return map[string][]byte{
		"empty stored blocks":      append(bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, n/5), 0),
		"empty fixed blocks":       append(bytes.Repeat([]byte{0x02, 0x08, 0x20, 0x80, 0x00}, n/5), 0),
		"empty final blocks":       append(bytes.Repeat([]byte{0x03, 0x00}, n/2), 0),
		"empty final blocks, full": append(append(full, syncTail...), bytes.Repeat([]byte{0x03, 0x00}, n/2)...),
		"empty dynamic blocks":     emptyDynamicBlocks(n),
	}
}

// emptyDynamicBlocks makes the receiver build codes all the time: a header of
// the shortest form, then the end of the block.
func emptyDynamicBlocks(n int) []byte {
	e := newEncoder()
	var w bitWriter
	for len(w.out) < n {
		e.tokenize(0, 0, 0)
		e.lit.findUsed()
		e.dst.findUsed()
		e.lit.build()
		e.dst.build()
		e.header.plan(&e.lit, &e.dst, &e.cl)
		w.reserve(3 + e.header.bits + maxCodeLen)
		w.put(dynamicBlock, 3)
		e.header.write(&w, &e.cl)
		e.writeTokens(&w, 0, &e.lit.words, (*[len(fixedDistLens)]word)(e.dst.words[:]))
	}
	return w.sync()
}

func TestWorkWithoutOutputIsRefused(t *testing.T) {
	for name, wire := range junk(1 << 20) {
		t.Run(name, func(t *testing.T) {
			for i := 120 << 10; i < len(wire); i++ {
				wire[i] = 0xff // would be another error
			}
			if _, err := NewDecompressor(Params{}).Append(nil, wire, 1<<30); !errors.Is(err, errNoOutput) {
				t.Errorf("Append = %v", err)
			}
		})
	}
}

func TestDataFromWhichNothingComesOutEndsAfter40KiB(t *testing.T) {
	empty := func(n int) []byte { return bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, n/5) }
	const most = 1024 + 40<<10
	text := stored(0, randomBytes(1, 2000))
	for _, tt := range []struct {
		name string
		wire []byte
		ok   bool
	}{
		{"nothing", empty(most - 1), true},
		{"nothing, longer", empty(most + 4), false},
		{"then text", append(empty(most-10), text...), true},
		{"then text, but too late", append(empty(most), text...), false},
		// Each byte that comes out allows for two more.
		{"text before", append(text, empty(most+2*2000-len(text)-1)...), true},
		{"text before, longer", append(text, empty(most+2*2000-len(text)+4)...), false},
	} {
		_, err := NewDecompressor(Params{}).Append(nil, append(tt.wire, 0), 1<<20)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, errNoOutput) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestWhatComesOutCountsBeforeAnError(t *testing.T) {
	for _, n := range []int{1, 1000, 1 << 15, 70000} {
		wire := append(bytes.Clone(newStdClient(t, 6, false).compress(jsonLike(n, 1))), 0, 0, 0xff, 0xff, 6)
		d := NewDecompressor(Params{})
		if _, err := d.Append(nil, wire, int64(n)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes, then an error, with limit %d: %v", n, n, err)
		}
		if _, err := d.Append(nil, wire, int64(n)-1); !errors.Is(err, ErrTooBig) {
			t.Errorf("%d bytes, then an error, with limit %d: %v", n, n-1, err)
		}
	}
}

func TestNothingIsWrittenBeyondTheLimit(t *testing.T) {
	msg := bytes.Repeat([]byte("message "), 10000)
	wire := newStdClient(t, 6, false).compress(msg)
	for _, limit := range []int{0, 1, 1000, 1 << 15, 1<<15 + 1, len(msg) - 1, len(msg)} {
		dst := append(make([]byte, 0, 100000), "head"...)
		_, err := NewDecompressor(Params{}).Append(dst, wire, int64(limit))
		if (err == nil) != (limit == len(msg)) {
			t.Errorf("limit %d: %v", limit, err)
		}
		if all := dst[:cap(dst)]; string(all[:4]) != "head" || bytes.Count(all[4+limit:], []byte{0}) != len(all)-4-limit {
			t.Errorf("limit %d: dst has more than that, or another head", limit)
		}
	}
}

func TestPooledDecoderForgetsTheMessage(t *testing.T) {
	wire := []byte(helloExamples[0].wire)
	for _, wire := range [][]byte{wire, wire[:3], []byte("\x06\x00")} {
		NewDecompressor(Params{}).Append(nil, wire, plenty)
		dec := decoders.Get().(*decoder)
		if dec.in != nil || dec.received != nil {
			t.Errorf("%d bytes and a history are kept by the pool", len(dec.in))
		}
		decoders.Put(dec)
	}
}

func TestFlushAfterEveryWordIsNoJunk(t *testing.T) {
	// A client may send a message as it comes into being.
	c := newStdClient(t, 6, true)
	msg := jsonLike(100000, 1)
	for at := 0; at < len(msg); at += 8 {
		c.fw.Write(msg[at : at+8])
		c.fw.Flush()
	}
	wire := bytes.TrimSuffix(c.buf.Bytes(), []byte(syncTail))
	if got := mustInflate(t, NewDecompressor(Params{}), wire); !bytes.Equal(got, msg) {
		t.Error("came back wrong")
	}
}
