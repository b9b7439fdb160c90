package wire

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"
)

// inflateAll reads the payloads of a sequence as a server would, with a window of
// that many bytes over all messages; zero is no takeover.
func inflateAll(t *testing.T, payloads [][]byte, window int) [][]byte {
	t.Helper()
	var history []byte
	var out [][]byte
	for i, p := range payloads {
		r := flate.NewReaderDict(bytes.NewReader(append(bytes.Clone(p), endTail...)), last(history, window))
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		history = append(history, text...)
		out = append(out, text)
	}
	return out
}

func TestCompressedFramesFitTheWindowAgreedOn(t *testing.T) {
	texts := JSONTexts(8, 1024)
	for _, tt := range []struct {
		name   string
		d      Deflate
		window int
	}{
		{"no takeover", Deflate{Enabled: true}, 0},
		{"32 KiB", Deflate{Enabled: true, ClientTakeover: true}, 1 << 15},
		{"4 KiB", Deflate{Enabled: true, ClientTakeover: true, ClientBits: 12}, 1 << 12},
		{"1 KiB", Deflate{Enabled: true, ClientTakeover: true, ClientBits: 10}, 1 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payloads := deflateAll(texts, tt.d)
			twice := append(append([][]byte{}, payloads...), payloads...)
			for i, got := range inflateAll(t, twice, tt.window) {
				if !bytes.Equal(got, texts[i%8]) {
					t.Fatalf("message %d comes out wrong", i)
				}
			}
		})
	}
}

func TestTakeoverCompressesBetter(t *testing.T) {
	size := func(d Deflate) (n int) {
		for _, p := range deflateAll(JSONTexts(64, 1024), d) {
			n += len(p)
		}
		return n
	}
	alone, kept := size(Deflate{Enabled: true}), size(Deflate{Enabled: true, ClientTakeover: true})
	if kept >= alone || alone >= 64*1024 {
		t.Errorf("64 KiB become %d bytes alone and %d with takeover", alone, kept)
	}
}

// serverWindow compresses replies as a server with takeover does: one window over
// every message it ever sent.
type serverWindow struct{ history []byte }

func (w *serverWindow) reply(text []byte) []byte {
	p := deflate(text, last(w.history, maxWindow))
	w.history = append(w.history, text...)
	return p
}

func TestCheckerTakesRightReplies(t *testing.T) {
	for _, tt := range []struct {
		name     string
		count    int
		takeover bool
	}{
		{"message by message", 64, false},
		{"a window shorter than the texts", 64, true},
		{"a window of several rounds", 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			texts := JSONTexts(tt.count, 1024)
			c := newChecker(texts, tt.takeover)
			var server serverWindow
			for seq := range 200 {
				if !tt.takeover {
					server = serverWindow{}
				}
				if err := c.reply(seq, server.reply(texts[seq%tt.count])); err != nil {
					t.Fatalf("message %d: %v", seq, err)
				}
			}
		})
	}
}

func TestCheckerRefusesWrongReplies(t *testing.T) {
	texts := JSONTexts(4, 1024)
	for _, tt := range []struct {
		name    string
		payload []byte
	}{
		{"another text", deflate(texts[1], nil)},
		{"a shorter text", deflate(texts[0][:1023], nil)},
		{"a longer text", deflate(append(bytes.Clone(texts[0]), 'x'), nil)},
		{"half a text", deflate(texts[0], nil)[:100]},
		{"no deflate at all", []byte{0xff, 0xff, 0xff}},
		{"nothing", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newChecker(texts, false)
			for range 2 { // also after a right one is remembered
				if err := c.reply(0, tt.payload); err == nil {
					t.Fatal("the reply was taken")
				}
				if err := c.reply(0, deflate(texts[0], nil)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestStreamReadsCompressedReplies(t *testing.T) {
	texts := JSONTexts(64, 1024)
	s := NewStream(NewScript(OpText, texts, 1, Deflate{Enabled: true, ServerTakeover: true}))
	var server serverWindow
	for seq := range 150 {
		p := server.reply(texts[seq%64])
		in := append(serverFrame(0x41, p[:10]), serverFrame(0x80, p[10:])...) // two fragments
		if n, err := s.Feed(in); n != 1 || err != nil {
			t.Fatalf("message %d: %d, %v", seq, n, err)
		}
	}
	if _, err := s.Feed(serverFrame(0x81, texts[150%64])); err == nil {
		t.Error("a reply outside the window was taken")
	}
}
