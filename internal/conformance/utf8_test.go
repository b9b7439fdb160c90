package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

var goodText = []string{
	"", "a", "\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\uffff",
	"\U00010000", "\U0010ffff", "\ufeff", "κόσμε", "Grüße, 世界 🌍", "\U0001f9d1\u200d\U0001f680",
}

// badText are sequences that are wrong with their last byte and still possible
// one byte before (RFC 3629 section 4).
var badText = []string{
	"\x80", "\xbf", // continuation of nothing
	"\xc0", "\xc1", // two bytes for ASCII
	"\xe0\x80", "\xe0\x9f", // overlong
	"\xf0\x80", "\xf0\x8f", // overlong
	"\xed\xa0", "\xed\xbf", // surrogates
	"\xf4\x90", "\xf4\xbf", // over U+10FFFF
	"\xf5", "\xf8", "\xfc", "\xfe", "\xff", // no such byte
	"\xc2a", "\xc2\xc2", "\xe1\x80a", "\xf1\x80\x80a", "\xf1\x80\xff", // cut off
	"Hello \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0",
}

// unfinished are sequences that may go on but may not be the end of a message.
var unfinished = []string{"\xc2", "\xdf", "\xe0\xa0", "\xe1", "\xe1\x80", "\xed\x9f", "\xf0\x90", "\xf1\x80\x80", "\xf4\x8f\xbf", "text \xf0\x9f\x8c"}

func TestValidTextComesBackHoweverItIsCut(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for _, s := range goodText {
			f := Text(s)
			p.Send(f)
			p.WantText(s)
			p.SendChopped(1, f)
			p.WantText(s)
			p.Send(f.Split(slices.Repeat([]int{1}, len(s))...)...)
			p.WantText(s)
			for cut := range len(s) {
				p.Send(f.Split(cut, 0)...)
				p.WantText(s)
			}
		}
		alive(p)
	})
}

func TestInvalidTextIsRefusedHoweverItIsCut(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, s := range append(badText, unfinished...) {
			f := Text(s)
			for _, frames := range [][]Frame{{f}, f.Split(len(s)), f.Split(slices.Repeat([]int{1}, len(s))...), f.Split(len(s) - 1)} {
				p := m.open(t)
				p.Send(frames...)
				refuses(p, 1007)
			}
			p := m.open(t)
			p.SendChopped(1, f)
			refuses(p, 1007)
		}
	})
}

func TestInvalidTextIsRefusedBetweenFragments(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, s := range badText {
			p := m.open(t)
			p.Send(Text("good").Open(), Continuation([]byte(s[:len(s)-1])).Open(), Ping(nil))
			p.WantPong(nil) // so far it may become valid
			p.Send(Continuation([]byte(s[len(s)-1:])).Open())
			refuses(p, 1007) // and now it cannot; the message is still open
		}
	})
}

// TestInvalidTextIsRefusedInsideAFrame declares more than it ever sends.
func TestInvalidTextIsRefusedInsideAFrame(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for _, declared := range []int{100, 1000, 60_000, 70_000, 300_000} {
			for _, s := range []string{"\xff", "\xed\xa0", "\xf4\x90"} {
				for _, good := range []int{0, 1, 50, declared / 2, declared - 10} {
					text := append(words(good, 1), s...)
					whole := Text(string(text) + strings.Repeat("x", declared-len(text)))
					p := m.open(t)
					p.Write(p.Encode(whole)[:len(whole.Header(uint64(declared)))+len(text)])
					refuses(p, 1007)
				}
			}
		}
	})
}

func TestInvalidTextIsRefusedInsideALaterFragment(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		for cut := 1; cut < 4; cut++ {
			smile, bad := "\U0001f600", "\xf0\x9f\x98x"
			p := m.open(t)
			p.Send(Text(smile + bad[:cut]).Open())
			f := Continuation([]byte(bad[cut:] + strings.Repeat("x", 5000)))
			p.Write(p.Encode(f)[:len(f.Header(5000))+10])
			refuses(p, 1007)
		}
	})
}

func TestBinaryMayBeAnything(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for _, s := range append(badText, unfinished...) {
			data := []byte(s)
			p.Send(Binary(data).Split(len(data)-1, 0)...)
			p.WantMessage(OpBinary, data)
		}
		alive(p)
	})
}

// TestTextStartsAnew checks that the state of one message does not reach into
// the next one, also when a binary message or a ping lies between.
func TestTextStartsAnew(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		p := m.open(t)
		for i := range 5 {
			s := fmt.Sprint("κ", i)
			p.Send(Binary([]byte{0xce}), Text(s[:1]).Open(), Ping([]byte{0xff}), Continuation([]byte(s[1:])), Binary([]byte{0xce}))
			p.WantPong([]byte{0xff})
			p.WantMessage(OpBinary, []byte{0xce})
			p.WantText(s)
			p.WantMessage(OpBinary, []byte{0xce})
		}
		alive(p)
	})
}
