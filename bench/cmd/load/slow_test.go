//go:build linux

package main

import (
	"io"
	"testing"
	"time"

	"github.com/icsws/icsws/bench/internal/wire"
)

// repeats sends each message of 300 bytes back, save for those that lose takes.
func repeats(lose func(n int) bool) func(io.Reader, io.Writer) error {
	n := 0
	return func(in io.Reader, out io.Writer) error {
		p := make([]byte, 8+300)
		if _, err := io.ReadFull(in, p); err != nil {
			return err
		}
		unmask(p[4:8], p[8:])
		if n++; lose(n) {
			return nil
		}
		_, err := out.Write(frame(0x81, p[8:]))
		return err
	}
}

func ran(t *testing.T, lose func(int) bool) *broadcasts {
	t.Helper()
	g := newGenerator(serveOnce(t, repeats(lose)))
	g.size, g.count, g.rate = 300, 20, 1000
	b := &broadcasts{generator: g, want: 20, patience: 300 * time.Millisecond}
	g.sink = func() wire.Sink { return &wire.Stamps{Size: 300, Each: b.got} }
	if err := g.open(0); err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if err := b.run(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryDeliveryHasItsDelay(t *testing.T) {
	b := ran(t, func(int) bool { return false })
	if b.have != 20 || b.delay.Total() != 20 {
		t.Errorf("%d deliveries, %d delays", b.have, b.delay.Total())
	}
}

func TestWhatDoesNotComeIsLostAndEndsTheWait(t *testing.T) {
	b := ran(t, func(n int) bool { return n%5 == 0 })
	if b.have > 16 || b.want != 20 {
		t.Errorf("%d deliveries of %d", b.have, b.want)
	}
}
