package transport

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// script is input together with what the engine and the events must see of it.
type script struct {
	bytes []byte
	log   []string
	keys  uint32
	zip   *wstest.Deflater
}

var takeover = deflate.Params{ClientTakeover: true}

func newScript() *script { return &script{zip: wstest.NewDeflater(15, true)} }

func (s *script) key() (k [4]byte) {
	s.keys += 0x9e3779b9
	return header{mask: s.keys}.key()
}

// frames adds frames that the engine sees as they are, and control frames.
func (s *script) frames(list ...wstest.Frame) {
	for _, f := range list {
		f.Key = s.key()
		s.bytes = f.Append(s.bytes)
		switch f.Op {
		case wstest.OpPing:
			s.log = append(s.log, noted("ping", f.Payload))
		case wstest.OpPong:
			s.log = append(s.log, noted("pong", f.Payload))
		case wstest.OpClose:
		default:
			s.log = append(s.log, notedFrame(f))
		}
	}
}

// zipped adds a compressed message in fragments, with pings between them. The
// engine sees one frame.
func (s *script) zipped(op wstest.Opcode, data []byte, sizes ...int) {
	frames := wstest.Frame{Op: op, RSV: wstest.RSV1, Payload: s.zip.Deflate(data)}.Split(sizes...)
	for i, f := range frames {
		f.Key = s.key()
		s.bytes = f.Append(s.bytes)
		if i+1 < len(frames) {
			s.frames(wstest.Ping([]byte{byte(i)}))
		}
	}
	s.log = append(s.log, notedFrame(wstest.Frame{Op: op, Payload: data}))
}

// play runs the script in pieces and compares what was seen.
func (s *script) play(t *testing.T, pieces [][]byte, wantErr error) *fakeWire {
	t.Helper()
	w := &fakeWire{script: pieces, end: io.EOF}
	r := newRecorder(testSettings(), w, deflate.NewDecompressor(takeover))
	r.run()
	if want := strings.Join(s.log, "\n"); strings.Join(r.log, "\n") != want {
		t.Fatalf("the engine saw\n%s\nwant\n%s", strings.Join(r.log, "\n"), want)
	}
	if !errors.Is(r.err, wantErr) {
		t.Fatalf("Read ended with %v, want %v", r.err, wantErr)
	}
	r.Finish()
	r.Linger()
	return w
}

// smallScript has every kind of frame that there is.
func smallScript() *script {
	s := newScript()
	long := strings.Repeat("Grüße 𝄞 ", 30)
	s.frames(
		wstest.Text("first"), wstest.Text(""), wstest.Binary(nil),
		wstest.Binary(bytes.Repeat([]byte{7}, 125)), wstest.Binary(bytes.Repeat([]byte{8}, 126)),
		wstest.Ping(nil), wstest.Text("between pings"), wstest.Ping(bytes.Repeat([]byte{9}, 125)), wstest.Pong([]byte("unasked")),
		wstest.Text("𝄞"), wstest.Text(long),
	)
	// Text in fragments that cut through runes, with control frames between them.
	for i, f := range (wstest.Frame{Op: wstest.OpText, Payload: []byte(long)}).Split(0, 4, 1, 9, 1, 1, 100) {
		s.frames(f, wstest.Ping([]byte{byte(i)}))
	}
	s.frames(wstest.Frame{Op: wstest.OpBinary, Payload: []byte("\xff\xfe\xc3")}.Split(0, 1, 1, 0)...)
	s.frames(wstest.Frame{Op: wstest.OpText}.Split(0)...)
	s.zipped(wstest.OpText, []byte(long))
	s.zipped(wstest.OpText, []byte(long), 0, 1, 2)
	s.frames(wstest.Text("not compressed"), wstest.Pong(nil))
	s.zipped(wstest.OpBinary, []byte("\xff binary"), 3)
	s.zipped(wstest.OpText, nil)
	s.frames(wstest.Text("last"))
	return s
}
