package memnet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var _ net.Conn = (*Conn)(nil)

func openPipe(t *testing.T, buffer int) (*Conn, *Conn) {
	t.Helper()
	a, b := Pipe(buffer)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func mustWrite(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
		t.Fatalf("Write(%q) = %d, %v", s, n, err)
	}
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	p := make([]byte, len(want))
	if _, err := io.ReadFull(c, p); err != nil || string(p) != want {
		t.Fatalf("read %q, %v; want %q", p, err, want)
	}
}

func wantReadError(t *testing.T, c net.Conn, want error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, want) {
		t.Fatalf("Read = %d, %v; want 0, %v", n, err, want)
	}
}

func wantWriteError(t *testing.T, c net.Conn, want error) {
	t.Helper()
	if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, want) {
		t.Fatalf("Write = %d, %v; want 0, %v", n, err, want)
	}
}

func wantTimeout(t *testing.T, err error) {
	t.Helper()
	nerr, ok := errors.AsType[net.Error](err)
	if !ok || !nerr.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("error = %v; want a timeout", err)
	}
}

func TestBytesArriveInOrderInBothDirections(t *testing.T) {
	for _, buffer := range []int{1, 7, 4096, 0} {
		a, b := openPipe(t, buffer)
		var wg sync.WaitGroup
		for _, dir := range [][2]*Conn{{a, b}, {b, a}} {
			sent := make([]byte, 200_000)
			for i := range sent {
				sent[i] = byte(rand.Uint32())
			}
			wg.Go(func() {
				for rest := sent; len(rest) > 0; {
					n := min(1+rand.IntN(9000), len(rest))
					if _, err := dir[0].Write(rest[:n]); err != nil {
						t.Error(err)
						return
					}
					rest = rest[n:]
				}
				dir[0].CloseWrite()
			})
			wg.Go(func() {
				got, err := io.ReadAll(dir[1])
				if err != nil || !bytes.Equal(got, sent) {
					t.Errorf("buffer %d: %d bytes arrived (%v), not the %d that were sent", buffer, len(got), err, len(sent))
				}
			})
		}
		wg.Wait()
	}
}

func TestConcurrentWritesDoNotMix(t *testing.T) {
	a, b := openPipe(t, 10)
	var wg sync.WaitGroup
	const size, writers = 1000, 8
	for i := range writers {
		wg.Go(func() { a.Write(bytes.Repeat([]byte{byte('a' + i)}, size)) })
	}
	for range writers {
		block := make([]byte, size)
		if _, err := io.ReadFull(b, block); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(block, block[:1]); n != size {
			t.Fatalf("a block holds %d bytes of one writer, want %d", n, size)
		}
	}
	wg.Wait()
}

func TestBlockedCallsAreDurablyBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := openPipe(t, 4)
		var read, wrote error
		go func() { _, read = b.Read(make([]byte, 1)) }()
		go func() { _, wrote = b.Write([]byte("five!")) }()
		synctest.Wait() // would hang, and the bubble with it, if one were not
		if n := a.Buffered(); n != 4 {
			t.Errorf("the buffer of 4 bytes holds %d", n)
		}
		time.Sleep(time.Hour)
		b.Close()
		synctest.Wait()
		if !errors.Is(read, net.ErrClosed) || !errors.Is(wrote, net.ErrClosed) {
			t.Errorf("after Close: Read %v, Write %v", read, wrote)
		}
	})
}

func TestWriteGoesOnWhenThePeerReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := openPipe(t, 4)
		done := false
		go func() { mustWrite(t, a, "123456"); done = true }()
		synctest.Wait()
		if done {
			t.Fatal("six bytes fit into a buffer of four")
		}
		wantRead(t, b, "12")
		synctest.Wait()
		if !done {
			t.Fatal("Write still waits although there is room")
		}
		wantRead(t, b, "3456")
	})
}

func TestWriterInTheQueueHasItsOwnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := openPipe(t, 1)
		var errs [3]error
		for i := range errs {
			go func() { _, errs[i] = a.Write([]byte("ab")) }()
		}
		synctest.Wait()
		b.Close()
		synctest.Wait()
		for _, err := range errs {
			if !errors.Is(err, syscall.EPIPE) {
				t.Errorf("Write to a closed peer: %v, want EPIPE", err)
			}
		}
	})
}

func TestCloseLetsThePeerReadTheRest(t *testing.T) {
	a, b := openPipe(t, 0)
	mustWrite(t, a, "last words")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantRead(t, b, "last words")
	wantReadError(t, b, io.EOF)
	wantWriteError(t, b, syscall.EPIPE)
	wantReadError(t, a, net.ErrClosed)
	wantWriteError(t, a, net.ErrClosed)
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v, want net.ErrClosed", err)
	}
	if err := a.CloseWrite(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("CloseWrite after Close: %v, want net.ErrClosed", err)
	}
}

func TestCloseWriteEndsOneDirectionOnly(t *testing.T) {
	a, b := openPipe(t, 0)
	mustWrite(t, a, "question")
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wantRead(t, b, "question")
	wantReadError(t, b, io.EOF)
	wantWriteError(t, a, syscall.EPIPE)
	mustWrite(t, b, "answer")
	wantRead(t, a, "answer")
}

func TestLingerZeroResets(t *testing.T) {
	a, b := openPipe(t, 0)
	mustWrite(t, a, "has arrived")
	mustWrite(t, b, "is never read")
	a.SetLinger(0)
	a.Close()
	wantRead(t, b, "has arrived")
	wantReadError(t, b, syscall.ECONNRESET)
	wantWriteError(t, b, syscall.ECONNRESET)
	wantReadError(t, a, net.ErrClosed)
}

func TestResetWakesThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := openPipe(t, 1)
		var read, wrote error
		go func() { read = readOne(b) }()
		go func() { wrote = writeTooMuch(b) }()
		synctest.Wait()
		a.SetLinger(0)
		a.Close()
		synctest.Wait()
		if !errors.Is(read, syscall.ECONNRESET) || !errors.Is(wrote, syscall.ECONNRESET) {
			t.Errorf("Read %v, Write %v; want ECONNRESET", read, wrote)
		}
	})
}

func TestEmptyReadAndWriteDoNotWait(t *testing.T) {
	a, b := openPipe(t, 1)
	mustWrite(t, a, "x") // full
	for _, c := range []*Conn{a, b} {
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Errorf("Read(nil) = %d, %v", n, err)
		}
		if n, err := c.Write(nil); n != 0 || err != nil {
			t.Errorf("Write(nil) = %d, %v", n, err)
		}
	}
}

func TestErrorsNameTheAddresses(t *testing.T) {
	a, b := openPipe(t, 0)
	b.Close()
	_, err := a.Write([]byte("x"))
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "write" || op.Source != a.LocalAddr() || op.Addr != b.LocalAddr() {
		t.Errorf("error = %#v", err)
	}
}

func TestBufferDoesNotGrowWithTraffic(t *testing.T) {
	a, b := openPipe(t, 1000)
	mustWrite(t, a, strings.Repeat("0123456789", 90)) // never quite empty
	for range 10_000 {
		mustWrite(t, a, "0123456789")
		wantRead(t, b, "0123456789")
	}
	if n := cap(a.out.buf); n > 4000 {
		t.Errorf("a buffer of 1000 bytes has grown to %d", n)
	}
}

func TestAllMethodsAtTheSameTime(t *testing.T) {
	a, b := openPipe(t, 100)
	var wg sync.WaitGroup
	for _, c := range []*Conn{a, b} {
		for range 4 {
			wg.Go(func() {
				p := make([]byte, 300)
				for i := range 200 {
					c.SetDeadline(time.Now().Add(time.Millisecond))
					c.Write(p[:i])
					c.SetReadDeadline(time.Now())
					c.Read(p)
					c.SetWriteDeadline(time.Time{})
					c.LocalAddr()
					c.RemoteAddr()
					c.Buffered()
				}
			})
		}
	}
	go func() { time.Sleep(20 * time.Millisecond); a.Close() }()
	wg.Wait()
}
