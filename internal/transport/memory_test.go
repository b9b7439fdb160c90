package transport

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

// heapInUse is what is in use after a collection, in bytes.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // pools give up in two steps
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestDeclaredLengthCostsNothing: a thousand peers declare huge frames and send
// a byte of them.
func TestDeclaredLengthCostsNothing(t *testing.T) {
	const peers = 1000
	for _, tt := range []struct {
		name     string
		first    wstest.Frame
		declared uint64
		zip      bool
	}{
		{"16 MiB", wstest.Binary(nil), 16 << 20, false},
		{"2^62 bytes", wstest.Binary(nil), 1 << 62, false},
		{"2^62 bytes of text", wstest.Text(""), 1 << 62, false},
		{"2^62 bytes in a fragment", wstest.Text("").Open(), 1 << 62, false},
		{"64 KiB", wstest.Binary(nil), 64 << 10, false},
		{"1 GiB compressed", wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1}, 1 << 30, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.first.Key = [4]byte{1, 2, 3, 4}
			in := append(tt.first.Header(tt.declared), 'x')
			set := testSettings(func(s *Settings) { s.MaxMessage = -1 })
			if tt.zip {
				set.MaxMessage = 1 << 30
			}
			list := make([]*recorder, peers)
			before := heapInUse()
			for i := range list {
				near, far := memnet.Pipe(256)
				var inflate *deflate.Decompressor
				if tt.zip {
					inflate = deflate.NewDecompressor(deflate.Params{})
				}
				list[i] = newRecorder(set, NewWire(far).wire, inflate)
				list[i].serve(t)
				t.Cleanup(func() { near.Close() })
				if _, err := near.Write(in); err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range list {
				for r.Counters().BytesIn < uint64(len(in)) {
					runtime.Gosched()
				}
			}
			if each := (heapInUse() - before) / peers; each > 40<<10 {
				t.Errorf("%d bytes for each connection, want 40 KiB at most", each)
			}
		})
	}
}

// meterWire lets a test look at the connection after each read.
type meterWire struct {
	fakeWire
	filled, direct int
	after          func(c *Conn)
}

func (w *meterWire) fill(c *Conn) (int, error) {
	n, err := w.fakeWire.fill(c)
	w.filled += n
	w.after(c)
	return n, err
}

func (w *meterWire) read(c *Conn, p []byte) (int, error) {
	n, err := w.fakeWire.read(c, p)
	w.direct += n
	w.after(c)
	return n, err
}

// TestBufferGrowsWithWhatArrives, not with what is declared, and the second half
// of a large fragment goes past it.
func TestBufferGrowsWithWhatArrives(t *testing.T) {
	for _, size := range []int{10, 1000, 20_000, maxWhole, maxWhole + 1, 200_000, 3 << 20, 5 << 20} {
		testGrowth(t, size, false)
		testGrowth(t, size, true)
	}
}

func testGrowth(t *testing.T, size int, fragment bool) {
	t.Helper()
	f := wstest.Frame{Op: wstest.OpBinary, Payload: bytes.Repeat([]byte("x"), size), Key: [4]byte{1, 2, 3, 4}}
	in, want := f.Bytes(), []string{notedFrame(f)}
	if fragment {
		end := wstest.Frame{Op: wstest.OpContinuation, Key: f.Key}
		in = append(f.Open().Bytes(), end.Bytes()...)
		want = []string{notedFrame(f.Open()), notedFrame(end)}
	}
	most := 0
	w := &meterWire{fakeWire: fakeWire{script: chopped(in, 3000), end: io.EOF}}
	w.after = func(c *Conn) {
		if c.in.buf == nil {
			return
		}
		have := len(*c.in.buf)
		most = max(most, have)
		if have > max(largeInput, 2*(w.filled+w.direct)) {
			t.Fatalf("%d bytes arrived of %d, the buffer has %d", w.filled, len(in), have)
		}
	}
	r := newRecorder(testSettings(func(s *Settings) { s.MaxMessage = -1 }), w, nil)
	r.run()
	if !slices.Equal(r.log, want) {
		t.Fatalf("the engine saw %.200v", r.log)
	}
	switch {
	case (!fragment || size <= maxWhole) && w.direct > 0, size <= maxWhole && most > largeInput:
		t.Errorf("%d bytes: %d past the buffer, which had up to %d", size, w.direct, most)
	case fragment && size > maxWhole && w.direct < size/2-4000:
		t.Errorf("%d bytes: only %d went past the buffer", size, w.direct)
	}
	r.Finish()
	if r.in.buf != nil {
		t.Errorf("%d bytes: the buffer is kept after the end", size)
	}
}

// TestHugeBufferIsNotKeptForABeginning: of the frame that follows a huge one.
func TestHugeBufferIsNotKeptForABeginning(t *testing.T) {
	huge := wstest.Frame{Op: wstest.OpBinary, Payload: make([]byte, 1<<20), Key: [4]byte{1, 2, 3, 4}}
	in := append(huge.Bytes(), wstest.Binary([]byte("next")).Bytes()...)
	held := 0
	w := &meterWire{fakeWire: fakeWire{script: [][]byte{in[:len(in)-2], in[len(in)-2:]}, end: io.EOF}}
	w.after = func(c *Conn) {
		if c.in.buf != nil && w.filled > len(in)-2 {
			held = max(held, len(*c.in.buf))
		}
	}
	r := newRecorder(testSettings(func(s *Settings) { s.MaxMessage = -1 }), w, nil)
	r.run()
	if len(r.log) != 2 || held == 0 || held > largeInput {
		t.Errorf("%d messages; a buffer of %d bytes was held for a few", len(r.log), held)
	}
	r.Finish()
}

// TestBufferIsGivenBack when the reader waits with nothing read.
func TestBufferIsGivenBack(t *testing.T) {
	near, far := memnet.Pipe(0)
	defer near.Close()
	r := newRecorder(testSettings(), NewWire(far).wire, nil)
	waiting := make(chan bool, 100)
	r.onMessage = func(byte, []byte) { waiting <- r.in.buf != nil }
	done := make(chan struct{})
	go func() { defer close(done); r.run() }()
	for _, size := range []int{1, 100, 20_000, 60_000, 500_000} {
		near.Write(wstest.Frame{Op: wstest.OpBinary, Payload: make([]byte, size)}.Bytes())
		<-waiting
	}
	near.CloseWrite()
	<-done
	if r.in.buf != nil {
		t.Error("a buffer is held after the last byte")
	}
	r.Finish()
	r.Linger()
}

// TestBombsAreRefusedBeforeTheyGoOff: compressed messages that are small on the
// wire, large inside, or large and empty. R-06
func TestBombsAreRefusedBeforeTheyGoOff(t *testing.T) {
	set := testSettings(func(s *Settings) { s.MaxMessage = 64 << 10 })
	bomb := wstest.NewDeflater(15, false).Deflate(make([]byte, 4<<20))
	var hollow wstest.BlockWriter
	for range 40_000 {
		hollow.Stored(nil)
	}
	for _, tt := range []struct {
		name   string
		frames []wstest.Frame
		code   client.StatusCode
	}{
		{"4 MiB of zeros", []wstest.Frame{{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: bomb}}, 1009},
		{"in fragments", wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: bomb}.Split(1000, 3000), 1009},
		{"one byte over the limit", []wstest.Frame{{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: wstest.NewDeflater(15, false).Deflate(make([]byte, 64<<10+1))}}, 1009},
		{"empty blocks", []wstest.Frame{{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: hollow.Payload()}}, 1009},
		{"declares too much", []wstest.Frame{{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: make([]byte, 200<<10)}}, 1009},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in []byte
			for _, f := range tt.frames {
				f.Key = [4]byte{1, 2, 3, 4}
				in = f.Append(in)
			}
			w := &fakeWire{script: chopped(in, 1000), end: io.EOF}
			r := newRecorder(set, w, deflate.NewDecompressor(deflate.Params{}))
			r.run()
			r.Finish()
			r.Linger()
			if i := r.Info(); i.Code != tt.code {
				t.Errorf("%v, want %d", i, tt.code)
			}
			if len(r.log) > 0 {
				t.Errorf("the engine saw %v", r.log)
			}
		})
	}
}

// TestLimitIsExact: a message of the limit passes, one byte more does not, in one
// frame and in many, compressed or not. R-06
func TestLimitIsExact(t *testing.T) {
	const limit = 100_000
	set := testSettings(func(s *Settings) { s.MaxMessage = limit })
	for _, over := range []int{0, 1} {
		data := bytes.Repeat([]byte("z"), limit+over)
		frame := wstest.Frame{Op: wstest.OpBinary, Payload: data}
		zipped := wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: wstest.NewDeflater(15, false).Deflate(data)}
		for name, frames := range map[string][]wstest.Frame{
			"whole": {frame}, "two": frame.Split(50_000), "many": frame.Split(1, 0, 70_000, 5),
			"compressed": {zipped}, "compressed in two": zipped.Split(10),
		} {
			var in []byte
			for _, f := range frames {
				in = f.Append(in)
			}
			w := &fakeWire{script: chopped(in, 5000), end: io.EOF}
			r := newRecorder(set, w, deflate.NewDecompressor(deflate.Params{}))
			messages := 0
			r.onMessage = func(byte, []byte) { messages++ }
			r.run()
			r.Finish()
			r.Linger()
			tooBig := r.Info().Code == client.StatusMessageTooBig
			if tooBig != (over > 0) || messages != 1-over {
				t.Errorf("%s, %d over the limit: %v, %d messages", name, over, r.Info(), messages)
			}
			if over == 0 && !errors.Is(r.Info().Cause, io.EOF) {
				t.Errorf("%s: %v", name, r.Info())
			}
		}
	}
}
