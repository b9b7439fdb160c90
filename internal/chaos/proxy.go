package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy takes connections and leads each to its target. It behaves until Rage.
type Proxy struct {
	target string
	addr   string
	raging atomic.Bool
	done   chan struct{}
	tasks  sync.WaitGroup
	counts [acts]atomic.Int64

	mu    sync.Mutex // guards the following
	rnd   *rand.Rand
	l     net.Listener // nil while connects are refused
	conns map[*net.TCPConn]struct{}
	over  bool
}

// Listen opens a proxy in front of target. Its address is outside of the range that the
// system takes the ports of outgoing connections from, so that nobody has it while the
// proxy does not listen. Equal seeds give equal draws, as far as connections come in the
// same order.
func Listen(target string, seed uint64) (*Proxy, error) {
	p := &Proxy{
		target: target, done: make(chan struct{}), conns: map[*net.TCPConn]struct{}{},
		rnd: rand.New(rand.NewPCG(seed, 1)),
	}
	var errs []error
	for range 50 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			p.l, p.addr = l, l.Addr().String()
			p.tasks.Go(p.accept)
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("chaos: no free port: %w", errors.Join(errs...))
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.addr }

// Rage begins the chaos, or ends it: then what is stalled goes on, and the proxy listens.
func (p *Proxy) Rage(on bool) { p.raging.Store(on) }

// Counts tells how often each thing was done.
func (p *Proxy) Counts() map[string]int64 {
	m := map[string]int64{}
	for i := range acts {
		m[actNames[i]] = p.counts[i].Load()
	}
	return m
}

// Close ends everything.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.over = true
	if p.l != nil {
		_ = p.l.Close()
	}
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	close(p.done)
	p.tasks.Wait()
}

// accept takes connections until Close. A turn of it is what one listener takes.
func (p *Proxy) accept() {
	for {
		p.mu.Lock()
		l := p.l
		p.mu.Unlock()
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			p.take(c.(*net.TCPConn))
			if p.raging.Load() && p.draw(40) == 0 {
				p.did(refuse)
				break
			}
		}
		_ = l.Close()
		if !p.sleep(time.Duration(50+p.draw(250))*time.Millisecond) || !p.listen() {
			return
		}
	}
}

// listen opens the address again. Until old connections have left it that may fail.
func (p *Proxy) listen() bool {
	for range 200 {
		p.mu.Lock()
		if p.over {
			p.mu.Unlock()
			return false
		}
		l, err := net.Listen("tcp", p.addr)
		if err == nil {
			p.l = l
			p.mu.Unlock()
			return true
		}
		p.mu.Unlock()
		p.sleep(10 * time.Millisecond)
	}
	return false
}

func (p *Proxy) take(in *net.TCPConn) {
	if !p.hold(in) {
		return
	}
	p.tasks.Go(func() {
		defer p.drop(in)
		c, err := net.DialTimeout("tcp", p.target, 5*time.Second)
		if err != nil {
			return
		}
		out := c.(*net.TCPConn)
		if !p.hold(out) {
			return
		}
		defer p.drop(out)
		var both sync.WaitGroup
		both.Go(func() { p.pipe(out, in) })
		both.Go(func() { p.pipe(in, out) })
		both.Wait()
	})
}

func (p *Proxy) hold(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c *net.TCPConn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// draw returns a number below n.
func (p *Proxy) draw(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rnd.IntN(n)
}

// sleep returns false when the proxy is closed meanwhile.
func (p *Proxy) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.done:
		return false
	}
}
