package wsdial

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

// failing takes so many bytes and fails once.
type failing struct {
	net.Conn
	room int
	got  bytes.Buffer
}

var errStuck = errors.New("stuck")

func (f *failing) Write(p []byte) (int, error) {
	if n := f.room; n >= 0 && len(p) > n {
		f.room = -1
		f.got.Write(p[:n])
		return n, errStuck
	}
	return f.got.Write(p)
}

// F-04: nothing follows a frame of which only a part was written: it would be taken for the
// rest of it.
func TestNothingFollowsHalfAFrame(t *testing.T) {
	f := &failing{room: 20}
	c := &Conn{write: newTurn(), conn: f, br: reading(f).br, key: len(keys{})}
	if err := c.WriteFrame(Binary, true, make([]byte, 100)); err != errStuck {
		t.Fatal(err)
	}
	if err := c.WriteClose(1000, ""); err != errStuck {
		t.Errorf("the close frame: %v", err)
	}
	if err := c.WriteFrame(Binary, true, nil); err != errStuck {
		t.Errorf("another message: %v", err)
	}
	c.Pong([]byte("x"))
	if n := f.got.Len(); n != 20 {
		t.Errorf("%d bytes were written", n)
	}
}

// onceReset is a stream that tells of its reset once, as sockets do.
type onceReset struct{ told bool }

func (r *onceReset) Read([]byte) (int, error) {
	if r.told {
		return 0, io.EOF
	}
	r.told = true
	return 0, syscall.ECONNRESET
}

// E-14: a reset before the answer is not taken for the end of the stream, which comes behind.
func TestResetBeforeTheAnswerIsTold(t *testing.T) {
	if _, err := ReadHead(bufio.NewReader(&onceReset{}), maxHead); err != syscall.ECONNRESET {
		t.Errorf("got %v", err)
	}
}
