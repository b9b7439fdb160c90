package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// serverFrame is a frame as servers send it: unmasked.
func serverFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

func TestFramesAreMaskedAndSized(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 70000} {
		payload := Filler(n)
		b := AppendFrame([]byte("x"), OpBinary, false, payload)[1:]
		head := 2
		switch {
		case n >= 65536:
			head = 10
		case n >= 126:
			head = 4
		}
		if len(b) != head+4+n || b[0] != 0x82 || b[1]&0x80 == 0 {
			t.Fatalf("%d bytes: frame of %d bytes begins % x", n, len(b), b[:2])
		}
		mask, got := b[head:head+4], b[head+4:]
		for i := range got {
			if got[i]^mask[i&3] != payload[i] {
				t.Fatalf("%d bytes: byte %d does not unmask", n, i)
			}
		}
	}
	if b := AppendFrame(nil, OpText, true, nil); b[0] != 0xc1 {
		t.Errorf("compressed text begins %x, want c1", b[0])
	}
	if b := CloseFrame(); b[0] != 0x88 || len(b) != 8 {
		t.Errorf("close frame = % x", b)
	}
}

func TestRunRepeatsTheTexts(t *testing.T) {
	texts := [][]byte{[]byte("a"), []byte("bb"), []byte("ccc")}
	s := NewScript(OpText, texts, 7, Deflate{})
	for seq := range 10 {
		for n := range 8 {
			var want []byte
			for i := range n {
				want = AppendFrame(want, OpText, false, texts[(seq+i)%3])
			}
			if got := s.Run(seq, n); !bytes.Equal(got, want) {
				t.Fatalf("Run(%d, %d) = % x, want % x", seq, n, got, want)
			}
		}
	}
}

func TestJSONTextsAreDifferentAndSized(t *testing.T) {
	for _, size := range []int{100, 200, 1024} {
		seen := map[string]bool{}
		for _, text := range JSONTexts(64, size) {
			if len(text) != size || !json.Valid(text) {
				t.Errorf("%d bytes: a text of %d bytes: %s", size, len(text), text)
			}
			seen[string(text)] = true
		}
		if len(seen) != 64 {
			t.Errorf("%d bytes: %d different texts of 64", size, len(seen))
		}
	}
}

func TestStreamTakesReplies(t *testing.T) {
	texts := [][]byte{[]byte("hello"), Filler(300), Filler(70000)}
	var in []byte
	for i, text := range append(texts, texts...) {
		switch i {
		case 1: // pings, and pongs between fragments, are not messages
			in = append(in, serverFrame(0x89, []byte("ping"))...)
			in = append(in, serverFrame(0x01, text[:100])...)
			in = append(in, serverFrame(0x8a, nil)...)
			in = append(in, serverFrame(0x00, nil)...)
			in = append(in, serverFrame(0x80, text[100:])...)
		default:
			in = append(in, serverFrame(0x81, text)...)
		}
	}
	for _, cut := range []int{1, 2, 3, 7, 4096, len(in)} {
		s := NewStream(NewScript(OpText, texts, 1, Deflate{}))
		total := 0
		for rest := in; len(rest) > 0; {
			n := min(cut, len(rest))
			k, err := s.Feed(rest[:n])
			if err != nil {
				t.Fatalf("pieces of %d: %v", cut, err)
			}
			total, rest = total+k, rest[n:]
		}
		if total != 6 || s.Messages() != 6 || s.Bytes() != int64(len(in)) {
			t.Errorf("pieces of %d: %d messages, %d counted, %d bytes", cut, total, s.Messages(), s.Bytes())
		}
	}
}

func TestStreamRefuses(t *testing.T) {
	script := NewScript(OpText, [][]byte{[]byte("hello")}, 1, Deflate{})
	for _, tt := range []struct {
		name string
		in   []byte
		want error
	}{
		{"another text", serverFrame(0x81, []byte("hellO")), ErrReply},
		{"a shorter text", serverFrame(0x81, []byte("hell")), ErrReply},
		{"a longer text", serverFrame(0x81, []byte("hello!")), ErrReply},
		{"an empty text", serverFrame(0x81, nil), ErrReply},
		{"another opcode", serverFrame(0x82, []byte("hello")), ErrReply},
		{"a masked frame", AppendFrame(nil, OpText, false, []byte("hello")), ErrFrame},
		{"compression nobody agreed on", serverFrame(0xc1, []byte("hello")), ErrFrame},
		{"a reserved bit", serverFrame(0xa1, []byte("hello")), ErrFrame},
		{"a reserved opcode", serverFrame(0x83, []byte("hello")), ErrFrame},
		{"a continuation of nothing", serverFrame(0x80, []byte("hello")), ErrFrame},
		{"a message inside another", append(serverFrame(0x01, []byte("he")), serverFrame(0x81, nil)...), ErrFrame},
		{"a fragmented ping", serverFrame(0x09, nil), ErrFrame},
		{"a long ping", serverFrame(0x89, Filler(126)), ErrFrame},
		{"an absurd length", []byte{0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0}, ErrFrame},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewStream(script)
			if _, err := s.Feed(tt.in); !errors.Is(err, tt.want) {
				t.Errorf("Feed = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestStreamReportsTheCloseFrame(t *testing.T) {
	for _, tt := range []struct {
		payload []byte
		want    CloseError
	}{
		{nil, CloseError{Code: 1005}},
		{[]byte{0x03, 0xe8}, CloseError{Code: 1000}},
		{append([]byte{0x03, 0xf0}, "too slow"...), CloseError{Code: 1008, Reason: "too slow"}},
	} {
		s := NewStream(NewScript(OpText, [][]byte{[]byte("x")}, 1, Deflate{}))
		_, err := s.Feed(serverFrame(0x88, tt.payload))
		var got *CloseError
		if !errors.As(err, &got) || *got != tt.want {
			t.Errorf("close payload % x gives %v, want %v", tt.payload, err, &tt.want)
		}
	}
}

func TestHandshake(t *testing.T) {
	const ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	const ext = "sec-websocket-extensions: "
	for _, tt := range []struct {
		name, head string
		ask        Compression
		want       Deflate
		refused    bool
	}{
		{"plain", ok, Off, Deflate{}, false},
		{"not 101", strings.Replace(ok, "101", "403", 1), Off, Deflate{}, true},
		{"wrong accept", strings.Replace(ok, "s3p", "xxx", 1), Off, Deflate{}, true},
		{"unasked", ok + ext + "permessage-deflate\r\n", Off, Deflate{}, true},
		{"declined", ok, Message, Deflate{}, true},
		{"message", ok + ext + "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n", Message, Deflate{Enabled: true}, false},
		{"takeover unasked", ok + ext + "permessage-deflate\r\n", Message, Deflate{}, true},
		{"context", ok + ext + "permessage-deflate\r\n", Context, Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, false},
		{"windows", ok + ext + `permessage-deflate; server_max_window_bits=12; client_max_window_bits="12"` + "\r\n", Context,
			Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true, ClientBits: 12}, false},
		{"half a context", ok + ext + "permessage-deflate; client_no_context_takeover\r\n", Context, Deflate{Enabled: true, ServerTakeover: true}, false},
		{"no context", ok + ext + "permessage-deflate; server_no_context_takeover\r\n", Context, Deflate{}, true},
		{"bits out of range", ok + ext + "permessage-deflate; client_max_window_bits=16\r\n", Context, Deflate{}, true},
		{"another extension", ok + ext + "x-webkit-deflate-frame\r\n", Context, Deflate{}, true},
		{"another parameter", ok + ext + "permessage-deflate; x\r\n", Context, Deflate{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseResponse([]byte(tt.head+"\r\n"), tt.ask)
			if errors.Is(err, ErrRefused) != tt.refused || !tt.refused && got != tt.want {
				t.Errorf("ParseResponse = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
	if b := []byte(ok + "\r\nmore"); HeadEnd(b) != len(b)-4 || HeadEnd(b[:20]) != 0 {
		t.Errorf("HeadEnd = %d, %d", HeadEnd(b), HeadEnd(b[:20]))
	}
}

// FuzzStreamFeed holds that any bytes, in any two pieces, give the same count and
// the same verdict, and never a panic.
func FuzzStreamFeed(f *testing.F) {
	texts := JSONTexts(3, 300)
	f.Add(serverFrame(0x81, texts[0]), 5, false)
	f.Add(serverFrame(0xc1, deflate(texts[0], nil)), 3, true)
	f.Add(append(serverFrame(0x89, []byte("p")), serverFrame(0x88, []byte{3, 232})...), 2, true)
	scripts := map[bool]*Script{
		false: NewScript(OpText, texts, 1, Deflate{}),
		true:  NewScript(OpText, texts, 1, Deflate{Enabled: true, ServerTakeover: true}),
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int, compressed bool) {
		script := scripts[compressed]
		whole, pieces := NewStream(script), NewStream(script)
		n, err := whole.Feed(in)
		cut = min(max(cut, 0), len(in))
		a, err2 := pieces.Feed(in[:cut])
		if err2 == nil {
			var b int
			b, err2 = pieces.Feed(in[cut:])
			a += b
		}
		if n != a || (err == nil) != (err2 == nil) {
			t.Fatalf("whole: %d, %v; cut at %d: %d, %v", n, err, cut, a, err2)
		}
	})
}
