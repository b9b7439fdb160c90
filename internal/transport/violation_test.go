package transport

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// TestViolationComesAfterWhatWasGood: in every chop the messages before a bad
// frame are delivered, then the close frame has the code.
func TestViolationComesAfterWhatWasGood(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  []byte
		code int
	}{
		{"reserved opcode", []byte{0x83, 0x80, 0, 0, 0, 0}, 1002},
		{"RSV2", []byte{0xa2, 0x80, 0, 0, 0, 0}, 1002},
		{"RSV3", []byte{0x92, 0x80, 0, 0, 0, 0}, 1002},
		{"RSV1 on a ping", []byte{0xc9, 0x80, 0, 0, 0, 0}, 1002},
		{"RSV1 on a continuation", []byte{0x02, 0x80, 0, 0, 0, 0, 0xc0, 0x80, 0, 0, 0, 0}, 1002},
		{"unmasked", []byte{0x82, 1, 'x'}, 1002},
		{"top bit of the length", append([]byte{0x82, 0xff}, bytes.Repeat([]byte{0xff}, 12)...), 1002},
		{"continuation of nothing", []byte{0x80, 0x80, 0, 0, 0, 0}, 1002},
		{"text inside a message", []byte{0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0}, 1002},
		{"fragmented ping", []byte{0x09, 0x80, 0, 0, 0, 0}, 1002},
		{"one byte of close", []byte{0x88, 0x81, 0, 0, 0, 0, 3}, 1002},
		{"close code 1005", []byte{0x88, 0x82, 0, 0, 0, 0, 3, 0xed}, 1002},
		{"reason is not UTF-8", []byte{0x88, 0x83, 0, 0, 0, 0, 3, 0xe8, 0xff}, 1007},
		{"text is not UTF-8", []byte{0x81, 0x81, 0, 0, 0, 0, 0xff}, 1007},
		{"half a rune", []byte{0x81, 0x81, 0, 0, 0, 0, 0xc3}, 1007},
		{"bad between fragments", []byte{0x01, 0x82, 0, 0, 0, 0, 0xe0, 0x80}, 1007},
		{"a rune that is never whole", []byte{0x01, 0x81, 0, 0, 0, 0, 0xc3, 0x80, 0x80, 0, 0, 0, 0}, 1007},
		{"bad in the first part of a frame", []byte{0x81, 0xfe, 1, 0, 0, 0, 0, 0, 'a', 0xff}, 1007},
		{"corrupt compressed data", []byte{0xc1, 0x81, 0, 0, 0, 0, 0xff}, 1007},
		{"too big", []byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0}, 1009},
		{"too big in sum", []byte{0x02, 0x81, 0, 0, 0, 0, 1, 0x80, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, 1009},
		{"2^62 bytes", []byte{0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1009},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			s.frames(wstest.Text("good"), wstest.Ping([]byte("good")), wstest.Binary([]byte{1}))
			s.bytes = append(s.bytes, tt.bad...)
			for n := 1; n <= len(s.bytes); n++ {
				w := &fakeWire{script: chopped(s.bytes, n), end: io.EOF}
				r := newRecorder(testSettings(), w, deflate.NewDecompressor(takeover))
				r.run()
				r.Finish()
				r.Linger()
				if got, want := strings.Join(r.log[:3], "\n"), strings.Join(s.log, "\n"); got != want {
					t.Fatalf("in pieces of %d the engine saw\n%s\nwant\n%s", n, got, want)
				}
				wantCloseFrame(t, w.written(), tt.code)
				if got := int(r.Info().Code); got != tt.code || r.Info().Remote {
					t.Fatalf("in pieces of %d: %v, want %d", n, r.Info(), tt.code)
				}
				var p *client.ProtocolError
				if !errors.As(r.Info().Cause, &p) || int(p.Code) != tt.code {
					t.Fatalf("cause %v, want a ProtocolError with %d", r.Info().Cause, tt.code)
				}
			}
		})
	}
}

// wantCloseFrame reads what was written: pongs, and then a close frame.
func wantCloseFrame(t *testing.T, out []byte, code int) {
	t.Helper()
	in := bytes.NewReader(out)
	for {
		f, err := wstest.ReadFrame(in, false, 0)
		if err != nil {
			t.Fatalf("no close frame in % x", out)
		}
		if f.Op != wstest.OpClose {
			continue
		}
		if got, reason := f.CloseCode(); got != code {
			t.Fatalf("closed with %d %q, want %d", got, reason, code)
		}
		if in.Len() > 0 {
			t.Fatalf("%d bytes behind the close frame", in.Len())
		}
		return
	}
}

// TestTextFailsAtItsFirstBadByte: long before the message is whole, in a frame
// of any size and between fragments. R-07
func TestTextFailsAtItsFirstBadByte(t *testing.T) {
	for _, size := range []int{10, 1000, 60_000, maxWhole + 1, 500_000} {
		for _, at := range []int{0, size / 3, size/2 + 1, size - 2} {
			for _, first := range []wstest.Frame{wstest.Text(""), wstest.Text("a\xc3").Open()} {
				frame := first
				var in []byte
				if first.More {
					in = first.Bytes()
					frame = wstest.Continuation(nil).Open()
				}
				frame.Key = [4]byte{1, 2, 3, 4}
				frame.Payload = bytes.Repeat([]byte("x"), size)
				if first.More {
					frame.Payload[0] = 0xa9
				}
				frame.Payload[at] = 0xff
				whole := frame.Bytes()
				in = append(in, whole[:len(whole)-size+at+1]...) // ends with the bad byte

				w := &fakeWire{script: chopped(in, 5000), end: io.EOF}
				r := newRecorder(testSettings(), w, nil)
				r.run()
				r.Finish()
				r.Linger()
				if got := r.Info().Code; got != client.StatusInvalidPayload {
					t.Fatalf("byte %d of %d is bad, fragment %v: %v", at, size, first.More, r.Info())
				}
				if !errors.Is(r.Info().Cause, client.ErrInvalidUTF8) {
					t.Fatalf("cause %v, want ErrInvalidUTF8", r.Info().Cause)
				}
			}
		}
	}
}

// TestDataAfterOurCloseIsDiscarded, fragments and sizes of all kinds, until the
// peer's close frame ends the reading. X-09
func TestDataAfterOurCloseIsDiscarded(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after []wstest.Frame
	}{
		{"messages", []wstest.Frame{wstest.Text("late"), wstest.Binary(make([]byte, 100_000))}},
		{"the rest of a message", []wstest.Frame{wstest.Continuation([]byte("a")).Open(), wstest.Continuation([]byte("b")), wstest.Text("next")}},
		{"fragments", wstest.Frame{Op: wstest.OpBinary, Payload: []byte("abcdef")}.Split(1, 2)},
		{"a message over the limit", []wstest.Frame{wstest.Binary(make([]byte, 2<<20))}},
		{"bad text", []wstest.Frame{wstest.Text("\xff")}},
		{"pings", []wstest.Frame{wstest.Ping([]byte("p")), wstest.Pong([]byte("p"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range []int{1, 7, 4096, 1 << 20} {
				if n == 1 && tt.name == "a message over the limit" {
					continue
				}
				var in []byte
				if tt.after[0].Op == wstest.OpContinuation {
					in = wstest.Text("begun").Open().Append(in)
				}
				in = wstest.Text("close now").Append(in)
				if tt.after[0].Op == wstest.OpContinuation {
					in = wstest.Text("begun").Open().Bytes()
				}
				for _, f := range tt.after {
					f.Key = [4]byte{5, 6, 7, 8}
					in = f.Append(in)
				}
				in = wstest.Close(4001, "mine").Append(in)

				w := &fakeWire{script: chopped(in, n), end: errors.New("read past the close frame")}
				r := newRecorder(testSettings(), w, nil)
				closeNow := func(op byte, data []byte) {
					if err := r.CloseWith(1000, "", false, client.ErrCloseCalled); err != nil && string(data) == "close now" {
						t.Errorf("CloseWith: %v", err)
					}
				}
				r.onMessage = closeNow
				if tt.after[0].Op == wstest.OpContinuation {
					closeNow(0, nil) // in the middle of a message
				}
				r.run()
				r.Finish()
				r.Linger()
				if r.err != io.EOF {
					t.Fatalf("in pieces of %d Read ended with %v, want EOF at the peer's close frame", n, r.err)
				}
				wantCloseFrame(t, w.written(), 1000)
				if want := (client.CloseInfo{Code: 1000, Cause: client.ErrCloseCalled}); r.Info() != want {
					t.Fatalf("%v, want %v", r.Info(), want)
				}
			}
		})
	}
}
