package chaos

import (
	"io"
	"net"
	"time"
)

// act is one thing that is done to a connection.
type act int

const (
	pass  act = iota
	delay     // some milliseconds
	tiny      // the bytes in pieces of 1 to 9
	stall     // for longer than a ping waits for its pong
	half      // the end of one direction; what still comes is lost
	cut       // the end of both
	reset     // the same with RST
	refuse
	acts
)

var actNames = [acts]string{"pass", "delay", "tiny", "stall", "half-close", "cut", "reset", "refuse"}

func (p *Proxy) did(a act) { p.counts[a].Add(1) }

// choose draws what to do with the next bytes.
func (p *Proxy) choose() act {
	if !p.raging.Load() {
		return pass
	}
	switch n := p.draw(1000); {
	case n < 20:
		return tiny
	case n < 60:
		return delay
	case n < 63:
		return stall
	case n < 65:
		return half
	case n < 68:
		return cut
	case n < 71:
		return reset
	}
	return pass
}

// pipe leads one direction, and closes it when from has ended or chaos says so.
func (p *Proxy) pipe(to, from *net.TCPConn) {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.carry(to, from, buf[:n]) {
			break
		}
		if err != nil {
			break
		}
	}
	_ = to.CloseWrite()
	_, _ = io.Copy(io.Discard, from) // until the other direction ends as well
}

// carry writes b. It returns false when this direction is over.
func (p *Proxy) carry(to, from *net.TCPConn, b []byte) bool {
	a := p.choose()
	p.did(a)
	switch a {
	case delay:
		p.sleep(time.Duration(1+p.draw(20)) * time.Millisecond)
	case stall:
		for range 50 + p.draw(100) { // up to 1.5 s, less when the chaos ends
			if !p.raging.Load() || !p.sleep(10*time.Millisecond) {
				break
			}
		}
	case half:
		return false
	case cut, reset:
		_, _ = to.Write(b[:p.draw(len(b)+1)])
		for _, c := range []*net.TCPConn{to, from} {
			if a == reset {
				_ = c.SetLinger(0)
			}
			_ = c.Close()
		}
		return false
	case tiny:
		return p.crumble(to, b)
	}
	_, err := to.Write(b)
	return err == nil
}

// crumble writes the first of b in pieces, each in a segment of its own.
func (p *Proxy) crumble(to *net.TCPConn, b []byte) bool {
	for range 200 {
		if len(b) == 0 {
			return true
		}
		n := min(1+p.draw(9), len(b))
		if _, err := to.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
	}
	_, err := to.Write(b)
	return err == nil
}
