//go:build unix

package transport

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// socketIO reads and writes a socket through the runtime's poller with single
// non-blocking attempts, so that an input buffer is borrowed only for input that
// is there, and so that sending never waits.
type socketIO struct {
	raw syscall.RawConn
	c   *Conn

	onRead  func(fd uintptr) bool // bound once: no allocation per call
	onWrite func(fd uintptr) bool

	// Of the read under way.
	dst   []byte // nil: into the input buffer
	nread int
	rerr  error
	short bool // the last read left nothing behind

	// Of the write under way.
	src     [3][]byte
	nwrite  int
	blocked bool
	werr    error
}

// init reports whether conn is a TCP or unix socket. A wrapper around one has
// reasons to see Read and Write.
func (w *socketIO) init(conn net.Conn) bool {
	var err error
	switch s := conn.(type) {
	case *net.TCPConn:
		w.raw, err = s.SyscallConn()
	case *net.UnixConn:
		w.raw, err = s.SyscallConn()
	default:
		return false
	}
	w.onRead, w.onWrite = w.readable, w.writable
	return err == nil
}

// read reads into p, or into the input buffer if p is nil.
func (w *socketIO) read(p []byte) (int, error) {
	if w.short {
		// The batch is over. Answering before looking for more gives the peer the time
		// to send it, which often saves the wait.
		w.short = false
		w.c.idle()
	}
	w.dst, w.nread, w.rerr = p, 0, nil
	err := w.raw.Read(w.onRead)
	w.dst = nil
	if err == nil {
		err = w.rerr
	}
	return w.nread, err
}

// readable makes one attempt; false lets the poller wait.
func (w *socketIO) readable(fd uintptr) bool {
	p := w.dst
	if p == nil {
		p = w.c.space()
	}
	n, err := ignoringEINTR(syscall.Read, int(fd), p)
	switch {
	case err == syscall.EAGAIN:
		if w.dst == nil {
			w.c.release()
		}
		w.c.idle()
		return false
	case err != nil:
		w.rerr = err
	case n == 0:
		w.rerr = io.EOF
	default:
		w.nread, w.short = n, n < len(p)
		if w.dst == nil {
			w.c.in.w += n
		}
	}
	return true
}

func ignoringEINTR(call func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		n, err := call(fd, p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

func (w *socketIO) tryWrite(x, y, z []byte) (int, bool, error) {
	w.src = [3][]byte{x, y, z}
	w.nwrite, w.blocked, w.werr = 0, false, nil
	err := w.raw.Write(w.onWrite)
	w.src = [3][]byte{}
	if err == nil {
		err = w.werr
	}
	return w.nwrite, w.blocked, err
}

// writable writes until nothing is left or the kernel takes no more. It never
// lets the poller wait.
func (w *socketIO) writable(fd uintptr) bool {
	left := len(w.src[0]) + len(w.src[1]) + len(w.src[2])
	for left > 0 {
		n, err := writev(int(fd), &w.src)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			w.blocked = true
			return true
		case err != nil:
			w.werr = err
			return true
		default:
			w.nwrite += n
			left -= n
			advance(&w.src, n)
		}
	}
	return true
}

// advance drops the first n bytes of src.
func advance(src *[3][]byte, n int) {
	for i := range src {
		k := min(n, len(src[i]))
		src[i] = src[i][k:]
		n -= k
	}
}

// socketWire is the wire over a socket.
type socketWire struct {
	socketIO
	conn   net.Conn
	dozing atomic.Bool // the read deadline is in the past for dozing's sake
}

// newSocketWire returns nil unless conn is a socket.
func newSocketWire(conn net.Conn) wire {
	w := &socketWire{conn: conn}
	if !w.init(conn) {
		return nil
	}
	return w
}

func (w *socketWire) attach(c *Conn) { w.c = c }

func (w *socketWire) fill(*Conn) (int, error) { return w.wait(nil) }

func (w *socketWire) read(_ *Conn, p []byte) (int, error) { return w.wait(p) }

// wait reads into p, or into the input buffer if p is nil, once. It dozes off only
// where the engine is at the start of a frame and nothing of it is here.
func (w *socketWire) wait(p []byte) (int, error) {
	n, err := w.socketIO.read(p)
	if err == nil {
		return n, nil
	}
	err = woken(w.conn, err)
	if err == errWoken && p == nil && w.dozing.Swap(false) {
		if w.c.mayDoze() {
			return 0, errDoze
		}
	}
	return n, err
}

func (w *socketWire) wake() { _ = w.conn.SetReadDeadline(longAgo) }

func (w *socketWire) doze() {
	w.dozing.Store(true)
	w.wake()
}

// rest leaves the connection to a poller of ours, or waits on a goroutine of its own.
func (w *socketWire) rest(c *Conn) bool {
	if d, ok := c.adopt(); ok {
		return d.rest(c)
	}
	go func() {
		w.await(c)
		c.resume()
	}()
	return true
}

// await borrows no buffer before there is input: that alone would make the stack
// grow.
func (w *socketWire) await(c *Conn) {
	n, err := w.socketIO.read(c.in.tiny[:])
	if n > 0 {
		c.in.w += copy(c.space(), c.in.tiny[:n])
		c.received(n)
	}
	if err = woken(w.conn, err); err != nil && err != errWoken { // the loop finds out why it was woken
		c.in.end = c.lost(err)
	}
}

func (w *socketWire) takesFiles() bool {
	_, ok := w.conn.(*net.TCPConn)
	return ok
}

func (w *socketWire) writeFile(c *Conn, f *os.File, n int) (done int, err error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	err = moving(w.conn, c.stall(), func() (int, bool, error) {
		k, err := w.conn.(*net.TCPConn).ReadFrom(&io.LimitedReader{R: f, N: int64(n - done)})
		if done += int(k); err != nil {
			// Where the kernel does not copy, more may have been read than was written.
			_, _ = f.Seek(at+int64(done), io.SeekStart)
		}
		return int(k), done == n, err
	})
	return done, err
}

func (w *socketWire) write(p []byte, stall time.Duration) error {
	if len(p) == 0 {
		return nil
	}
	return writeWaiting(w.conn, p, stall)
}

func (w *socketWire) holds() bool { return false }

func (w *socketWire) closeWrite() error { return closeWrite(w.conn) }

func (w *socketWire) finish() { w.drop(false) }

func (w *socketWire) discard(deadline time.Time, max int64) { discardFrom(w.conn, deadline, max) }

func (w *socketWire) drop(reset bool) { dropConn(w.conn, reset) }
