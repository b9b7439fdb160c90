package wire

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// Deflate is what a handshake agreed on for permessage-deflate (RFC 7692 section
// 7.1). The zero value is no compression.
type Deflate struct {
	Enabled        bool
	ServerTakeover bool // the server keeps its window over messages
	ClientTakeover bool // we keep ours
	ClientBits     int  // our window is at most 1<<ClientBits bytes; zero means 15
}

const maxWindow = 1 << 15

// level is the usual one of clients: browsers and zlib default to it.
const level = 6

// syncTail ends every compressed message and is not sent (RFC 7692 section
// 7.2.1).
var syncTail = []byte{0x00, 0x00, 0xff, 0xff}

// deflateAll compresses texts into payloads of frames. With takeover each text
// may refer to those before it but never past the first, so that the sequence
// stays valid when it is sent over and over.
func deflateAll(texts [][]byte, d Deflate) [][]byte {
	window := maxWindow
	if d.ClientBits > 0 {
		window = 1 << d.ClientBits
	}
	var history []byte
	payloads := make([][]byte, len(texts))
	for i, text := range texts {
		var dict []byte
		if d.ClientTakeover {
			// No distance inside the message is longer than dictionary and text together.
			dict = last(history, max(window-len(text), 0))
			history = append(history, text...)
		}
		payloads[i] = deflate(text, dict)
	}
	return payloads
}

// deflate compresses one message; writing to memory has no errors.
func deflate(text, dict []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriterDict(&out, level, dict)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(text)
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), syncTail)
}

func last(p []byte, n int) []byte { return p[max(len(p)-n, 0):] }

var (
	errInflate = errors.New("wire: compressed reply is not the text that was sent")
	endTail    = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}
)

// checker compares compressed replies with the texts.
//
// Every reply before it was right, so the server's window is known: the texts so
// far. What a payload says depends on that window and on itself only. Once the
// window has been filled the same text always meets the same window, and a
// payload that was right once is right again: servers repeat themselves, so that
// nearly all replies cost a comparison instead of an inflation.
type checker struct {
	texts    [][]byte
	takeover bool
	history  []byte // the texts in order, repeated until the window is full, and once more
	ends     []int  // ends[seq] is where message seq begins in history
	steady   int    // from this message on windows repeat
	seen     [][][]byte
	src      bytes.Reader
	in, out  []byte
	inflater io.ReadCloser
}

// variants bounds what is remembered of each text.
const variants = 4

func newChecker(texts [][]byte, takeover bool) *checker {
	c := &checker{texts: texts, takeover: takeover, seen: make([][][]byte, len(texts))}
	c.inflater = flate.NewReader(&c.src)
	if !takeover {
		return c
	}
	for full := false; !full; {
		full = len(c.history) >= maxWindow
		for _, text := range texts {
			c.ends = append(c.ends, len(c.history))
			c.history = append(c.history, text...)
		}
		if !full {
			c.steady += len(texts)
		}
	}
	return c
}

// window is what the server's compressor may refer to in message seq.
func (c *checker) window(seq int) []byte {
	if !c.takeover {
		return nil
	}
	if seq >= c.steady {
		seq = c.steady + seq%len(c.texts)
	}
	return last(c.history[:c.ends[seq]], maxWindow)
}

// reply checks the payload of message seq, which has the length of its frames.
func (c *checker) reply(seq int, payload []byte) error {
	i := seq % len(c.texts)
	repeats := seq >= c.steady
	if repeats {
		for _, p := range c.seen[i] {
			if bytes.Equal(p, payload) {
				return nil
			}
		}
	}
	if err := c.inflate(c.texts[i], c.window(seq), payload); err != nil {
		return err
	}
	if repeats && len(c.seen[i]) < variants {
		c.seen[i] = append(c.seen[i], bytes.Clone(payload))
	}
	return nil
}

func (c *checker) inflate(want, window, payload []byte) error {
	c.in = append(append(c.in[:0], payload...), endTail...)
	c.src.Reset(c.in)
	if err := c.inflater.(flate.Resetter).Reset(&c.src, window); err != nil {
		return fmt.Errorf("wire: inflating a reply: %w", err)
	}
	if cap(c.out) <= len(want) {
		c.out = make([]byte, len(want)+1) // one more byte than is right shows what is too long
	}
	n, err := io.ReadFull(c.inflater, c.out[:len(want)+1])
	if err != io.EOF && err != io.ErrUnexpectedEOF && err != nil {
		return fmt.Errorf("wire: inflating a reply: %w", err)
	}
	if !bytes.Equal(c.out[:n], want) {
		return errInflate
	}
	return nil
}
