package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/icsws/icsws/internal/tlsmem"
)

// sock is a socket whose descriptor is ours alone: no poller but our own knows it, so
// that its reader can wait there without a goroutine. It is edge-triggered: after a
// read that did not fill its buffer, nothing is left until ready is called.
//
// The descriptor is used under a reference only. Closing marks it, and the last to
// let go closes it: its number can not become another connection's under a call.
type sock struct {
	standby
	fd   int
	refs atomic.Int64
	poll *poller
	slot int32
	c    *Conn

	dry   bool // the reader's: there is nothing to read before ready
	brisk bool // likewise: the last input came soon after the one before
	// The number of the worker of poll that the reader runs on, plus 1; 0 if it has a
	// goroutine of its own. The reader's, too.
	worker uint64
	odd    atomic.Bool             // the stream has ended or has urgent data: a short read proves nothing
	woken  atomic.Bool             // wake was called
	room   atomic.Pointer[writers] // nil until a write had to wait
}

// writers is where the drainer waits for the peer.
type writers struct{ c chan struct{} }

const closedFlag = 1 << 62

// acquire guards a use of the descriptor; false when it is closed.
func (s *sock) acquire() bool {
	for {
		n := s.refs.Load()
		if n&closedFlag != 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *sock) release() {
	if s.refs.Add(-1) == closedFlag {
		s.poll.remove(s)
		_ = syscall.Close(s.fd)
	}
}

// errEmpty says that there is nothing to read now. crypto/tls takes it for temporary.
var errEmpty error = temporaryError("transport: nothing to read")

// tryRead reads into p what is there, or returns errEmpty.
func (s *sock) tryRead(p []byte) (int, error) {
	if s.dry {
		return 0, errEmpty
	}
	if !s.acquire() {
		return 0, net.ErrClosed
	}
	n, err := ignoringEINTR(syscall.Read, s.fd, p)
	s.release()
	switch {
	case err == syscall.EAGAIN:
		s.dry = true
		return 0, errEmpty
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	s.dry = n < len(p) && !s.odd.Load()
	return n, nil
}

// await waits for input with nothing at hand. The reader is to doze when the peer has
// been silent for long, or, with many connections, if it was so before its last input.
// So those that speak rarely never have their goroutines at the same time.
func (s *sock) await(mayDoze bool) (dozed bool) {
	c := s.c
	if s.poll.shift.inline {
		if mayDoze && !c.notices.Load() && !c.paused.Load() {
			return c.doze() // the beginning of a frame stays in its buffer
		}
		s.settle()
	}
	if mayDoze && !s.brisk && c.svc.crowded.Load() && c.State() == stateOpen {
		if c.mayDoze() {
			return true
		}
	}
	switch {
	case !s.pause():
		s.dry = false
	case mayDoze:
		return c.mayDoze()
	default:
		c.svc.keepWarm(c) // for the next time
	}
	return false
}

// settle makes the reader's goroutine its own, before it waits.
func (s *sock) settle() {
	if s.worker > 0 {
		s.poll.shift.hand(s.worker - 1)
		s.worker = 0
	}
}

func (s *sock) wake() {
	s.woken.Store(true)
	s.alert()
}

func (s *sock) doze() {
	if !s.tire() && s.state.Load() != asleep {
		s.c.svc.keepWarm(s.c) // for the next time
	}
}

// alert is called when there may be something to read.
func (s *sock) alert() {
	if s.ready() {
		s.worker = 0
		go s.rouse()
	}
}

// rest leaves the connection to the poller.
func (s *sock) rest(c *Conn) bool {
	if c.AtRest() {
		c.leaveInput()
	}
	inline := s.poll.shift.inline
	if !inline {
		c.svc.forget(c)
	}
	c.svc.asleep.Add(1)
	if s.retire() {
		return true
	}
	s.back(c)
	if !inline {
		c.svc.keepWarm(c)
	}
	return false
}

// back undoes what rest did.
func (s *sock) back(c *Conn) {
	s.state.CompareAndSwap(alerted, reading)
	s.dry = false
	c.svc.asleep.Add(-1)
	if c.in == &ended {
		c.takeInput()
	}
}

// rouse has the reader go on. It wants a goroutine of its own, or is that of the poller.
func (s *sock) rouse() {
	c := s.c
	s.back(c)
	if s.poll.shift.inline {
		c.events.Resume()
		return
	}
	s.brisk = c.bytesIn.Load() > 0 && c.svc.now()-time.Duration(c.lastRead.Load()) < dozeAfter
	c.resume()
}

func (s *sock) tryWrite(x, y, z []byte) (done int, blocked bool, err error) {
	if !s.acquire() {
		return 0, false, net.ErrClosed
	}
	defer s.release()
	src := [3][]byte{x, y, z}
	for left := len(x) + len(y) + len(z); left > 0; {
		n, err := writev(s.fd, &src)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return done, true, nil
		case err != nil:
			return done, false, os.NewSyscallError("write", err)
		default:
			done += n
			left -= n
			advance(&src, n)
		}
	}
	return done, false, nil
}

// write writes p, waiting up to stall without progress.
func (s *sock) write(p []byte, stall time.Duration) error {
	return s.push(stall, func() (int, bool, error) {
		n, err := ignoringEINTR(syscall.Write, s.fd, p)
		p = p[max(n, 0):]
		return n, len(p) == 0, err
	})
}

// push calls move, which writes what the kernel takes, until it is done, it fails, or
// no byte has moved for stall.
func (s *sock) push(stall time.Duration, move func() (n int, done bool, err error)) error {
	var timer *time.Timer
	var timeout <-chan time.Time
	moved := false // since the timer was set
	for {
		if !s.acquire() {
			return net.ErrClosed
		}
		n, done, err := move()
		s.release()
		switch {
		case err != nil && err != syscall.EAGAIN:
			return os.NewSyscallError("write", err)
		case done:
			return nil
		case err == nil:
			moved = moved || n > 0
			continue
		}
		room := s.room.Load()
		if room == nil { // from now on; what was made before has to be looked for
			s.room.Store(&writers{make(chan struct{}, 1)})
			continue
		}
		if stall > 0 {
			if timer == nil {
				timer = time.NewTimer(stall)
				defer timer.Stop()
				timeout = timer.C
			} else if moved {
				timer.Reset(stall)
			}
			moved = false
		}
		select {
		case <-room.c:
		case <-timeout:
			return os.ErrDeadlineExceeded
		}
	}
}

// writable is called when the kernel takes more.
func (s *sock) writable() {
	if room := s.room.Load(); room != nil {
		select {
		case room.c <- struct{}{}:
		default:
		}
	}
}

func (s *sock) closeWrite() error {
	if !s.acquire() {
		return net.ErrClosed
	}
	defer s.release()
	return os.NewSyscallError("shutdown", syscall.Shutdown(s.fd, syscall.SHUT_WR))
}

func (s *sock) drop(reset bool) {
	if !s.acquire() {
		return
	}
	defer s.release()
	if reset {
		_ = syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	}
	for {
		n := s.refs.Load()
		if n&closedFlag != 0 || s.refs.CompareAndSwap(n, n|closedFlag) {
			break
		}
	}
	s.alert()
	s.writable()
}

// discard is called by the reader at its end.
func (s *sock) discard(deadline time.Time, max int64) {
	s.settle()
	late := time.AfterFunc(time.Until(deadline), s.wake)
	defer late.Stop()
	b := getInput(false)
	defer putInput(b)
	for max > 0 && time.Now().Before(deadline) {
		n, err := s.tryRead(*b)
		switch {
		case err == errEmpty:
			if !s.pause() {
				s.dry = false
			}
		case err != nil:
			return
		}
		max -= int64(n)
	}
}

// sockWire is the wire over a sock.
type sockWire struct{ sock }

func (w *sockWire) attach(c *Conn) { w.c = c }

func (w *sockWire) fill(c *Conn) (int, error) {
	for !w.woken.Swap(false) {
		n, err := w.tryRead(c.space())
		c.in.w += n
		if err != errEmpty {
			return n, err
		}
		c.release()
		c.idle()
		if w.await(true) {
			return 0, errDoze
		}
	}
	return 0, errWoken
}

func (w *sockWire) read(c *Conn, p []byte) (int, error) {
	for !w.woken.Swap(false) {
		n, err := w.tryRead(p)
		if err != errEmpty {
			return n, err
		}
		c.idle()
		w.await(false)
	}
	return 0, errWoken
}

func (w *sockWire) holds() bool { return false }

func (w *sockWire) finish() { w.drop(false) }

func (w *sockWire) takesFiles() bool { return true }

func (w *sockWire) writeFile(c *Conn, f *os.File, n int) (done int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = w.push(c.stall(), func() (moved int, all bool, err error) {
		cerr := raw.Control(func(fd uintptr) {
			moved, err = ignoringEINTR(func(to int, _ []byte) (int, error) {
				return syscall.Sendfile(to, int(fd), nil, n-done)
			}, w.fd, nil)
		})
		if cerr != nil {
			return 0, false, cerr
		}
		done += max(moved, 0)
		return moved, done == n || err == nil && moved == 0, err
	})
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return done, err
	}
	// Which of the two is to blame, or whether this kind of file can not be sent
	// without a copy, shows when it is copied.
	k, err := w.copyFile(c, f, n-done)
	return done + k, err
}

func (w *sockWire) copyFile(c *Conn, f *os.File, n int) (done int, err error) {
	b := getInput(false)
	defer putInput(b)
	for done < n && err == nil {
		k := 0
		if k, err = f.Read((*b)[:min(len(*b), n-done)]); k > 0 {
			if err := w.write((*b)[:k], c.stall()); err != nil {
				return done, err
			}
			done += k
		}
	}
	if err == io.EOF {
		err = nil
	}
	return done, err
}

// sockTLS is the wire over a TLS connection of ours over a sock: the wait is outside
// of crypto/tls, which returns when it lacks input.
type sockTLS struct {
	tlsWire
	sock *sockWire
}

func (w *sockTLS) fill(c *Conn) (int, error) {
	for !w.sock.woken.Swap(false) {
		n, err := w.conn.Conn.Read(c.space())
		c.in.w += n
		if n > 0 || err != errEmpty { // both, if what follows may be an alert
			return n, err
		}
		c.release()
		c.idle()
		if w.sock.await(true) {
			return 0, errDoze
		}
	}
	return 0, errWoken
}

func (w *sockTLS) read(c *Conn, p []byte) (int, error) {
	for !w.sock.woken.Swap(false) {
		n, err := w.conn.Conn.Read(p)
		if n > 0 || err != errEmpty { // both, if what follows may be an alert
			return n, err
		}
		c.idle()
		w.sock.await(false)
	}
	return 0, errWoken
}

func (w *sockTLS) doze() { w.sock.doze() }

func (w *sockTLS) settle() { w.sock.settle() }

func (w *sockTLS) rest(c *Conn) bool {
	tlsmem.Release(w.conn.Conn)
	return w.sock.rest(c)
}
