package clienttest

import (
	"errors"
	"os"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// read runs on its own goroutine from the handshake to the end of the
// connection. It ends at the latest when end closes the connection.
func (p *Peer) read() {
	defer close(p.done)
	var joiner wstest.Joiner
	var err error
	for err == nil {
		var f wstest.Frame
		if f, err = p.nextFrame(); err == nil {
			err = p.take(f, &joiner)
		}
	}
	p.conn.Close() // a server that lingers comes to its end
	p.update(func() {
		p.err = err
		if p.closed == nil {
			p.closed = &client.CloseError{Code: client.StatusAbnormal}
		}
	})
}

// nextFrame reads a frame while the Peer is not paused. Only while it waits for
// the first byte Pause may break off: inside of a frame bytes would be lost. No
// other deadline is ever set for reading.
func (p *Peer) nextFrame() (wstest.Frame, error) {
	for {
		p.peek(true)
		_, err := p.br.Peek(1)
		switch paused := p.peek(false); {
		case errors.Is(err, os.ErrDeadlineExceeded), err == nil && paused:
		case err != nil:
			return wstest.Frame{}, err
		default:
			return wstest.ReadFrame(p.br, false, 0)
		}
	}
}

// peek begins, when the Peer is not paused, or ends the wait for a first byte.
// It tells whether the Peer is paused now.
func (p *Peer) peek(begin bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for begin && p.paused && !p.gone {
		p.cond.Wait()
	}
	p.peeking = begin
	p.conn.SetReadDeadline(time.Time{})
	return p.paused && !p.gone
}

// take files what has come, and answers control frames.
func (p *Peer) take(f wstest.Frame, joiner *wstest.Joiner) error {
	switch f.Op {
	case wstest.OpPing:
		p.answer(wstest.Pong(f.Payload), func() bool { return !p.ignorePings && p.closed == nil })
	case wstest.OpPong:
		p.update(func() { p.pongs = append(p.pongs, f.Payload) })
	case wstest.OpClose:
		return p.takeClose(f)
	default:
		m, whole, err := joiner.Add(f)
		if whole {
			p.update(func() { p.inbox = append(p.inbox, client.Message{Op: client.Opcode(m.Op), Data: m.Data}) })
		}
		return err
	}
	return nil
}

// takeClose answers a close frame with the same one (RFC 6455 section 5.5.1),
// unless Close was called before.
func (p *Peer) takeClose(f wstest.Frame) error {
	if err := wstest.CheckClose(f); err != nil {
		return err
	}
	code, reason := f.CloseCode()
	p.update(func() {
		p.closed = &client.CloseError{Code: client.StatusCode(code), Reason: reason}
		p.answering = true
	})
	p.answer(wstest.Frame{Op: wstest.OpClose, Payload: f.Payload}, func() bool { return !p.ignoreClose && !p.closing })
	p.update(func() { p.answering = false })
	return nil
}

// answer sends a frame if the script allows it. An error is left to reading,
// which will meet it too.
func (p *Peer) answer(f wstest.Frame, allowed func() bool) {
	p.mu.Lock()
	ok := allowed()
	p.mu.Unlock()
	if ok {
		_ = p.write(f)
	}
}

// update changes what others wait for.
func (p *Peer) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.cond.Broadcast()
}
