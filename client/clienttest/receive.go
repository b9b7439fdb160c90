package clienttest

import (
	"io"
	"os"
	"time"

	"github.com/icsws/icsws/client"
)

// Receive waits for the next message. It ends the test when the connection ends
// before there is one.
func (p *Peer) Receive() client.Message {
	p.tb.Helper()
	m, err := p.TryReceive()
	if err != nil {
		p.tb.Fatalf("waiting for a message: %v", err)
	}
	return m
}

// TryReceive is Receive with an error: a [*client.CloseError] after the end of
// the connection, [os.ErrDeadlineExceeded] after the timeout.
func (p *Peer) TryReceive() (client.Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waitLocked(func() bool { return len(p.inbox) > 0 || p.closed != nil }) {
		return client.Message{}, os.ErrDeadlineExceeded
	}
	if len(p.inbox) == 0 {
		return client.Message{}, p.closed
	}
	m := p.inbox[0]
	p.inbox = p.inbox[1:]
	return m, nil
}

// Received takes all messages that have come so far, without waiting. In a
// bubble, synctest.Wait before it makes that everything that was sent.
func (p *Peer) Received() []client.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.inbox
	p.inbox = nil
	return all
}

// ReceiveClose waits for the end of the connection and tells how it ended: with
// the code and reason of the server's close frame, with
// [client.StatusNoCode] if that has none, and with [client.StatusAbnormal] if
// there was no close frame. Messages that came before can still be received.
func (p *Peer) ReceiveClose() client.CloseError {
	p.tb.Helper()
	p.await("the close frame", func() bool { return p.closed != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.closed
}

// CloseCode is the code of ReceiveClose.
func (p *Peer) CloseCode() client.StatusCode {
	p.tb.Helper()
	return p.ReceiveClose().Code
}

// WaitEnd waits until the server has closed the connection under the WebSocket
// too, which is its duty after both close frames (RFC 6455 section 7.1.1). It
// returns nil for an orderly end, and for instance ECONNRESET.
func (p *Peer) WaitEnd() error {
	p.tb.Helper()
	p.await("the end of the connection", func() bool { return p.err != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == io.EOF {
		return nil
	}
	return p.err
}

// await waits until ready, which is called with the lock held. It ends the test
// when the connection or the time ends before.
func (p *Peer) await(what string, ready func() bool) {
	p.tb.Helper()
	p.mu.Lock()
	p.waitLocked(func() bool { return ready() || p.err != nil })
	ok, err := ready(), p.err
	p.mu.Unlock()
	if ok {
		return
	}
	if err == nil {
		err = os.ErrDeadlineExceeded
	}
	p.tb.Fatalf("waiting for %s: %v", what, err)
}

// waitLocked waits until ready is true, and no longer than the timeout. It
// returns the last answer of ready.
func (p *Peer) waitLocked(ready func() bool) bool {
	late := false
	timer := time.AfterFunc(p.timeout, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		late = true
		p.cond.Broadcast()
	})
	defer timer.Stop()
	for !ready() && !late {
		p.cond.Wait()
	}
	return ready()
}
