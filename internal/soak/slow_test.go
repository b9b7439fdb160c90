package soak

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// thousands that dribble their handshakes are all cut off, and do not keep
// clients from coming, nor those that are there from being served.
func TestSlowHandshakesDoNotHoldUpClients(t *testing.T) {
	underEach(t, func(t *testing.T, d wsserver.Driver) {
		slow := min(pick(300, 5000), files()/2-200)
		h := newHouse(t, wsserver.Config{
			MaxPending: slow + 50, HandshakeTimeout: pick(2*time.Second, 5*time.Second), TLSHandshakeTimeout: pick(2*time.Second, 5*time.Second),
		}, d, wstest.NewCA(t))
		f := h.release(len(manners), true)
		eventually(t, "the canaries to be there", func() bool { return h.srv.ClientCount() == len(manners) })
		s := &dribblers{house: h}
		var wg sync.WaitGroup
		const group = 250
		for from := 0; from < slow; from += group {
			wg.Go(func() { s.dribble(from, min(from+group, slow)) })
		}
		eventually(t, "slow handshakes", func() bool { return h.srv.Stats().Pending >= slow/2 || s.ended.Load() > 0 })
		come, most := 0, 0
		for ; s.ended.Load() < int64(slow) && !h.any(); come++ {
			most = max(most, h.srv.Stats().Pending)
			guestVisit(h)
		}
		wg.Wait()
		st := h.srv.Stats()
		// One that dribbles on TLS may end before TLS has a reason of its own.
		if got := st.Refused["timeout"] + st.Refused["tls"]; got != uint64(slow) || st.Refused["tls"] == 0 {
			t.Errorf("seed %d: %d timeouts, want %d: %+v", seed, got, slow, st)
		}
		if come == 0 || most < slow/2 {
			t.Errorf("seed %d: %d clients came meanwhile, at most %d were slow at once: that proves little", seed, come, most)
		}
		f.recall(t)
		h.idle(t)
		h.close(t)
		t.Logf("%d slow handshakes, at most %d at once, %d clients came and went meanwhile", slow, most, come)
	})
}

// guestVisit is a client that comes, is served, and goes.
func guestVisit(h *house) {
	p, err := h.visit("/whole", "", false)
	if err != nil {
		h.add("a client in between: %v", err)
		return
	}
	defer p.drop()
	if err := p.send(opText, []byte("hello")); err != nil {
		h.add("a client in between: %v", err)
	}
	if _, m, err := p.receive(); string(m) != "hello" {
		h.add("a client in between gets %q, %v", m, err)
	}
	p.leave()
	if op, m, err := p.receive(); op != opClose || closeCode(m) != 1000 {
		h.add("a client in between ends with %d %x, %v", op, m, err)
	}
}

// dribblers are peers that send a byte at a time.
type dribblers struct {
	house *house
	ended atomic.Int64
}

// hello is how a TLS handshake begins: a record of 512 bytes that will never be whole.
var hello = append([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, make([]byte, 400)...)

// dribble serves the peers of these numbers, on one goroutine.
func (s *dribblers) dribble(from, to int) {
	endless := append([]byte("GET / HTTP/1.1\r\nHost: soak\r\nX-Slow: "), bytes.Repeat([]byte("z"), 400)...)
	first := map[bool]byte{false: endless[0], true: hello[0]}
	conns, secure := make([]*net.TCPConn, to-from), make([]bool, to-from)
	for i := range conns {
		addr := s.house.plain
		if secure[i] = i%5 == 0; secure[i] {
			addr = s.house.secure
		}
		c, err := dial(addr)
		if err != nil {
			s.house.add("slow peer %d: %v", from+i, err)
			continue
		}
		conns[i] = c
		defer reset(c)
		// At once, so that it is never too late: who says nothing gets no answer.
		if _, err := c.Write([]byte{first[secure[i]]}); err != nil {
			s.house.add("slow peer %d: %v", from+i, err)
		}
	}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	open := len(conns)
	for step := 1; step < 400 && open > 0; step++ {
		for i, c := range conns {
			if c == nil {
				continue
			}
			b := endless[step : step+1]
			if secure[i] {
				b = hello[step : step+1]
			}
			if _, err := c.Write(b); err != nil || s.over(c, step) {
				s.farewell(from+i, c, secure[i])
				conns[i] = nil
				open--
			}
		}
		<-tick.C
	}
	if open > 0 {
		s.house.add("%d slow peers from %d on are still welcome", open, from)
	}
}

// over looks now and then whether the server has said something.
func (s *dribblers) over(c *net.TCPConn, step int) bool {
	if step%8 != 7 {
		return false
	}
	said := false
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	_ = raw.Read(func(fd uintptr) bool { said = readable(fd); return true })
	return said
}

// farewell reads the answer of a server that has lost its patience.
func (s *dribblers) farewell(n int, c *net.TCPConn, secure bool) {
	s.ended.Add(1)
	b, err := io.ReadAll(c)
	if errors.Is(err, syscall.ECONNRESET) {
		return // our next byte met a socket that is closed
	}
	if err != nil || !secure && !bytes.HasPrefix(b, []byte("HTTP/1.1 408 ")) {
		s.house.add("slow peer %d: %.60q, %v", n, b, err)
	}
}
