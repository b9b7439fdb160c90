//go:build unix

package wsserver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// memoryVariable names the case that a process of its own measures.
const memoryVariable = "ICSWS_TEST_MEMORY"

const (
	giant = 256 << 20 // bytes of a message
	unit  = 1 << 20
)

// memoryCases move one giant message, in a process of their own. They return the bytes that were moved.
var memoryCases = []struct {
	name  string
	bound uint64 // of what the heap may grow by, in bytes
	run   func(t *testing.T, m *heapPeak) int64
}{
	{"receive", 4 * 8 * unit, func(t *testing.T, m *heapPeak) int64 { return receiveGiant(t, m, false) }},
	{"receive compressed", 4 * 8 * unit, func(t *testing.T, m *heapPeak) int64 { return receiveGiant(t, m, true) }},
	{"send a file", 4 * unit, func(t *testing.T, m *heapPeak) int64 { return sendGiant(t, m, false, true) }},
	{"send a reader", 4 * unit, func(t *testing.T, m *heapPeak) int64 { return sendGiant(t, m, false, false) }},
	{"send a file over TLS", 4 * unit, func(t *testing.T, m *heapPeak) int64 { return sendGiant(t, m, true, true) }},
	{"send a reader over TLS", 4 * unit, func(t *testing.T, m *heapPeak) int64 { return sendGiant(t, m, true, false) }},
}

// R-02, S-06, S-08: a message of 256 MiB takes little memory in both directions, whatever its size. Each case has a
// process of its own, so that the garbage of other tests does not count, nor a limit of memory.
func TestGiantMessagesTakeLittleMemory(t *testing.T) {
	onDrivers(t, testGiantMessagesTakeLittleMemory)
}

func testGiantMessagesTakeLittleMemory(t *testing.T) {
	if name := os.Getenv(memoryVariable); name != "" {
		measureGiant(t, name)
		return
	}
	if raceEnabled || testing.Short() {
		t.Skip("the race detector has a memory of its own")
	}
	for _, c := range memoryCases {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGiantMessagesTakeLittleMemory$/^"+drivingOf(t).name+"$", "-test.v")
			for _, v := range os.Environ() {
				if !strings.HasPrefix(v, "GOMEMLIMIT=") && !strings.HasPrefix(v, "GOGC=") {
					cmd.Env = append(cmd.Env, v)
				}
			}
			cmd.Env = append(cmd.Env, memoryVariable+"="+c.name)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("the heap has grown by")) {
				t.Fatalf("%v\n%s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "the heap has grown by") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
}

func measureGiant(t *testing.T, name string) {
	for _, c := range memoryCases {
		if c.name != name {
			continue
		}
		m := new(heapPeak)
		if moved := c.run(t, m); moved != giant {
			t.Fatalf("%d bytes were moved", moved)
		}
		grown := m.stop()
		t.Logf("the heap has grown by %d KiB", grown>>10)
		if grown > c.bound {
			t.Errorf("more than %d KiB", c.bound>>10)
		}
	}
}

// heapPeak samples what the heap occupies, garbage included.
type heapPeak struct {
	base, peak uint64
	end, done  chan struct{}
}

func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// start is called when all is connected and nothing is sent.
func (m *heapPeak) start() {
	runtime.GC()
	runtime.GC()
	m.base = heapBytes()
	m.end, m.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(m.done)
		for {
			m.peak = max(m.peak, heapBytes())
			select {
			case <-m.end:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
}

func (m *heapPeak) stop() uint64 {
	close(m.end)
	<-m.done
	return m.peak - min(m.base, m.peak)
}

// receiveGiant sends a server a message of zeros, in fragments of many sizes or compressed.
func receiveGiant(t *testing.T, m *heapPeak, zip bool) (moved int64) {
	l := newLobby(true)
	done := make(chan int64, 1)
	l.fragment = func(_ *visitor, f client.Fragment) error {
		if moved += int64(len(f.Data)); f.Final {
			done <- moved
		}
		return nil
	}
	srv := newServerOf(t, l, wsserver.Config{Addr: "127.0.0.1:0", Compression: client.Compression{Mode: client.CompressionContext}})
	p := wstest.OpenDeflate(wstest.DialTCP(t, open(t, srv)), "/", "permessage-deflate")
	zeros := make([]byte, 64<<10)
	var compressed []byte
	if zip {
		// Each copy of a flushed part of zeros says the same again.
		compressed = append(wstest.NewDeflater(15, false).Deflate(zeros), 0, 0, 0xff, 0xff)
	}
	l.visitor(t)
	m.start()
	write := func(b []byte) {
		if _, err := p.Conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	_ = p.Conn.SetDeadline(time.Now().Add(time.Minute))
	if zip {
		f := wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, ZeroKey: true}
		parts := giant / len(zeros)
		write(f.Header(uint64(len(compressed)*parts - 4)))
		for range parts - 1 {
			write(compressed)
		}
		write(compressed[:len(compressed)-4]) // as the end of a message is (RFC 7692 section 7.2.1)
	} else {
		write(wstest.Frame{Op: wstest.OpBinary, More: true, ZeroKey: true}.Header(giant - giant/4))
		for range (giant - giant/4) / len(zeros) {
			write(zeros)
		}
		for n := giant / 4; n > 0; n -= unit {
			f := wstest.Frame{Op: wstest.OpContinuation, More: n > unit, ZeroKey: true}
			write(f.Header(unit))
			for range unit / len(zeros) {
				write(zeros)
			}
		}
	}
	return <-done
}

// sendGiant has a server send a sparse file, or what such a file reads.
func sendGiant(t *testing.T, m *heapPeak, secure, file bool) (moved int64) {
	name := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(giant); err != nil {
		t.Fatal(err)
	}
	l := newLobby(false)
	cfg := wsserver.Config{Addr: "127.0.0.1:0"}
	if secure {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}}
	}
	srv := newServerOf(t, l, cfg)
	addr := open(t, srv)
	var p *wstest.Peer
	if secure {
		p = wstest.DialTLS(t, addr, &tls.Config{InsecureSkipVerify: true, ServerName: "server.example"})
	} else {
		p = wstest.DialTCP(t, addr)
	}
	wstest.Open(p, "/")
	v := l.visitor(t)
	buf := make([]byte, 64<<10)
	m.start()
	sent := make(chan error, 1)
	go func() {
		if file {
			sent <- v.SendFile(context.Background(), name)
		} else {
			sent <- v.SendReader(context.Background(), client.OpBinary, struct{ io.Reader }{f})
		}
	}()
	_ = p.Conn.SetDeadline(time.Now().Add(time.Minute))
	moved = payloads(t, p.Conn, buf)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	return moved
}

// payloads reads one message of zeros, with buf alone, and returns its size.
func payloads(t *testing.T, c net.Conn, buf []byte) (size int64) {
	t.Helper()
	read := func(p []byte) {
		if _, err := io.ReadFull(c, p); err != nil {
			t.Fatalf("behind %d bytes: %v", size, err)
		}
	}
	for {
		read(buf[:2])
		first, n := buf[0], uint64(buf[1])
		switch n {
		case 126:
			read(buf[:2])
			n = uint64(buf[0])<<8 | uint64(buf[1])
		case 127:
			read(buf[:8])
			n = 0
			for _, b := range buf[:8] {
				n = n<<8 | uint64(b)
			}
		}
		if n > math.MaxInt64 || first&8 != 0 && n > 125 {
			t.Fatal(errors.New("bad frame"), fmt.Sprintf("%x", first))
		}
		for left := n; left > 0; {
			k := min(left, uint64(len(buf)))
			read(buf[:k])
			for _, b := range buf[:k] {
				if b != 0 && first&8 == 0 {
					t.Fatal("it arrives damaged")
				}
			}
			left -= k
		}
		if first&8 == 0 {
			size += int64(n)
			if first&0x80 != 0 {
				return size
			}
		}
	}
}
