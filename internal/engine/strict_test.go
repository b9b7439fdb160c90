package engine

import (
	"fmt"
	"testing"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/internal/wstest"
)

// first is what a server sends first after in, told in a few words. A ping
// behind in makes it say something in any case.
func first(p *wstest.Peer, in []byte) string {
	p.Write(append(in, p.Encode(wstest.Ping([]byte("probe")))...))
	f, err := p.NextFrame()
	switch {
	case err != nil:
		return err.Error()
	case f.Op == wstest.OpClose && len(f.Payload) == 0:
		return "close"
	case f.Op == wstest.OpClose:
		code, _ := f.CloseCode()
		return fmt.Sprint("close ", code)
	case f.Op == wstest.OpPong:
		return fmt.Sprintf("pong %q", f.Payload)
	}
	data := f.Payload
	if f.RSV != 0 {
		data, err = p.Inflater.Inflate(data)
	}
	return fmt.Sprintf("message %q %v", data, err)
}

// TestStrictness sends the same bytes to us and to gws alone. Where those differ,
// our layers make the difference; they must not be left out. R-06 R-07 R-08 X-18
func TestStrictness(t *testing.T) {
	frame := func(first byte, payload string) []byte {
		return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	}
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	const zip, plain = true, false
	bomb := wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: wstest.NewDeflater(15, false).Deflate(make([]byte, 2<<20))}.Bytes()
	for _, tt := range []struct {
		name string
		zip  bool
		in   []byte
		ours string
		gws  string
	}{
		{"length of 5 in 16 bits", plain, append([]byte{0x82, 0xfe, 0, 5, 0, 0, 0, 0}, "hello"...), "close 1002", `message "hello" <nil>`},
		{"length of 5 in 64 bits", plain, append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0}, "hello"...), "close 1002", `message "hello" <nil>`},
		{"RSV2", plain, frame(0xa2, "x"), "close 1002", "close 1002"},
		{"RSV2 with compression", zip, frame(0xa2, "x"), "close 1002", `message "x" <nil>`},
		{"RSV3 with compression", zip, frame(0x92, "x"), "close 1002", `message "x" <nil>`},
		{"RSV1 without compression", plain, frame(0xc2, "x"), "close 1002", "close 1002"},
		{"RSV1 on a ping", zip, frame(0xc9, "x"), "close 1002", `pong ""`},
		{"RSV1 on a continuation", zip, join(frame(0x02, "a"), frame(0xc0, "b")), "close 1002", `message "ab" <nil>`},
		{"unmasked", plain, []byte{0x82, 1, 'x'}, "close 1002", "close 1002"},
		{"opcode 3", plain, frame(0x83, "x"), "close 1002", "close 1002"},
		{"opcode 11", plain, frame(0x8b, "x"), "close 1002", "close 1002"},
		{"ping of 126 bytes", plain, append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...), "close 1002", "close 1002"},
		{"fragmented ping", plain, frame(0x09, "x"), "close 1002", "close 1002"},
		{"message inside a message", plain, join(frame(0x02, "a"), frame(0x82, "b")), "close 1002", "close 1002"},
		{"continuation of nothing", plain, frame(0x80, "a"), "close 1002", "close 1002"},
		{"text that is not UTF-8", plain, frame(0x81, "\xff"), "close 1007", "close 1007"},
		{"its first fragment", plain, frame(0x01, "\xff"), "close 1007", `pong ""`},
		{"its first bytes", plain, append([]byte{0x81, 0xfe, 1, 0, 0, 0, 0, 0, 0xff}, make([]byte, 255)...), "close 1007", "close 1007"},
		{"compressed data that is none", zip, frame(0xc1, "\xff\xff"), "close 1007", "close 1011"},
		{"a bomb", zip, bomb, "close 1009", "close 1011"},
		{"over the limit", plain, wstest.Binary(nil).Header(1<<20 + 1), "close 1009", "close 1009"},
		{"close", plain, frame(0x88, ""), "close", "close"},
		{"close 1000", plain, frame(0x88, "\x03\xe8"), "close 1000", "close 1000"},
		{"close 1001", plain, frame(0x88, "\x03\xe9"), "close 1001", "close 1000"},
		{"close 1011", plain, frame(0x88, "\x03\xf3"), "close 1011", "close 1000"},
		{"close 1012", plain, frame(0x88, "\x03\xf4"), "close 1012", "close 1000"},
		{"close 1014", plain, frame(0x88, "\x03\xf6"), "close 1014", "close 1002"},
		{"close 1015", plain, frame(0x88, "\x03\xf7"), "close 1002", "close 1002"},
		{"close 4000", plain, frame(0x88, "\x0f\xa0"), "close 4000", "close 4000"},
		{"close 2500", plain, frame(0x88, "\x09\xc4"), "close 1002", "close 1002"},
		{"close of one byte", plain, frame(0x88, "\x03"), "close 1002", "close 1002"},
		{"close with a bad reason", plain, frame(0x88, "\x03\xe8\xff"), "close 1007", "close 1007"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, b := newHall(), &bare{option: gws.ServerOption{CheckUtf8Enabled: true, ReadMaxPayloadSize: 1 << 20}}
			extensions := ""
			if tt.zip {
				h.deflate, extensions = &takeoverParams, offer
				b.option.PermessageDeflate = compressed.PermessageDeflate
			}
			_, p := h.enter(t)
			if got := first(p, tt.in); got != tt.ours {
				t.Errorf("we: %s, want %s", got, tt.ours)
			}
			_, p = b.enter(t, extensions)
			if got := first(p, tt.in); got != tt.gws {
				t.Errorf("gws alone: %s, want %s; look again at the row", got, tt.gws)
			}
		})
	}
}

// TestPongHasThePayloadOfItsPing: that of gws is empty (RFC 6455 section 5.5.3). K-08
func TestPongHasThePayloadOfItsPing(t *testing.T) {
	_, p := newHall().enter(t)
	p.Send(wstest.Ping([]byte("data")))
	p.WantPong([]byte("data"))

	_, p = new(bare).enter(t, "")
	p.Send(wstest.Ping([]byte("data")))
	p.WantPong(nil)
}

// TestFirstBytesOfBadTextAreEnough: gws alone waits for the end of the message. R-07
func TestFirstBytesOfBadTextAreEnough(t *testing.T) {
	in := append([]byte{0x81, 0xfe, 1, 0, 0, 0, 0, 0}, "ab\xff"...) // of 256 bytes
	_, p := newHall().enter(t)
	p.Write(in)
	p.WantClose(1007)

	b := &bare{option: gws.ServerOption{CheckUtf8Enabled: true}}
	_, p = b.enter(t, "")
	p.Write(append(in, make([]byte, 252)...)) // one is missing
	p.Send(wstest.Ping(nil))                  // its first byte is the last of the text
	p.WantClose(1007)                         // only now
}

// TestNobodyIsToldOurErrors: at the end of the stream gws sends the text of an
// error with code 1000.
func TestNobodyIsToldOurErrors(t *testing.T) {
	half := []byte{0x82, 0x85, 0, 0, 0, 0, 'h'}
	_, p := newHall().enter(t)
	p.Write(half)
	p.CloseWrite()
	p.WantEnd()

	_, p = new(bare).enter(t, "")
	p.Write(half)
	p.CloseWrite()
	if code, reason := p.ReadClose(); code != 1000 || reason == "" {
		t.Errorf("gws alone: closed with %d %q", code, reason)
	}
}
