package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// gathered is a sink that keeps everything.
type gathered struct {
	now   []byte
	whole [][]byte
}

func (g *gathered) Piece(p []byte, off int64) error {
	if off != int64(len(g.now)) {
		return errors.New("a hole")
	}
	g.now = append(g.now, p...)
	return nil
}

func (g *gathered) End(size int64) error {
	if size != int64(len(g.now)) {
		return errors.New("wrong size")
	}
	g.whole, g.now = append(g.whole, g.now), nil
	return nil
}

func TestBulkJoinsFragments(t *testing.T) {
	one, two := Filler(70000), Filler(300)
	var in []byte
	in = append(in, serverFrame(0x02, one[:10])...)
	in = append(in, serverFrame(0x89, []byte("ping"))...) // between fragments
	in = append(in, serverFrame(0x00, nil)...)
	in = append(in, serverFrame(0x00, one[10:66000])...)
	in = append(in, serverFrame(0x80, one[66000:])...)
	in = append(in, serverFrame(0x81, two)...)
	in = append(in, serverFrame(0x02, nil)...) // an empty message, ended by an empty frame
	in = append(in, serverFrame(0x80, nil)...)
	for _, cut := range []int{1, 3, 4096, len(in)} {
		var got gathered
		b := NewBulk(&got)
		for rest := in; len(rest) > 0; {
			n := min(cut, len(rest))
			if err := b.Feed(rest[:n]); err != nil {
				t.Fatalf("pieces of %d: %v", cut, err)
			}
			rest = rest[n:]
		}
		if len(got.whole) != 3 || !bytes.Equal(got.whole[0], one) || !bytes.Equal(got.whole[1], two) || len(got.whole[2]) != 0 {
			t.Errorf("pieces of %d: %d messages", cut, len(got.whole))
		}
		if b.Bytes() != int64(len(in)) {
			t.Errorf("pieces of %d: %d bytes of %d", cut, b.Bytes(), len(in))
		}
	}
}

func TestBulkRefuses(t *testing.T) {
	var closed *CloseError
	for name, in := range map[string][]byte{
		"compression":               serverFrame(0xc2, []byte("x")),
		"a continuation of nothing": serverFrame(0x80, []byte("x")),
		"a message inside another":  append(serverFrame(0x02, []byte("x")), serverFrame(0x82, nil)...),
		"a negative length":         {0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0},
	} {
		b := NewBulk(&gathered{})
		if err := b.Feed(in); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := NewBulk(&gathered{})
	if err := b.Feed(append(serverFrame(0x02, []byte("x")), serverFrame(0x88, []byte{3, 243})...)); !errors.As(err, &closed) || closed.Code != 1011 {
		t.Errorf("a close frame inside a message: %v", err)
	}
}

func marked(size int64) []byte {
	p := make([]byte, size)
	for at := int64(0); at < size; at += MarkEvery {
		copy(p[at:], Mark(at/MarkEvery))
	}
	return p
}

func TestMarksShowEveryShift(t *testing.T) {
	p := marked(2*MarkEvery + 100)
	for _, cut := range []int{1, 5, 1000, MarkEvery - 3, MarkEvery + 5, len(p)} {
		if cut < 1000 {
			p := p[MarkEvery-20:][:60] // small pieces around a mark
			for at := 0; at < len(p); at += cut {
				if err := CheckMarks(p[at:min(at+cut, len(p))], int64(MarkEvery-20+at)); err != nil {
					t.Errorf("pieces of %d: %v", cut, err)
				}
			}
			continue
		}
		for at := 0; at < len(p); at += cut {
			if err := CheckMarks(p[at:min(at+cut, len(p))], int64(at)); err != nil {
				t.Errorf("pieces of %d: %v", cut, err)
			}
		}
	}
	if err := CheckMarks(p[1:], 0); err == nil {
		t.Error("a missing byte is not seen")
	}
	if err := CheckMarks(p[MarkEvery:], 0); err == nil {
		t.Error("a missing MiB is not seen")
	}
	p[MarkEvery+77777] = 1
	if err := CheckMarks(p, 0); err == nil {
		t.Error("a changed byte is not seen")
	}
}

func TestLargeIsOneFrameOfMarks(t *testing.T) {
	var l Large
	for _, size := range []int64{3, 2*MarkEvery + 100, MarkEvery} { // used again
		l.Reset(size)
		var all []byte
		for p := l.Next(); p != nil; p = l.Next() {
			all = append(all, p...)
		}
		if len(all) < 14 || all[0] != 0x82 || all[1] != 0xff || binary.BigEndian.Uint64(all[2:]) != uint64(size) {
			t.Fatalf("%d bytes: frame begins % x", size, all[:min(len(all), 14)])
		}
		mask, got := all[10:14], all[14:]
		for i := range got {
			got[i] ^= mask[i&3]
		}
		if !bytes.Equal(got, marked(size)) {
			t.Errorf("%d bytes: the payload, %d bytes, is not marks and zeros", size, len(got))
		}
	}
}

func TestStampsTravel(t *testing.T) {
	s := NewStamped(300)
	var got []int64
	b := NewBulk(&Stamps{Size: 300, Each: func(n int64) { got = append(got, n) }})
	for _, n := range []int64{0, 1, 1<<62 + 12345} {
		frame := s.Frame(n)
		mask, payload := frame[4:8], bytes.Clone(frame[8:])
		for i := range payload {
			payload[i] ^= mask[i&3]
		}
		for _, p := range [][]byte{serverFrame(0x01, payload[:7]), serverFrame(0x80, payload[7:])} {
			if err := b.Feed(p); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) == 0 || got[len(got)-1] != n {
			t.Fatalf("number %d came as %v", n, got)
		}
	}
	for name, payload := range map[string][]byte{
		"another size": append([]byte("0000000000000001"), Filler(300)...),
		"no number":    Filler(300),
	} {
		b := NewBulk(&Stamps{Size: 300, Each: func(int64) { t.Errorf("%s: taken", name) }})
		if err := b.Feed(serverFrame(0x81, payload)); !errors.Is(err, ErrReply) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
