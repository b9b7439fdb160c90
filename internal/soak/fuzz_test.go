package soak

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// fuzzLimits are the longest messages of two servers: a short one, so that many are too
// long, and one for frames that are longer than a server's buffer.
var fuzzLimits = [...]int{32 << 10, 200 << 10}

// Whatever comes, what is right is answered, what is wrong is refused with the code
// that the RFC names, and nothing panics.
func TestFuzzedFramesGetWhatTheyDeserve(t *testing.T) {
	underEach(t, func(t *testing.T, d wsserver.Driver) {
		f := &fuzz{first: uint64(d) << 32, want: int64(share(pick(200_000, 10_000_000)))}
		for i, limit := range fuzzLimits {
			f.houses[i] = newHouse(t, wsserver.Config{
				MaxMessageSize: int64(limit),
				Compression:    client.Compression{Mode: client.CompressionContext, Threshold: -1},
			}, d, nil)
		}
		f.run()
		for _, h := range f.houses {
			h.idle(t)
			h.close(t)
		}
		t.Logf("%d frames on %d connections: %d survived, %d were cut, %d closed, %d wrong; answers by code %v",
			f.frames.Load(), f.next.Load(), f.ends[goesOn].Load(), f.ends[cut].Load(), f.ends[closed].Load(), f.ends[wrong].Load(), f.codes)
		f.covered(t)
	})
}

// fuzz is one run.
type fuzz struct {
	houses [len(fuzzLimits)]*house
	first  uint64 // number of a connection; each driver has others
	want   int64
	frames atomic.Int64  // that were judged
	next   atomic.Uint64 // number of a connection
	ends   [endings]atomic.Int64

	mu    sync.Mutex // guards codes
	codes tally
}

// tally counts close codes; 0 stands for an end without a close frame.
type tally map[int]int

// run sends frames with some quick workers, and with more slow ones than a server lets
// stay awake, that pause anywhere for longer than that. ICSWS_SOAK_CONN is the number of
// a connection to have again.
func (f *fuzz) run() {
	f.codes = make(tally)
	if n, err := strconv.ParseUint(os.Getenv("ICSWS_SOAK_CONN"), 0, 64); err == nil {
		f.connection(new(mutator), n, true)
		return
	}
	const quick, slow = 8, 300
	var wg sync.WaitGroup
	for i := range quick + slow {
		wg.Go(func() {
			m := new(mutator)
			for f.frames.Load() < f.want && !f.failed() {
				f.connection(m, f.first+f.next.Add(1), i >= quick)
			}
		})
	}
	wg.Wait()
}

func (f *fuzz) failed() bool { return f.houses[0].any() || f.houses[1].any() }

// covered makes sure that there was something to judge.
func (f *fuzz) covered(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range unclear {
		if f.ends[e].Load() == 0 {
			t.Errorf("seed %d: no connection that %v", seed, e)
		}
	}
	for _, code := range []int{0, 1000, 1002, 1005, 1007, 1009} {
		if f.codes[code] == 0 && !testing.Short() {
			t.Errorf("seed %d: no connection that ended with %d", seed, code)
		}
	}
}

// connection is one, whose fate depends on the seed and its number.
func (f *fuzz) connection(m *mutator, number uint64, slow bool) {
	r := source(number << 8)
	h, limit := f.houses[0], fuzzLimits[0]
	if r.IntN(8) == 0 {
		h, limit = f.houses[1], fuzzLimits[1]
	}
	path := "/whole"
	if r.IntN(3) == 0 {
		path = "/pieces"
	}
	offer := ""
	if r.IntN(16) == 0 {
		offer = "permessage-deflate; client_max_window_bits"
	}
	c, err := dial(h.plain)
	if err != nil {
		h.add("dial: %v", err)
		return
	}
	defer reset(c)
	br := bufio.NewReaderSize(c, 2<<10)
	if _, err = c.Write(request(path, offer)); err != nil {
		h.add("handshake: %v", err)
		return
	}
	agreed, err := upgraded(br)
	if err != nil {
		h.add("handshake: %v", err)
		return
	}
	j := &judge{limit: limit}
	in := &inbox{br: br}
	var zip *wstest.Deflater
	if agreed != nil {
		zip = wstest.NewDeflater(agreed.ClientWindow(), !agreed.ClientNoTakeover)
		j.inflate = wstest.NewInflater(agreed.ClientWindow(), !agreed.ClientNoTakeover)
		in.inflate = wstest.NewInflater(agreed.ServerWindow(), !agreed.ServerNoTakeover)
	}
	m.begin(r, zip, limit)
	stream := f.stream(m, j)
	f.send(c, r, stream, slow)
	if j.end == cut || j.end == unclear {
		_ = c.CloseWrite()
	}
	got := in.all()
	f.frames.Add(int64(j.frames))
	f.ends[j.end].Add(1)
	f.mu.Lock()
	f.codes[got.code]++
	f.mu.Unlock()
	if bad := j.compare(got, j.at < len(stream)); bad != "" {
		h.add("connection %d on %s, %q: %s\nthe stream (%s) is of %d bytes, judged to %d: %x\nit expects %v, %d messages, and gets %d messages, %d pongs, code %d %q, %v",
			number, path, offer, bad, j.why, len(stream), j.at, stream[max(0, min(j.at, len(stream))-200):min(len(stream), j.at+200)],
			j.codes, len(j.echoes), len(got.messages), len(got.pongs), got.code, got.close, got.err)
	}
}

// stream makes the bytes for one connection and has them judged. One that goes on
// ends with a message and a close frame.
func (f *fuzz) stream(m *mutator, j *judge) []byte {
	var b []byte
	for range 1 + m.IntN(128) {
		b = m.frames(b)
	}
	if m.one(50) { // and bits anywhere
		for range 1 + m.IntN(4) {
			b[m.IntN(len(b))] ^= 1 << m.IntN(8)
		}
	}
	judged := func() { j.run(bytes.Clone(b)) } // which unmasks in place
	judged()
	for range 3 {
		if n, ok := j.missing(b); ok && n < 4<<10 && m.one(2) {
			b = append(b, m.cutFrom(binaryPool, int(n))...)
			judged()
		}
	}
	if j.end != goesOn {
		return b
	}
	if j.open {
		b = appendFrame(b, fin|opContinuation, m.key(), nil)
		judged()
	}
	if j.end != goesOn {
		return b
	}
	b = appendFrame(b, fin|opText, m.key(), []byte("still here"))
	b = appendFrame(b, fin|opClose, m.key(), []byte{1000 >> 8, 1000 & 0xff})
	judged()
	if j.end == closed {
		j.end = goesOn // until we closed it
	}
	return b
}

// send writes the stream in one piece or in several, which the slow ones send after a
// sleep: some at once, some after another.
func (f *fuzz) send(c net.Conn, r *rand.Rand, b []byte, slow bool) {
	pieces := 1
	switch {
	case slow:
		pieces = 3 + r.IntN(12)
	case r.IntN(4) == 0:
		pieces = 2 + r.IntN(3)
	}
	naps := 0
	for i := 1; i < pieces && len(b) > 1; i++ {
		n := r.IntN(min(len(b), 1+2*len(b)/pieces))
		if r.IntN(2) == 0 {
			n = min(n, r.IntN(20))
		}
		if _, err := c.Write(b[:n]); err != nil {
			return // it was wrong, and that is said
		}
		b = b[n:]
		if slow && (i == 1 || naps < 3 && r.IntN(6) == 0) {
			naps++
			time.Sleep(1200*time.Millisecond + time.Duration(r.IntN(1200))*time.Millisecond)
		}
	}
	_, _ = c.Write(b)
}

// answers is all that came.
type answers struct {
	messages []echo
	pongs    [][]byte
	code     int // 0 without a close frame
	close    []byte
	err      error // of the end of the stream, io.EOF
}

// inbox reads what the server says.
type inbox struct {
	br      *bufio.Reader
	inflate *wstest.Inflater
	op      byte
	zipped  bool
	joined  []byte
	open    bool
}

// next returns the next message or control frame, in memory of its own.
func (in *inbox) next() (op byte, data []byte, err error) {
	for {
		f, err := readFrame(in.br, nil)
		if err != nil {
			return 0, nil, err
		}
		if f.op() >= opClose {
			return f.op(), f.payload, nil
		}
		if in.open != (f.op() == opContinuation) || f.first&rsv1 != 0 && (in.open || in.inflate == nil) {
			return 0, nil, fmt.Errorf("%w: %#x, inside a message %v", errBadFrame, f.first, in.open)
		}
		if !in.open {
			in.op, in.zipped, in.joined = f.op(), f.first&rsv1 != 0, nil
		}
		in.joined = append(in.joined, f.payload...)
		if in.open = f.first&fin == 0; in.open {
			continue
		}
		if data = in.joined; in.zipped {
			if data, err = in.inflate.Inflate(data); err != nil {
				return 0, nil, fmt.Errorf("%w: %w", errBadFrame, err)
			}
		}
		return in.op, data, nil
	}
}

// all reads to the end of the stream.
func (in *inbox) all() (a answers) {
	for {
		op, data, err := in.next()
		switch {
		case err != nil:
			a.err = err
			return a
		case a.code != 0:
			a.err = fmt.Errorf("%w: a frame behind the close frame", errBadFrame)
			return a
		case op == opClose:
			a.code, a.close = closeCode(data), data
		case op == opPong:
			a.pongs = append(a.pongs, data)
		case op != opPing:
			a.messages = append(a.messages, echo{op, data})
		}
	}
}

// compare says what is wrong with the answers; behind tells of bytes after the end.
func (j *judge) compare(a answers, behind bool) string {
	if j.end == unclear {
		a.messages = a.messages[:min(len(a.messages), len(j.echoes))] // others may follow
		a.pongs = nil
		a.code, j.codes = 0, []int{0}
	}
	if n := len(a.messages); n != len(j.echoes) {
		return fmt.Sprintf("%d messages come back, want %d", n, len(j.echoes))
	}
	for i, have := range a.messages {
		if want := j.echoes[i]; want.op != have.op || !bytes.Equal(want.data, have.data) {
			return fmt.Sprintf("message %d is %d %.60x, want %d %.60x", i, have.op, have.data, want.op, want.data)
		}
	}
	if bad := j.comparePongs(a.pongs); bad != "" {
		return bad
	}
	torn := errors.Is(a.err, syscall.ECONNRESET) && behind && j.end == closed
	if a.err != io.EOF && !torn {
		return fmt.Sprintf("the stream ends with %v", a.err)
	}
	if j.close != nil && a.code == closeCode(j.close) && bytes.Equal(j.close, a.close) || slices.Contains(j.codes, a.code) {
		return ""
	}
	return fmt.Sprintf("closed with %d %q, want %q or one of %v", a.code, a.close, j.close, j.codes)
}

// comparePongs: of several pings the answers may be left out, but for the last (RFC
// 6455 section 5.5.3).
func (j *judge) comparePongs(have [][]byte) string {
	at := 0
	for i, p := range have {
		for ; at < len(j.pings) && !bytes.Equal(j.pings[at], p); at++ {
		}
		if at == len(j.pings) {
			return fmt.Sprintf("pong %d of %d answers no ping: %x", i, len(have), p)
		}
		at++
	}
	if j.end == goesOn && at != len(j.pings) {
		return fmt.Sprintf("%d pings, and no answer to the last", len(j.pings))
	}
	return ""
}
