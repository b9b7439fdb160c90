package wsdial

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/icsws/icsws/internal/wstest"
)

// reading is a connection that has s to read.
func reading(r io.Reader) *Conn {
	return &Conn{write: newTurn(), br: bufio.NewReaderSize(r, readBuffer), key: len(keys{})}
}

// walk reads all frames and returns their payload.
func walk(c *Conn) (all []byte, err error) {
	for {
		h, err := c.Next()
		if err != nil {
			return all, err
		}
		if h.IsControl() {
			p, err := c.Control()
			if err != nil {
				return all, err
			}
			if h.Op == Close {
				if _, _, err := ParseClose(p); err != nil {
					return all, err
				}
			}
			continue
		}
		b, err := io.ReadAll(c)
		all = append(all, b...)
		if err != nil {
			return all, err
		}
	}
}

func server(f ...wstest.Frame) (b []byte) {
	for _, f := range f {
		f.Unmasked = true
		b = f.Append(b)
	}
	return b
}

// F-04: frames of every length come through, however they are cut.
func TestReaderTakesFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 200_000} {
		data := bytes.Repeat([]byte{'x'}, n)
		b := server(wstest.Text("a").Open(), wstest.Ping([]byte("p")), wstest.Continuation(data), wstest.Binary(data), wstest.Close(1000, "bye"))
		for _, r := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
			if got, err := walk(reading(r)); err != io.EOF || len(got) != 1+2*n {
				t.Errorf("%d bytes: %d, %v", n, len(got), err)
			}
		}
	}
}

// F-04: a violation has its close code.
func TestReaderIsStrict(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    []byte
		code uint16 // 0: an early end
	}{
		{"reserved bit", server(wstest.Frame{Op: 1, RSV: wstest.RSV1}), 1002},
		{"reserved opcode", server(wstest.Frame{Op: 3}), 1002},
		{"reserved control opcode", server(wstest.Frame{Op: 11}), 1002},
		{"mask", wstest.Text("x").Bytes(), 1002},
		{"ping in pieces", server(wstest.Frame{Op: 9, More: true}), 1002},
		{"long ping", server(wstest.Ping(make([]byte, 126))), 1002},
		{"continuation of nothing", server(wstest.Continuation(nil)), 1002},
		{"two messages at once", server(wstest.Text("x").Open(), wstest.Text("y")), 1002},
		{"16 bits for a short length", server(wstest.Frame{Op: 1, Length: wstest.Length16, Payload: []byte("x")}), 1002},
		{"64 bits for a short length", server(wstest.Frame{Op: 1, Length: wstest.Length64, Payload: make([]byte, 65535)}), 1002},
		{"the highest bit", []byte{0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, 1002},
		{"half a close code", server(wstest.Frame{Op: 8, Payload: []byte{3}}), 1002},
		{"close code 1005", server(wstest.Close(1005, "")), 1002},
		{"close code 2999", server(wstest.Close(2999, "")), 1002},
		{"close reason", server(wstest.Close(1000, "\xff")), 1007},
		{"half a header", []byte{0x82}, 0},
		{"half a length", []byte{0x82, 126, 0}, 0},
		{"half a payload", []byte{0x82, 5, 0}, 0},
		{"half a ping", []byte{0x89, 5, 0}, 0},
	} {
		_, err := walk(reading(bytes.NewReader(tt.b)))
		ve, ok := errors.AsType[*ViolationError](err)
		if tt.code != 0 && (!ok || ve.Code != tt.code) || tt.code == 0 && err != io.ErrUnexpectedEOF {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// F-04: what is written is masked with a new key each time, in order, whole, and the
// payload of the caller is left alone.
func TestWriterMasks(t *testing.T) {
	near, far := net.Pipe()
	c := &Conn{write: newTurn(), conn: near, br: bufio.NewReaderSize(near, readBuffer), key: len(keys{})}
	got := make(chan []wstest.Frame, 1)
	go func() {
		var all []wstest.Frame
		for range 2*8 + 2 {
			f, err := wstest.ReadFrame(far, true, 0)
			if err != nil {
				t.Error(err)
				break
			}
			all = append(all, f)
		}
		got <- all
	}()
	var writers sync.WaitGroup
	for _, n := range []int{0, 1, 125, 126, 32 << 10, 65535, 65536, 100_001} {
		data := bytes.Repeat([]byte("abcdefg"), n/7+1)[:n]
		for range 2 {
			writers.Go(func() {
				if err := c.WriteFrame(Binary, true, data); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		if !bytes.HasPrefix(bytes.Repeat([]byte("abcdefg"), n/7+1), data) {
			t.Error("the payload was changed")
		}
	}
	c.Pong([]byte("p"))
	if err := c.WriteClose(1000, "bye"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.WriteFrame(Text, true, nil), c.WriteClose(1000, "")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the close frame: %v", err)
	}
	keys := map[[4]byte]bool{}
	for i, f := range <-got {
		if keys[f.Key] {
			t.Errorf("the key of frame %d was used before", i)
		}
		keys[f.Key] = true
		if !f.Op.IsControl() && !strings.HasPrefix(strings.Repeat("abcdefg", 20_000), string(f.Payload)) {
			t.Errorf("frame %d of %d bytes is another", i, len(f.Payload))
		}
	}
}

// F-04: a pong does not wait for a frame that is being written, and is not lost.
func TestPongDoesNotWait(t *testing.T) {
	near, far := net.Pipe()
	c := &Conn{write: newTurn(), conn: near, key: len(keys{})}
	done := make(chan error, 1)
	go func() { done <- c.WriteFrame(Binary, true, make([]byte, 1000)) }()
	var first [1]byte
	_, _ = far.Read(first[:]) // it is writing, and waits
	c.Pong([]byte("old"))
	c.Pong([]byte("new"))
	r := io.MultiReader(bytes.NewReader(first[:]), far)
	if f, err := wstest.ReadFrame(r, true, 0); err != nil || len(f.Payload) != 1000 {
		t.Fatal(f, err)
	}
	if f, err := wstest.ReadFrame(r, true, 0); err != nil || f.Op != wstest.OpPong || string(f.Payload) != "new" {
		t.Errorf("then came %+v, %v", f, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(server(wstest.Text("a").Open(), wstest.Ping(nil), wstest.Continuation([]byte("b"))))
	f.Add(server(wstest.Binary(make([]byte, 70_000)), wstest.Close(1000, "x")))
	f.Add([]byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := walk(reading(bytes.NewReader(b)))
		again, err2 := walk(reading(iotest.OneByteReader(bytes.NewReader(b))))
		if err == nil || len(got) > len(b) || !bytes.Equal(got, again) || (err == io.EOF) != (err2 == io.EOF) {
			t.Errorf("%x is %x, %v and byte by byte %x, %v", b, got, err, again, err2)
		}
	})
}
