package conformance

import (
	"encoding/hex"
	"slices"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// agreements is every kind of agreement on both ways to compress.
func agreements() []mode {
	var list []mode
	for _, v := range []*variant{perMessage, context} {
		for _, offer := range []string{
			"permessage-deflate",
			"permessage-deflate; client_max_window_bits",
			"permessage-deflate; client_max_window_bits=9; server_max_window_bits=9",
			"permessage-deflate; client_max_window_bits; server_no_context_takeover",
			"permessage-deflate; client_no_context_takeover; server_max_window_bits=11",
			"permessage-deflate; client_no_context_takeover; server_no_context_takeover",
		} {
			list = append(list, mode{v.name + " " + offer, v, offer})
		}
	}
	return list
}

func TestCompressedMessagesOfAllSizesComeBack(t *testing.T) { // S-27
	inModes(t, agreements(), func(t *testing.T, m mode) {
		p := m.open(t)
		for _, n := range append([]int{2, 3, 10, 50, 300, 4096, 32768, 40_000}, sizes...) {
			for _, op := range []Opcode{OpText, OpBinary} {
				data := payload(op, n)
				p.Send(p.Compressed(op, data))
				p.WantMessage(op, data)
			}
		}
		alive(p)
	})
}

func TestCompressedFragments(t *testing.T) { // RFC 7692 section 6.1
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		p := m.open(t)
		data := words(2000, 1)
		for i := range 20 {
			f := p.Compressed(OpText, data)
			switch n := len(f.Payload); i % 5 {
			case 0:
				p.Send(f.Split(0, n/2)...)
			case 1:
				p.Send(f.Split(n-1, 0, 0)...)
			case 2:
				p.Send(f.Split(n, 0)...)
			case 3:
				p.Send(f.Split(slices.Repeat([]int{1}, n)...)...)
			default:
				p.SendChopped(1, slices.Insert(f.Split(1, n/3), 1, Ping(nil), Pong([]byte("x")))...)
				p.WantPong(nil)
			}
			p.WantMessage(OpText, data)
		}
		alive(p)
	})
}

func TestRSV1OnlyOnTheFirstFrameOfAMessage(t *testing.T) { // RFC 7692 section 6.1
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		for _, op := range []Opcode{OpText, OpBinary} {
			p := m.open(t)
			frames := p.Compressed(op, words(100, 1)).Split(10, 10)
			frames[1].RSV = RSV1
			p.Send(frames...)
			refuses(p, 1002)

			p = m.open(t)
			p.Send(Frame{Op: op, More: true, Payload: []byte("plain")}, Frame{Op: OpContinuation, RSV: RSV1})
			refuses(p, 1002)
		}
	})
}

func TestExamplesOfTheRFC(t *testing.T) { // RFC 7692 section 7.2.3
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		for name, payload := range map[string]string{
			"one block":                   "f248cdc9c90700",
			"no compression":              "000500faff48656c6c6f00",
			"block that is marked final":  "f348cdc9c9070000",
			"two blocks":                  "f248050000" + "00ffff" + "cac9c90700",
			"empty blocks before and in":  "000000ffff" + "000000ffff" + "f248cdc9c90700",
			"final block, then one block": "f348cdc9c90700" + "000000ffff" + "00",
		} {
			b, err := hex.DecodeString(payload)
			if err != nil {
				t.Fatal(name, err)
			}
			p := m.open(t)
			p.Send(Frame{Op: OpText, RSV: RSV1, Payload: b})
			p.WantText("Hello")
			alive(p)
		}
	})
}

func TestEmptyCompressedMessage(t *testing.T) { // RFC 7692 section 7.2.3.6
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		p := m.open(t)
		for _, op := range []Opcode{OpText, OpBinary} {
			p.Send(Frame{Op: op, RSV: RSV1, Payload: []byte{0}})
			p.WantMessage(op, nil)
			p.Send(p.Compressed(op, nil))
			p.WantMessage(op, nil)
		}
		alive(p)
	})
}

func TestPlainMessagesInsideACompressedConnection(t *testing.T) { // RFC 7692 section 6
	inModes(t, agreements(), func(t *testing.T, m mode) {
		p := m.open(t)
		for i := range uint64(20) {
			data := words(500, i%3)
			if i%2 == 0 {
				p.Send(Text(string(data)).Split(100)...)
			} else {
				p.Send(p.Compressed(OpText, data))
			}
			p.WantMessage(OpText, data)
		}
		alive(p)
	})
}

// TestContextOver200Messages mixes everything that could bring the two windows
// of a direction out of step: short and long, plain and compressed, fragments,
// pings with data, messages that do not compress.
func TestContextOver200Messages(t *testing.T) { // RFC 7692 section 7.1.1
	inModes(t, agreements(), func(t *testing.T, m mode) {
		p := m.open(t)
		for i := range uint64(200) {
			data := words(int(i*37%1500), i%7)
			if i%11 == 0 {
				data = noise(int(i*53%3000), i%3)
			}
			if i%29 == 0 {
				data = words(20_000, i)
			}
			switch i % 6 {
			case 0:
				p.Send(Binary(data))
			case 1:
				p.Send(Ping(data[:min(len(data), 125)]))
				p.WantPong(data[:min(len(data), 125)])
				p.Send(p.Compressed(OpBinary, data))
			case 2:
				f := p.Compressed(OpBinary, data)
				p.Send(f.Split(len(f.Payload)/2, 0)...)
			default:
				p.Send(p.Compressed(OpBinary, data))
			}
			p.WantMessage(OpBinary, data)
		}
		alive(p)
	})
}

// TestClientMayUseItsWholeWindow sends a copy from as far back as the agreement
// allows, within a message and from the message before.
func TestClientMayUseItsWholeWindow(t *testing.T) { // RFC 7692 section 7.1.2.2
	inModes(t, agreements(), func(t *testing.T, m mode) {
		p := m.open(t)
		window := 1 << p.Agreement.ClientWindow()
		data := noise(window, 9)
		var b BlockWriter
		store(&b, data)
		b.Match(200, window)
		p.Send(Frame{Op: OpBinary, RSV: RSV1, Payload: b.Payload()})
		p.WantMessage(OpBinary, append(slices.Clone(data), data[:200]...))
		if p.Agreement.ClientNoTakeover {
			return
		}
		b = BlockWriter{}
		b.Match(150, window) // what was sent last begins with data[200:]
		b.Literal('x')
		p.Send(Frame{Op: OpBinary, RSV: RSV1, Payload: b.Payload()})
		p.WantMessage(OpBinary, append(slices.Clone(data[200:350]), 'x'))
	})
}

// store writes p in blocks without compression.
func store(b *BlockWriter, p []byte) {
	for len(p) > 0 {
		n := min(len(p), 60_000)
		b.Stored(p[:n])
		p = p[n:]
	}
}

func TestServerCompressesWhatIsWorthIt(t *testing.T) { // S-27
	inModes(t, agreements(), func(t *testing.T, m mode) {
		p := m.open(t)
		data := words(5000, 1)
		p.Send(Text(string(data)))
		if got := p.WantMessage(OpText, data); !got.Compressed || got.Wire > len(data)/2 {
			t.Errorf("%d bytes travel as %d, compressed: %v", len(data), got.Wire, got.Compressed)
		}
	})
}

// TestServerUsesTheContext: the second of two equal messages that do not compress
// by themselves is nearly free.
func TestServerUsesTheContext(t *testing.T) { // S-27
	t.Parallel()
	p := OpenDeflate(context.dial(t), "/", "permessage-deflate; client_max_window_bits")
	data := noise(1000, 1)
	p.Send(Binary(data))
	p.WantMessage(OpBinary, data)
	p.Send(Binary(data))
	if got := p.WantMessage(OpBinary, data); got.Wire > len(data)/2 {
		t.Errorf("1000 bytes travel as %d although they were sent before", got.Wire)
	}
}

// badDeflate are payloads that no inflater may accept.
func badDeflate() map[string][]byte {
	block := func(write func(b *BlockWriter)) []byte {
		var b BlockWriter
		write(&b)
		return b.Payload()
	}
	whole := NewDeflater(15, false).Deflate(words(1000, 1))
	return map[string][]byte{
		"block type 3":                  {0x06},
		"nonsense":                      {0xff, 0xff, 0xff, 0xff},
		"cut off":                       whole[:len(whole)/2],
		"stored length does not match":  {0, 5, 0, 0, 0, 'H', 'e', 'l', 'l', 'o', 0},
		"stored block that is cut off":  {0, 0xff, 0, 0, 0xff, 'x'},
		"distance before the beginning": block(func(b *BlockWriter) { b.Literal('a'); b.Match(10, 2) }),
		"distance of 32768 in 100":      block(func(b *BlockWriter) { b.Literal(make([]byte, 100)...); b.Match(10, 32768) }),
		"good, then bad":                append(block(func(b *BlockWriter) { b.Literal('a'); b.Final() }), 0x06),
	}
}

func TestUndecodableMessagesAreRefused(t *testing.T) {
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		for name, bad := range badDeflate() {
			if got, err := NewInflater(15, true).Inflate(bad); err == nil {
				t.Fatalf("%s: it means %q", name, got)
			}
			f := Frame{Op: OpBinary, RSV: RSV1, Payload: bad}
			for _, frames := range [][]Frame{{f}, f.Split(len(bad) / 2)} {
				p := m.open(t)
				p.Send(Text("before"))
				p.Send(frames...)
				p.WantText("before")
				refuses(p, 1007)
			}
		}
	})
}

func TestInvalidTextInCompressedMessagesIsRefused(t *testing.T) {
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		for _, s := range append(badText, unfinished...) {
			p := m.open(t)
			p.Send(p.Compressed(OpText, []byte("good "+s)))
			refuses(p, 1007)
		}
		p := m.open(t)
		for _, s := range goodText {
			f := p.Compressed(OpText, []byte(s))
			p.Send(f.Split(len(f.Payload) / 2)...)
			p.WantText(s)
		}
		alive(p)
	})
}

// TestDistanceOverTheAgreedWindow: a client that breaks the agreement is refused
// or understood, but never misunderstood.
func TestDistanceOverTheAgreedWindow(t *testing.T) {
	inModes(t, agreements(), func(t *testing.T, m mode) {
		p := m.open(t)
		window := 1 << p.Agreement.ClientWindow()
		if window == 1<<15 {
			return // there is no longer distance
		}
		data := noise(2*window, 9)
		var b BlockWriter
		store(&b, data)
		b.Match(200, window+1000)
		p.Send(Frame{Op: OpBinary, RSV: RSV1, Payload: b.Payload()})
		if got, err := p.TryMessage(); err == nil {
			want := append(slices.Clone(data), data[window-1000:][:200]...)
			if !slices.Equal(got.Data, want) {
				t.Errorf("%d bytes come back that were never sent", len(got.Data))
			}
			return
		}
		refuses(p, 1007)
	})
}

// TestEmptyBlocksAreNoWayToWorkForNothing: a megabyte of blocks without content end
// in an empty message or in a refusal.
func TestEmptyBlocksAreNoWayToWorkForNothing(t *testing.T) {
	inModes(t, deflateModes, func(t *testing.T, m mode) {
		p := m.open(t)
		blocks := slices.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 200_000)
		p.Send(Frame{Op: OpBinary, RSV: RSV1, Payload: append(blocks, 0)})
		if got, err := p.TryMessage(); err == nil {
			if len(got.Data) != 0 {
				t.Errorf("an empty message comes back with %d bytes", len(got.Data))
			}
			alive(p)
			return
		}
		p.WantClose(1007, 1009)
	})
}
