package transport

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// outgoing is a connection over w whose reader waits for input, so that what is sent
// is written at once.
func outgoing(t *testing.T, w wire, edit ...func(*Settings)) *recorder {
	t.Helper()
	c := newRecorder(testSettings(edit...), w, nil)
	c.idle()
	t.Cleanup(func() {
		c.Abort(io.ErrClosedPipe)
		c.Finish()
		c.Linger()
	})
	return c
}

// queued sets the bounds of the queue.
func queued(q client.SendQueue) func(*Settings) {
	return func(s *Settings) { s.Queue = q.WithDefaults() }
}

// bytesOf is a message of n bytes, each of which is b.
func bytesOf(b byte, n int) Frame {
	return Frame{First: finBit | opBinary, Payload: bytes.Repeat([]byte{b}, n)}
}

// under gives a frame terms of its own.
func under(f Frame, t Terms) Frame {
	f.Terms = &t
	return f
}

// must ends the test unless the message is taken.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Send = %v", err)
	}
}

// story tells the frames of an output: opcode, payload and "+" where more fragments
// follow, in words that are short enough to compare.
func story(t *testing.T, out []byte) (list []string) {
	t.Helper()
	for _, f := range outFrames(t, out) {
		s := fmt.Sprintf("%d:", f.Op)
		if n := len(f.Payload); n > 16 {
			s += fmt.Sprintf("%c*%d", f.Payload[0], n)
		} else {
			s += string(f.Payload)
		}
		if f.More {
			s += "+"
		}
		list = append(list, s)
	}
	return list
}

func wantStory(t *testing.T, out []byte, want ...string) {
	t.Helper()
	if got := story(t, out); !slices.Equal(got, want) {
		t.Errorf("on the wire are\n\t%q\nwant\n\t%q", got, want)
	}
}

// joined makes messages of what was written, and fails where fragments of two mix.
func joined(t *testing.T, out []byte) (list []wstest.Message) {
	t.Helper()
	var j wstest.Joiner
	for _, f := range outFrames(t, out) {
		if f.Op.IsControl() {
			continue
		}
		m, whole, err := j.Add(f)
		if err != nil {
			t.Fatalf("message %d: %v", len(list), err)
		}
		if whole {
			list = append(list, m)
		}
	}
	return list
}

// paused is a fakeWire of which the test stops one write that does not wait, in the
// middle.
type paused struct {
	fakeWire
	mu      sync.Mutex // guards the following
	stop    chan struct{}
	entered chan struct{} // closed when a write waits; nil when one does
}

func newPaused() *paused {
	w := new(paused)
	w.trying = func() {
		w.mu.Lock()
		stop := w.stop
		if stop != nil && w.entered != nil {
			close(w.entered)
			w.entered = nil
		}
		w.mu.Unlock()
		if stop != nil {
			<-stop
		}
	}
	return w
}

// hold has the next writes wait until release is called; entered is closed when the
// first does.
func (w *paused) hold() (entered <-chan struct{}, release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stop := make(chan struct{})
	w.stop, w.entered = stop, make(chan struct{})
	return w.entered, func() {
		w.mu.Lock()
		w.stop = nil
		w.mu.Unlock()
		close(stop)
	}
}

// fileFake is a fakeWire that takes files. What it reads of them comes with the slices
// of gate, if there is one.
type fileFake struct {
	fakeWire
	files int // pieces of files that were written
}

func (w *fileFake) takesFiles() bool { return true }

func (w *fileFake) writeFile(_ *Conn, f *os.File, n int) (int, error) {
	b := make([]byte, n)
	k, err := io.ReadFull(f, b)
	if werr := w.write(b[:k], 0); werr != nil {
		return 0, werr
	}
	w.mu.Lock()
	w.files++
	w.mu.Unlock()
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return k, nil
	}
	return k, err
}

// fileOf is a file with these bytes, open at its start.
func fileOf(t *testing.T, p []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// source is a reader whose Read is a function.
type sourceFunc func(p []byte) (int, error)

func (f sourceFunc) Read(p []byte) (int, error) { return f(p) }
