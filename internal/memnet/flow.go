package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// flow is one direction of a connection: a bounded buffer between one end that
// writes and one that reads. Nobody holds mu while waiting.
type flow struct {
	mu    sync.Mutex // guards the following
	cond  sync.Cond  // something below has changed
	buf   []byte     // unread bytes are buf[head:]
	head  int
	limit int // unread bytes held at most

	writing     bool // a Write is under way; others wait, so writes do not mix
	writeEnd    bool // no more bytes will come: end of stream after buf
	writeClosed bool // the writing end is closed
	readClosed  bool // the reading end is closed
	reset       bool // an end was closed abortively
	readBy      deadline
	writeBy     deadline
}

func newFlow(limit int) *flow {
	f := &flow{limit: limit}
	f.cond.L = &f.mu
	return f
}

// read takes what is there, and waits only while there is nothing.
func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.readClosed:
			return 0, net.ErrClosed
		case f.readBy.expired:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case f.head < len(f.buf):
			return f.takeLocked(p), nil
		case f.reset:
			return 0, os.NewSyscallError("read", syscall.ECONNRESET)
		case f.writeEnd:
			return 0, io.EOF
		}
		f.cond.Wait()
	}
}

func (f *flow) takeLocked(p []byte) int {
	n := copy(p, f.buf[f.head:])
	f.head += n
	if f.head == len(f.buf) {
		f.buf, f.head = f.buf[:0], 0
	}
	f.cond.Broadcast()
	return n
}

// write puts all of p into the buffer and waits while there is no room. On an
// error it tells how much of p was taken.
func (f *flow) write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.beginWriteLocked(); err != nil {
		return 0, err
	}
	defer f.endWriteLocked()
	done := 0
	for {
		if err := f.writeErrLocked(); err != nil {
			return done, err
		}
		done += f.putLocked(p[done:])
		if done == len(p) {
			return done, nil
		}
		f.cond.Wait()
	}
}

func (f *flow) beginWriteLocked() error {
	for f.writing {
		if err := f.writeErrLocked(); err != nil {
			return err
		}
		f.cond.Wait()
	}
	f.writing = true
	return nil
}

func (f *flow) endWriteLocked() {
	f.writing = false
	f.cond.Broadcast()
}

// writeErrLocked is the reason why no byte may be written now.
func (f *flow) writeErrLocked() error {
	switch {
	case f.writeClosed:
		return net.ErrClosed
	case f.reset:
		return os.NewSyscallError("write", syscall.ECONNRESET)
	case f.writeEnd, f.readClosed:
		return os.NewSyscallError("write", syscall.EPIPE)
	case f.writeBy.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (f *flow) putLocked(p []byte) int {
	n := min(len(p), f.limit-(len(f.buf)-f.head))
	if n == 0 {
		return 0
	}
	if f.head > 0 && len(f.buf)+n > cap(f.buf) {
		f.buf, f.head = f.buf[:copy(f.buf, f.buf[f.head:])], 0
	}
	f.buf = append(f.buf, p[:n]...)
	f.cond.Broadcast()
	return n
}

// end marks the end of the stream: the reader gets the rest of buf, then EOF.
func (f *flow) end() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writeClosed {
		return net.ErrClosed
	}
	f.writeEnd = true
	f.cond.Broadcast()
	return nil
}

// closeWrite closes the writing end. Its deadline is over with it.
func (f *flow) closeWrite(reset bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writeEnd, f.writeClosed = true, true
	f.reset = f.reset || reset
	f.writeBy.stopLocked()
	f.cond.Broadcast()
}

// closeRead closes the reading end: nobody will take the bytes any more.
func (f *flow) closeRead(reset bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readClosed = true
	f.reset = f.reset || reset
	f.readBy.stopLocked()
	f.buf, f.head = nil, 0
	f.cond.Broadcast()
}

func (f *flow) setReadDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readClosed {
		return net.ErrClosed
	}
	f.readBy.setLocked(t, &f.cond)
	return nil
}

func (f *flow) setWriteDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writeClosed {
		return net.ErrClosed
	}
	f.writeBy.setLocked(t, &f.cond)
	return nil
}

// buffered is the number of bytes written and not yet read.
func (f *flow) buffered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.buf) - f.head
}
