//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/icsws/icsws/bench/internal/wire"
)

// frame is a frame of a server, with the long form of the length.
func frame(first byte, p []byte) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(len(p))), p...)
}

// sends answers each request with a file in two fragments.
func sends(file []byte) func(io.Reader, io.Writer) error {
	return func(in io.Reader, out io.Writer) error {
		if _, err := io.ReadFull(in, make([]byte, 6+len("please"))); err != nil {
			return err
		}
		cut := len(file) / 3
		_, err := out.Write(append(frame(0x02, file[:cut]), frame(0x80, file[cut:])...))
		return err
	}
}

func TestAFileMayComeInFragments(t *testing.T) {
	file := make([]byte, wire.MarkEvery+1000)
	copy(file, wire.Mark(0))
	copy(file[wire.MarkEvery:], wire.Mark(1))
	g := newGenerator(serveOnce(t, sends(file)))
	g.sink = func() wire.Sink { return &download{size: int64(len(file))} }
	if err := g.open(0); err != nil {
		t.Fatal(err)
	}
	defer g.close()
	for range 2 { // the connection goes on
		if n, err := g.filesFor(1); n < 1 || err != nil {
			t.Fatalf("filesFor = %d, %v", n, err)
		}
	}
}

func TestAWrongFileEndsTheRun(t *testing.T) {
	right := append(wire.Mark(0), make([]byte, 1000)...)
	changed := append(wire.Mark(0), make([]byte, 1000)...)
	changed[500] = 1
	for name, file := range map[string][]byte{
		"a byte less": right[:len(right)-1], "a byte more": append(right[:len(right):len(right)], 0), "another byte": changed,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGenerator(serveOnce(t, sends(file)))
			g.sink = func() wire.Sink { return &download{size: int64(len(right))} }
			if err := g.open(0); err != nil {
				t.Fatal(err)
			}
			defer g.close()
			if n, err := g.filesFor(1); err == nil {
				t.Errorf("filesFor = %d", n)
			}
		})
	}
}

// measures answers a message of size bytes with its length, and more.
func measures(size, more int) func(io.Reader, io.Writer) error {
	return func(in io.Reader, out io.Writer) error {
		if _, err := io.ReadFull(in, make([]byte, 14+size)); err != nil {
			return err
		}
		_, err := out.Write(frame(0x81, fmt.Append(nil, size+more)))
		return err
	}
}

func TestALargeMessageIsAnsweredWithItsLength(t *testing.T) {
	const size = 5*wire.MarkEvery + 3
	for _, tt := range []struct {
		more int
		want error
	}{{0, nil}, {1, wire.ErrReply}, {1 << 40, wire.ErrReply}} {
		g := newGenerator(serveOnce(t, measures(size, tt.more)))
		g.size = size
		g.sink = func() wire.Sink { return &upload{want: fmt.Sprint(size)} }
		if err := g.open(0); err != nil {
			t.Fatal(err)
		}
		n, err := g.sendFor(1)
		if !errors.Is(err, tt.want) || (n > 0) != (err == nil) {
			t.Errorf("a length of %d too much: sendFor = %d, %v", tt.more, n, err)
		}
		g.close()
	}
}
