package transport

import (
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// poller waits for the input of many connections on one goroutine. Its epoll set is
// itself in the runtime's poller, so waiting blocks no thread.
type poller struct {
	fd    int
	file  *os.File
	raw   syscall.RawConn
	shift shift

	waiters sync.Pool // of chan bool, for standby

	// The events that are not yet done. They belong to the worker.
	events  []syscall.EpollEvent
	socks   []*sock
	next, n int

	mu    sync.Mutex // guards the following
	slots []slot
	free  []int32
}

// slot is a connection's place. Its number and turn come back with each event, so that a
// late one does not reach who has the place by then.
type slot struct {
	s    *sock
	turn int32
}

const (
	edgeTriggered = 1 << 31
	interest      = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | syscall.EPOLLPRI | edgeTriggered
	odd           = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR | syscall.EPOLLPRI
)

// pollBatch is how many events are taken with one call.
const pollBatch = 128

func newPoller(inline bool) (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{
		fd: fd, file: os.NewFile(uintptr(fd), "epoll"),
		events: make([]syscall.EpollEvent, pollBatch), socks: make([]*sock, pollBatch),
	}
	p.shift.inline = inline
	p.shift.relief = p.start
	// Whether the runtime's poller has taken it shows in its deadlines only.
	if err = p.file.SetReadDeadline(time.Time{}); err == nil {
		p.raw, err = p.file.SyscallConn()
	}
	if err != nil {
		_ = p.file.Close()
		return nil, err
	}
	p.start(0)
	return p, nil
}

// close ends the goroutine. It waits for nobody who is in an event.
func (p *poller) close() { _ = p.file.Close() }

func (p *poller) start(worker uint64) {
	if p.shift.inline {
		go p.work(worker)
	} else {
		go p.dispatch()
	}
}

// take gets the next events, if there are any.
func (p *poller) take(fd uintptr) {
	p.next, p.n = 0, 0
	n, err := ignoringEINTR(func(fd int, _ []byte) (int, error) { return syscall.EpollWait(fd, p.events, 0) }, int(fd), nil)
	if err == nil {
		p.n = n
		p.find()
	}
}

// dispatch starts and wakes readers until the poller is closed. It never leaves the
// read, so that no event is missed and none has to be asked for in vain.
func (p *poller) dispatch() {
	_ = p.raw.Read(func(fd uintptr) bool {
		for {
			p.take(fd)
			for i, s := range p.socks[:p.n] {
				if s != nil && s.happened(p.events[i].Events) {
					go s.rouse()
				}
				p.socks[i] = nil
			}
			if p.n < len(p.events) {
				return false
			}
		}
	})
}

// work is the worker where events run inline: it goes on until the poller is closed, or
// another is there in its place.
func (p *poller) work(worker uint64) {
	regular := false
	defer func() {
		if !regular {
			p.shift.hand(worker) // an event has ended the goroutine
		}
	}()
	regular = p.workOn(worker)
}

func (p *poller) workOn(worker uint64) bool {
	for {
		for p.next < p.n {
			s, what := p.socks[p.next], p.events[p.next].Events
			p.socks[p.next] = nil
			p.next++
			if s == nil || !s.happened(what) {
				continue
			}
			p.shift.begin(worker, s)
			s.rouse()
			if !p.shift.end(worker) {
				return true
			}
		}
		if p.raw.Read(func(fd uintptr) bool { p.take(fd); return p.n > 0 }) != nil {
			return true
		}
	}
}

// find fills socks with whom the events are for.
func (p *poller) find() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.events[:p.n] {
		if at := &p.slots[p.events[i].Fd]; at.turn == p.events[i].Pad {
			p.socks[i] = at.s
		}
	}
}

// happened takes an event. It returns true when the caller has to rouse the reader.
func (s *sock) happened(what uint32) bool {
	if what&syscall.EPOLLOUT != 0 {
		s.writable()
	}
	if what&odd != 0 {
		s.odd.Store(true)
	}
	return what&^syscall.EPOLLOUT != 0 && s.ready()
}

// add has s.happened called from now on.
func (p *poller) add(s *sock) error {
	p.mu.Lock()
	if len(p.free) == 0 {
		p.free = append(p.free, int32(len(p.slots)))
		p.slots = append(p.slots, slot{})
	}
	last := len(p.free) - 1
	s.poll, s.slot, p.free = p, p.free[last], p.free[:last]
	s.pool = &p.waiters
	at := &p.slots[s.slot]
	at.s = s
	turn := at.turn
	p.mu.Unlock()
	err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, s.fd, &syscall.EpollEvent{Events: interest, Fd: s.slot, Pad: turn})
	if err != nil {
		p.remove(s)
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

// remove forgets s; closing its descriptor takes it out of the epoll set.
func (p *poller) remove(s *sock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := &p.slots[s.slot]
	at.s = nil
	at.turn++
	p.free = append(p.free, s.slot)
}

// polling is the pollers of a service. Service.mu guards it.
type polling struct {
	pollers []*poller
	turn    int
	closed  bool
}

// poller returns one of as many as there are processors.
func (s *Service) poller(inline bool) (*poller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	s.turn++
	if n := runtime.GOMAXPROCS(0); len(s.pollers) < n {
		p, err := newPoller(inline)
		if err == nil {
			s.pollers = append(s.pollers, p)
			return p, nil
		}
		if len(s.pollers) == 0 {
			return nil, err
		}
	}
	return s.pollers[s.turn%len(s.pollers)], nil
}

// Close ends what the dormant driver has. The connections have ended by then, and new ones
// have the goroutine driver.
func (s *Service) Close() {
	s.mu.Lock()
	list := s.pollers
	s.pollers, s.closed = nil, true
	s.mu.Unlock()
	for _, p := range list {
		p.close()
	}
}

// adopt takes the socket out of conn, which is closed if that succeeds.
func (s *sock) adopt(c *Conn, conn net.Conn) bool {
	var raw syscall.RawConn
	var err error
	switch conn := conn.(type) {
	case *net.TCPConn:
		raw, err = conn.SyscallConn()
	case *net.UnixConn:
		s.odd.Store(true) // a read ends at descriptors that are passed
		raw, err = conn.SyscallConn()
	default:
		return false
	}
	if err != nil {
		return false
	}
	p, err := c.svc.poller(c.set.Inline)
	if err != nil {
		return false
	}
	var errno syscall.Errno
	err = raw.Control(func(theirs uintptr) {
		fd, _, e := syscall.Syscall(syscall.SYS_FCNTL, theirs, syscall.F_DUPFD_CLOEXEC, 0)
		s.fd, errno = int(fd), e
	})
	if err != nil || errno != 0 {
		return false
	}
	s.c = c
	if p.add(s) != nil {
		_ = syscall.Close(s.fd)
		return false
	}
	_ = conn.Close()
	return true
}

// adoptable reports whether a wire is over a socket that can be taken out of it.
func adoptable(w wire) bool {
	_, ok := w.(*socketWire)
	return ok
}

// adoptLocked puts a wire over a sock in the place of the one over its socket. Nobody
// writes meanwhile, and the reader is the caller.
func (c *Conn) adoptLocked() (d dozer, ok bool) {
	if !c.set.Dormant || c.dead != nil || c.writing || c.draining {
		return nil, false
	}
	switch w := c.wire.(type) {
	case *socketWire:
		d := new(sockWire)
		if d.adopt(c, w.conn) {
			c.wire = d
			return d, true
		}
	case *tlsWire:
		s := new(sockWire)
		if s.adopt(c, w.conn.low.Conn) {
			w.conn.low.Conn, w.conn.low.wire, w.conn.low.own = c, s, s
			d := &sockTLS{tlsWire{conn: w.conn}, s}
			c.wire = d
			return d, true
		}
	}
	return nil, false
}
