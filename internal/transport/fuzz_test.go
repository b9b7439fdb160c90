package transport

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

// hostileSeeds are inputs that reach every corner of the filter.
func hostileSeeds() [][]byte {
	mixed := newScript()
	mixed.frames(wstest.Text("é").Open(), wstest.Ping([]byte("p")), wstest.Continuation([]byte("à")), wstest.Pong(nil))
	mixed.zipped(wstest.OpText, []byte("ééééééé"), 1, 0)
	seeds := [][]byte{mixed.bytes, nil, wstest.Binary(nil).Header(1 << 63), wstest.Text("").Header(99_999)}
	for _, frame := range []wstest.Frame{
		wstest.Close(1000, "bye"), wstest.EmptyClose(), wstest.Close(1005, ""), wstest.Ping(make([]byte, 125)),
		wstest.Text("\xff"), wstest.Text("a").Open(), wstest.Continuation(nil), wstest.Binary(make([]byte, 70_000)),
		{Op: wstest.OpText, RSV: wstest.RSV1, Payload: []byte{0}}, {Op: wstest.OpText, RSV: wstest.RSV1, More: true, Payload: []byte{2, 0}},
		{Op: 11}, {Op: wstest.OpBinary, Length: wstest.Length64}, {Op: wstest.OpBinary, Unmasked: true},
	} {
		seeds = append(seeds, append(wstest.Text("x").Bytes(), frame.Bytes()...))
	}
	return seeds
}

// FuzzFilter: whatever a peer sends, in whatever pieces, the engine gets whole
// legal frames (the recorder judges them), everything that we write is legal, and
// the connection ends.
func FuzzFilter(f *testing.F) {
	for i, s := range hostileSeeds() {
		for kind := range byte(4) {
			f.Add(s, byte(7*i), kind)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, piece, kind byte) {
		w := &fakeWire{script: chopped(in, 1+int(piece)), end: io.EOF}
		r := newRecorder(hostileSettings(), w, hostileInflate(kind))
		echo(r)
		r.run()
		r.Finish()
		r.Linger()
		checkOutput(t, w.written())
		checkEnd(t, r)
	})
}

func hostileSettings() *Settings {
	return testSettings(func(s *Settings) { s.MaxMessage, s.CloseTimeout = 100_000, time.Second })
}

// hostileInflate has compression on for half of the kinds.
func hostileInflate(kind byte) *deflate.Decompressor {
	if kind&1 == 0 {
		return nil
	}
	return deflate.NewDecompressor(takeover)
}

func echo(r *recorder) {
	r.onMessage = func(op byte, p []byte) { r.Send(Frame{First: finBit | op, Payload: p}) }
}

func checkEnd(t *testing.T, r *recorder) {
	t.Helper()
	if i := r.Info(); i.Cause == nil || i.Code == 0 {
		t.Fatalf("%+v", i)
	}
}

// TestGarbageOverPipes is FuzzFilter with a real goroutine at each end, over two
// kinds of connection, for inputs with random damage.
func TestGarbageOverPipes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for _, seed := range append(hostileSeeds(), smallScript().bytes) {
		for kind := range byte(4) {
			for range 5 {
				in := bytes.Clone(seed)
				for range rnd.IntN(4) {
					if len(in) > 0 {
						in[rnd.IntN(len(in))] ^= 1 << rnd.IntN(8)
					}
				}
				overPipe(t, in[:len(in)-rnd.IntN(len(in)+1)/4], 1+rnd.IntN(2000), kind)
			}
		}
	}
}

func overPipe(t *testing.T, in []byte, piece int, kind byte) {
	t.Helper()
	near, far := garbagePair(kind)
	defer near.Close()
	r := newRecorder(hostileSettings(), NewWire(far).wire, hostileInflate(kind))
	echo(r)
	r.serve(t)
	out := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(near)
		out <- b
	}()
	for _, p := range chopped(in, piece) {
		if _, err := near.Write(p); err != nil {
			break
		}
	}
	if w, ok := near.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	} else {
		near.Close()
	}
	select {
	case <-r.done:
	case <-time.After(20 * time.Second):
		t.Fatalf("the connection does not end after % x", in)
	}
	checkOutput(t, <-out)
	checkEnd(t, r)
}

func garbagePair(kind byte) (near, far net.Conn) {
	if kind&2 != 0 {
		return net.Pipe()
	}
	near, far = memnet.Pipe(4096)
	return near, far
}

// checkOutput holds what we wrote against the rules; it may break off anywhere.
func checkOutput(t *testing.T, out []byte) {
	t.Helper()
	in := bytes.NewReader(out)
	closed := false
	for in.Len() > 0 {
		f, err := wstest.ReadFrame(in, false, 0)
		if err == io.ErrUnexpectedEOF {
			return
		}
		if err != nil || closed {
			t.Fatalf("output: %v, after the close frame: %v", err, closed)
		}
		if f.Op == wstest.OpClose {
			if err := wstest.CheckClose(f); err != nil {
				t.Fatalf("close frame: %v", err)
			}
			closed = true
		}
	}
}
