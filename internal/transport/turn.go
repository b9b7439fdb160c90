package transport

import (
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// turn says which message is sent in pieces, and what waits for its end. Conn.mu
// guards it.
type turn struct {
	taken  *Stream // the one message that is under way; nil: none
	behind queue   // messages that wait for its end
	seal   *seal   // the close frame that waits for its end
	popped int     // bytes of it that the drainer writes now
}

// seal is a close frame to send.
type seal struct {
	code   client.StatusCode
	reason string
}

// waitTurnLocked queues f behind the message that is under way.
func (c *Conn) waitTurnLocked(f *Frame) {
	if !c.replaceLocked(c.queue, f) && !c.replaceLocked(&c.flow.behind, f) {
		c.flow.behind.push(f, c.joins())
	}
	c.chargeLocked()
}

// takeTurn waits until no other message is under way, and makes s it.
func (s *Stream) takeTurn() error {
	c := s.c
	for {
		if s.Lock != nil {
			s.Lock.Lock()
		}
		c.mu.Lock()
		err := s.tryTurnLocked()
		c.mu.Unlock()
		if s.Lock != nil {
			s.Lock.Unlock()
		}
		if err != errTurn {
			return err
		}
		c.mu.Lock()
		if err = nil; c.flow.taken != nil { // it may have been given meanwhile
			err = s.waitLocked()
		}
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func (s *Stream) tryTurnLocked() error {
	c := s.c
	switch {
	case c.sealed || c.dead != nil || c.State() != link.Open:
		return client.ErrClosed
	case c.flow.taken != nil:
		return errTurn
	}
	c.flowLocked().taken = s
	return nil
}

// giveTurnLocked ends the message that is under way: what waited for it follows.
func (c *Conn) giveTurnLocked() {
	c.quietLocked()
	t := &c.flow.turn
	t.taken = nil
	if !t.behind.empty() {
		c.ownQueueLocked().move(&t.behind)
		c.startDrainLocked()
	}
	if s := t.seal; s != nil {
		t.seal = nil
		c.sealLocked(s.code, s.reason)
	}
	c.signalLocked()
}

// dropBehindLocked gives up what waits for the end of a message that will have none.
func (c *Conn) dropBehindLocked() {
	n := c.flow.behind.bytes
	if n == 0 {
		return
	}
	c.buffered -= n
	c.flow.unsent += n
	c.flow.behind = queue{}
	c.chargeLocked()
}
