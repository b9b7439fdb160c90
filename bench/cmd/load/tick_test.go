//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/bench/internal/wire"
)

// ticks sends messages of size bytes without being asked, stamped a millisecond ago.
func ticks(size int) func(io.Reader, io.Writer) error {
	return func(_ io.Reader, out io.Writer) error {
		time.Sleep(time.Millisecond)
		text := fmt.Appendf(nil, "%016x", time.Now().Add(-time.Millisecond).UnixNano())
		_, err := out.Write(frame(0x81, append(text, make([]byte, size-len(text))...)))
		return err
	}
}

func TestTicksAreCountedWithTheirDelays(t *testing.T) {
	g := newGenerator(serveOnce(t, ticks(64)))
	g.size, g.measure = 64, 50*time.Millisecond
	f, err := g.tick()
	if err != nil {
		t.Fatal(err)
	}
	if f.Units < 1 || f.P50 < 900 || f.Max < f.P50 {
		t.Errorf("tick = %+v", f)
	}
}

func TestATickOfAnotherSizeIsAnError(t *testing.T) {
	g := newGenerator(serveOnce(t, ticks(65)))
	g.size, g.measure = 64, 10*time.Millisecond
	if f, err := g.tick(); err == nil {
		t.Errorf("tick = %+v", f)
	}
}

func TestAServerThatDoesNotTickIsAnError(t *testing.T) {
	g := newGenerator(serveOnce(t, func(in io.Reader, _ io.Writer) error { _, err := in.Read(make([]byte, 1)); return err }))
	g.size, g.measure = 64, 10*time.Millisecond
	if f, err := g.tick(); err == nil {
		t.Errorf("tick = %+v", f)
	}
}

// The response to the handshake and the first message may come in one piece.
func TestAMessageRightBehindTheHandshakeCounts(t *testing.T) {
	text := "HTTP/1.1 101 \r\n\r\n" + string(frame(0x81, []byte("hello")))
	head, early, err := readHead(strings.NewReader(text).Read)
	if err != nil || string(head) != "HTTP/1.1 101 \r\n\r\n" {
		t.Fatalf("readHead = %q, %v", head, err)
	}
	n := 0
	g := &generator{sink: func() wire.Sink { return sinkFunc(func() { n++ }) }}
	if err := g.expect(&conn{early: early}, 0, wire.Deflate{}); err != nil || n != 1 {
		t.Errorf("%d messages, %v", n, err)
	}
	g.sink = nil
	if err := g.expect(&conn{early: early}, wire.OpText, wire.Deflate{}); !errors.Is(err, errEarly) {
		t.Errorf("with a script: %v", err)
	}
}

// sinkFunc is called at the end of each message.
type sinkFunc func()

func (f sinkFunc) Piece([]byte, int64) error { return nil }
func (f sinkFunc) End(int64) error           { f(); return nil }
