//go:build linux

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// serveOnce answers one handshake and then echoes frames of size bytes, unmasked,
// through change.
func serveOnce(t *testing.T, size int, change func([]byte)) target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		echoFrames(c, size, change)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	to, err := parseTarget("ws://" + l.Addr().String() + "/echo")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func echoFrames(c net.Conn, size int, change func([]byte)) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	if _, err := http.ReadRequest(in); err != nil {
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	frame := make([]byte, 6+size)
	for {
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		for i := range size {
			frame[6+i] ^= frame[2+i&3]
		}
		change(frame[6:])
		if _, err := c.Write(append([]byte{frame[0], byte(size)}, frame[6:]...)); err != nil {
			return
		}
	}
}

func newGenerator(to target) *generator {
	return &generator{
		options: options{conns: 1, size: 32, depth: 4, compress: wire.Off, pid: os.Getpid()},
		target:  to,
		end:     now() + int64(10*time.Second),
	}
}

func TestEveryEchoIsCounted(t *testing.T) {
	g := newGenerator(serveOnce(t, 32, func([]byte) {}))
	if err := g.open(wire.OpBinary); err != nil {
		t.Fatal(err)
	}
	defer g.close()
	var latency stat.Hist
	n, err := g.echoFor(20*time.Millisecond, &latency)
	if err != nil {
		t.Fatal(err)
	}
	c := g.conns[0]
	if n == 0 || n != c.sent || n != c.in.Messages() || uint64(n) != latency.Total() {
		t.Errorf("%d echoes, %d sent, %d received, %d latencies", n, c.sent, c.in.Messages(), latency.Total())
	}
	if want := int64(n * 34); g.bytes() != want {
		t.Errorf("%d bytes for %d echoes", g.bytes(), n)
	}
}

func TestAWrongEchoEndsTheRun(t *testing.T) {
	g := newGenerator(serveOnce(t, 32, func(p []byte) { p[31]++ }))
	if err := g.open(wire.OpBinary); err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if _, err := g.echoFor(time.Second, &stat.Hist{}); err == nil || !strings.Contains(err.Error(), wire.ErrReply.Error()) {
		t.Errorf("echoFor = %v", err)
	}
}
