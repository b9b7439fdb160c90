package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// FuzzPieces: whatever a peer sends, in whatever chunks, a class that gets pieces and one that
// gets whole messages see the same messages and control payloads, and the connection ends in the
// same way. Only where compressed data is bad may pieces tell earlier.
func FuzzPieces(f *testing.F) {
	seeds := append(hostileSeeds(), smallTalk().bytes)
	for i, s := range seeds {
		for kind := range byte(4) {
			f.Add(s, byte(5*i), byte(11*i+1), kind)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, chunk, other, kind byte) {
		if len(in) > 32<<10 {
			return // beyond 40 KiB an inflater that has the whole may refuse what gives nothing
		}
		comparePieces(t, in, 1+int(chunk), 1+int(other), kind)
	})
}

// comparePieces runs in through both kinds of class, in chunks of two sizes.
func comparePieces(t *testing.T, in []byte, chunk, other int, kind byte) {
	t.Helper()
	limit := int64(100_000)
	if kind&2 != 0 {
		limit = 300
	}
	set := testSettings(func(s *Settings) { s.MaxMessage, s.MaxPieces, s.CloseTimeout = limit, limit, time.Second })
	pieces := newTaker(set, &fakeWire{script: chopped(bytes.Clone(in), chunk), end: io.EOF}, hostileInflate(kind))
	pieces.life()
	whole := newGatherer(set, &fakeWire{script: chopped(bytes.Clone(in), other), end: io.EOF}, hostileInflate(kind))
	whole.life()
	if pieces.wrong != nil {
		t.Fatal(pieces.wrong)
	}
	checkEnd(t, whole.recorder)
	p, w := pieces.Info(), whole.Info()
	same := p.Code == w.Code && p.Reason == w.Reason && p.Remote == w.Remote
	early := kind&1 != 0 && (p.Code == client.StatusInvalidPayload || p.Code == client.StatusMessageTooBig)
	switch {
	case !same && !early:
		t.Fatalf("pieces end with %v, whole messages with %v", p, w)
	case early && len(pieces.log) <= len(whole.log):
		sameLog(t, pieces.log, whole.log[:len(pieces.log)])
	default:
		sameLog(t, pieces.log, whole.log)
	}
}

// TestPiecesAgreeWithWholeMessages is FuzzPieces for inputs with random damage.
func TestPiecesAgreeWithWholeMessages(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	for _, seed := range append(hostileSeeds(), smallScript().bytes, smallTalk().bytes) {
		for kind := range byte(4) {
			for range 40 {
				in := bytes.Clone(seed)
				for range rnd.IntN(4) {
					if len(in) > 0 {
						in[rnd.IntN(len(in))] ^= 1 << rnd.IntN(8)
					}
				}
				comparePieces(t, in, 1+rnd.IntN(300), 1+rnd.IntN(300), kind)
			}
		}
	}
}

// FuzzClosePayload: a close frame is understood, or refused with a code of its own; what is
// understood may be sent back. X-18
func FuzzClosePayload(f *testing.F) {
	for _, p := range []string{
		"", "\x03", "\x03\xe8", "\x03\xe8bye", "\x03\xedx", "\x03\xe7", "\x13\x88", "\x0f\xa0\xff", "\x03\xe8\xed\xa0\x80",
		"\x0b\xb8" + strings.Repeat("é", 61), "\x03\xe8" + strings.Repeat("x", 123), "\xff\xff", "\x00\x00",
	} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > maxControl {
			return
		}
		code, reason, v := parseClose(p)
		switch {
		case len(p) == 0 && (code != client.StatusNoCode || reason != "" || v != nil):
			t.Fatalf("an empty payload is %v %q, %v", code, reason, v)
		case len(p) == 0:
		case v == nil && (len(p) < 2 || !code.Sendable() || int(code) != int(p[0])<<8|int(p[1]) || reason != string(p[2:]) || !utf8.ValidString(reason)):
			t.Fatalf("%q is %v %q", p, code, reason)
		case v != nil && v.Code != client.StatusProtocolError && v.Code != client.StatusInvalidPayload:
			t.Fatalf("%q is refused with %v", p, v.Code)
		case v != nil && len(p) >= 2 && utf8.Valid(p[2:]) && client.StatusCode(int(p[0])<<8|int(p[1])).Sendable():
			t.Fatalf("%q is refused: %v", p, v)
		}
		// And through the filter, byte by byte.
		c := newTaker(testSettings(), &fakeWire{script: chopped(wstest.Frame{Op: wstest.OpClose, Payload: p, Key: [4]byte{1, 2, 3, 4}}.Bytes(), 1), end: io.ErrUnexpectedEOF}, nil)
		c.life()
		i := c.Info()
		want := client.CloseInfo{Code: code, Reason: reason, Remote: true}
		if v != nil {
			want = client.CloseInfo{Code: v.Code, Reason: v.Text}
		}
		if i.Code != want.Code || i.Reason != want.Reason || i.Remote != want.Remote || (v == nil) != errors.Is(c.err, io.EOF) {
			t.Fatalf("%q ends it with %+v, want %+v", p, i, want)
		}
		answer, err := wstest.ReadFrame(bytes.NewReader(c.wire.(*fakeWire).written()), false, 0)
		if err != nil || wstest.CheckClose(answer) != nil {
			t.Fatalf("%q is answered with %+v, %v", p, answer, err)
		}
		if got, _ := answer.CloseCode(); got != int(want.Code) {
			t.Fatalf("%q is answered with %d, want %d", p, got, want.Code)
		}
	})
}
