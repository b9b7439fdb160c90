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

// serveOnce answers one handshake and gives what follows to talk.
func serveOnce(t *testing.T, talk func(in io.Reader, out io.Writer) error) target {
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
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		in := bufio.NewReader(c)
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, err = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
		for err == nil {
			err = talk(in, c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	to, err := parseTarget("ws://" + l.Addr().String() + "/echo")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// echoes sends back frames of 32 bytes, unmasked, through change.
func echoes(change func([]byte)) func(io.Reader, io.Writer) error {
	return func(in io.Reader, out io.Writer) error {
		frame := make([]byte, 6+32)
		if _, err := io.ReadFull(in, frame); err != nil {
			return err
		}
		unmask(frame[2:6], frame[6:])
		change(frame[6:])
		_, err := out.Write(append([]byte{frame[0], 32}, frame[6:]...))
		return err
	}
}

func unmask(key, p []byte) {
	for i := range p {
		p[i] ^= key[i&3]
	}
}

func newGenerator(to target) *generator {
	return &generator{
		options: options{conns: 1, count: 1, size: 32, depth: 4, compress: wire.Off, pid: os.Getpid()},
		target:  to,
		end:     now() + int64(10*time.Second),
	}
}

func TestEveryEchoIsCounted(t *testing.T) {
	g := newGenerator(serveOnce(t, echoes(func([]byte) {})))
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
	g := newGenerator(serveOnce(t, echoes(func(p []byte) { p[31]++ })))
	if err := g.open(wire.OpBinary); err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if _, err := g.echoFor(time.Second, &stat.Hist{}); err == nil || !strings.Contains(err.Error(), wire.ErrReply.Error()) {
		t.Errorf("echoFor = %v", err)
	}
}
