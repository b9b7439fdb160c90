package wstest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFramesLookAsTheProtocolSays(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for _, tt := range []struct {
		name  string
		frame Frame
		want  string // the first bytes
	}{
		{"RFC 6455 section 5.7: masked Hello", Frame{Op: OpText, Payload: []byte("Hello"), Key: key}, "81 85 37fa213d 7f9f4d5158"},
		{"unmasked Hello", Frame{Op: OpText, Payload: []byte("Hello"), Unmasked: true}, "81 05 48656c6c6f"},
		{"first fragment", Frame{Op: OpText, More: true, Payload: []byte("Hel"), Unmasked: true}, "01 03 48656c"},
		{"last fragment", Frame{Payload: []byte("lo"), Unmasked: true}, "80 02 6c6f"},
		{"reserved bits", Frame{Op: OpPing, RSV: RSV1 | RSV3, Unmasked: true}, "d9 00"},
		{"126 bytes", Frame{Op: OpBinary, Payload: make([]byte, 126), Unmasked: true}, "82 7e 007e 00"},
		{"65536 bytes", Frame{Op: OpBinary, Payload: make([]byte, 65536), Unmasked: true}, "82 7f 0000000000010000 00"},
		{"16 bits for nothing", Frame{Op: OpBinary, Length: Length16, Unmasked: true}, "82 7e 0000"},
		{"64 bits for nothing", Frame{Op: OpBinary, Length: Length64, Key: key}, "82 ff 0000000000000000 37fa213d"},
		{"close", Close(1002, "no"), "88 84 00000000 03ea 6e6f"},
		{"empty close", EmptyClose(), "88 80 00000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.want)
			if got := tt.frame.Bytes(); !bytes.HasPrefix(got, want) {
				t.Errorf("got % x, want % x", got[:min(len(got), 20)], want)
			}
		})
	}
}

func TestHeaderDeclaresWhatItIsTold(t *testing.T) {
	got := Frame{Op: OpBinary, Unmasked: true}.Header(1<<64 - 1)
	if want := unhex(t, "82 7f ffffffffffffffff"); !bytes.Equal(got, want) {
		t.Errorf("header % x, want % x", got, want)
	}
}

func TestReadFrameTakesWhatAppendMakes(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 200_000} {
		for _, unmasked := range []bool{true, false} {
			want := Frame{Op: OpBinary, More: true, RSV: RSV1, Payload: bytes.Repeat([]byte{7}, n), Unmasked: unmasked}
			if !unmasked {
				want.Key = [4]byte{1, 2, 3, 4}
			}
			r := bytes.NewReader(want.Bytes())
			got, err := ReadFrame(r, !unmasked, RSV1)
			if err != nil || !reflect.DeepEqual(got, want) || r.Len() != 0 {
				t.Errorf("%d bytes: got %v, %v, %d left", n, got.Op, err, r.Len())
			}
		}
	}
}

func TestReadFrameIsStrict(t *testing.T) {
	for _, tt := range []struct{ name, wire string }{
		{"mask", "81 80 00000000"},
		{"RSV1 without compression", "c1 00"},
		{"RSV2", "a1 00"},
		{"RSV3", "91 00"},
		{"opcode 3", "83 00"},
		{"opcode 7", "87 00"},
		{"opcode 11", "8b 00"},
		{"opcode 15", "8f 00"},
		{"fragmented ping", "09 00"},
		{"ping of 126 bytes", "89 7e 007e"},
		{"125 in 16 bits", "82 7e 007d"},
		{"65535 in 64 bits", "82 7f 000000000000ffff"},
		{"length that nobody has", "82 7f 7fffffffffffffff"},
		{"length with the top bit", "82 7f 8000000000000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ReadFrame(bytes.NewReader(unhex(t, tt.wire)), false, 0); !errors.Is(err, ErrBadFrame) {
				t.Errorf("got %v, want ErrBadFrame", err)
			}
		})
	}
	for _, wire := range []string{"d9 00", "c0 00"} {
		if _, err := ReadFrame(bytes.NewReader(unhex(t, wire)), false, RSV1); !errors.Is(err, ErrBadFrame) {
			t.Errorf("RSV1 on %s with compression: %v, want ErrBadFrame", wire, err)
		}
	}
}

func TestReadFrameTellsAnEndFromACut(t *testing.T) {
	whole := Frame{Op: OpText, Payload: make([]byte, 300), Key: [4]byte{1}}.Bytes()
	for n := range whole {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, err := ReadFrame(bytes.NewReader(whole[:n]), true, 0); err != want {
			t.Fatalf("after %d bytes: %v, want %v", n, err, want)
		}
	}
}

func TestSplitKeepsReservedBitsOnTheFirst(t *testing.T) {
	got := Frame{Op: OpText, RSV: RSV1, Payload: []byte("abcdef")}.Split(0, 4)
	want := []Frame{
		{Op: OpText, RSV: RSV1, More: true, Payload: []byte("")},
		{More: true, Payload: []byte("abcd")},
		{Payload: []byte("ef")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0x81, 5, 'H', 'e', 'l', 'l', 'o'}, false)
	f.Add(Ping([]byte("x")).Bytes(), true)
	f.Add(Frame{Op: OpBinary, Payload: make([]byte, 70_000)}.Bytes(), true)
	f.Fuzz(func(t *testing.T, wire []byte, masked bool) {
		r := bytes.NewReader(wire)
		frame, err := ReadFrame(r, masked, RSV1)
		if err != nil {
			return
		}
		if got := frame.Bytes(); !bytes.Equal(got, wire[:len(wire)-r.Len()]) {
			t.Errorf("read % x, would write % x", wire, got)
		}
	})
}
