package transport

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// timers are the clocks of a connection, on one alarm. Times are since
// Service.epoch; 0 stands for not running. Conn.mu guards them.
type timers struct {
	closeAt  time.Duration
	lifeAt   time.Duration
	pingSent time.Duration // when the ping that waits for a sign of life was sent
	pingSeq  uint64
	drained  time.Duration // when the peer last took something that was queued
	handled  time.Duration // when a look last found the reader inside a handler
	pinged   []byte        // its payload, for the round trip time
}

const never = time.Duration(math.MaxInt64)

func (c *Conn) startTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.set.MaxLifetime; d > 0 {
		// Up to a tenth earlier, so that clients of one deploy do not return at once.
		c.lifeAt = c.svc.now() + d - time.Duration(rand.Int64N(int64(d)/10+1))
	}
	c.armLocked(c.nextLifeLocked(c.svc.now()))
}

// startCloseClockLocked bounds the rest of the closing handshake.
func (c *Conn) startCloseClockLocked() {
	if c.closeAt != 0 || c.set.CloseTimeout < 0 {
		return
	}
	c.closeAt = c.svc.now() + c.set.CloseTimeout
	c.armLocked(c.closeAt)
}

func (c *Conn) armLocked(at time.Duration) {
	if at == never || c.State() == link.Closed {
		return
	}
	c.lane().clock.set(c, at)
}

func (c *Conn) stopTimersLocked() { c.lane().clock.clear(c) }

// onTimer runs on the timer's goroutine.
func (c *Conn) onTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil || c.State() == link.Closed {
		return
	}
	now := c.svc.now()
	if c.closeAt == 0 && c.State() == link.Open {
		next := c.nextLifeLocked(now)
		if c.closeAt != 0 { // somebody closed while the lock was given up
			next = c.closeAt
		}
		c.armLocked(next)
		return
	}
	switch {
	case c.closeAt == 0: // CloseAfterFlush: the close frame is not out yet
	case now >= c.closeAt:
		c.giveUpLocked(client.ErrCloseTimeout)
	default:
		c.armLocked(c.closeAt)
	}
}

// nextLifeLocked does what is due on an open connection and returns when to look
// again.
func (c *Conn) nextLifeLocked(now time.Duration) time.Duration {
	if c.active.Load() || c.paused.Load() || c.held || c.events.Owes() {
		// The reader is inside a handler, or does not read: that nothing is read is not the peer's doing.
		c.handled = now
	}
	next := never
	if c.lifeAt > 0 {
		if now >= c.lifeAt {
			_ = c.closeLocked(client.StatusServiceRestart, "end of lifetime", false, client.ErrLifetime)
			return never
		}
		next = c.lifeAt
	}
	if d := c.set.IdleTimeout; d > 0 {
		at := max(time.Duration(c.lastMessage.Load()), c.handled) + d
		if now >= at {
			_ = c.closeLocked(client.StatusGoingAway, "idle", false, client.ErrIdleTimeout)
			return never
		}
		next = min(next, at)
	}
	if c.set.PingInterval > 0 {
		next = min(next, c.nextPingLocked(now))
	}
	return next
}

// nextPingLocked sends a ping after PingInterval of silence and gives up
// PongTimeout later unless any byte came.
func (c *Conn) nextPingLocked(now time.Duration) time.Duration {
	// A peer that takes what was queued is alive, even if its pong waits behind that.
	read := max(time.Duration(c.lastRead.Load()), c.drained, c.handled)
	if c.waiting.ping != nil {
		return now + c.set.PingInterval // the write timeout watches over it
	}
	if c.set.PongTimeout > 0 && c.pingSent > read {
		if at := c.pingSent + c.set.PongTimeout; now < at {
			return at
		}
		_ = c.closeLocked(client.StatusInternalError, "no answer to a ping", false, client.ErrPingTimeout)
		return never
	}
	if at := read + c.set.PingInterval; now < at {
		return at
	}
	c.pingLocked(now)
	if c.set.PongTimeout <= 0 {
		return now + c.set.PingInterval
	}
	return now + c.set.PongTimeout
}

// pingLocked sends a ping. It gives up the lock while user code makes the payload.
func (c *Conn) pingLocked(now time.Duration) {
	c.pingSeq++
	if c.set.PingPayload != nil {
		var p []byte
		c.unlocked(func() { p = c.set.PingPayload() })
		if c.sealed || c.dead != nil {
			return
		}
		c.pinged = append(c.pinged[:0], p[:min(len(p), maxControl)]...)
	} else {
		c.pinged = binary.BigEndian.AppendUint64(c.pinged[:0], c.pingSeq)
	}
	c.pingSent = now
	c.controlLocked(opPing, c.pinged)
}

// pong answers a ping. It may overtake queued data; of several that wait only the
// newest is sent (RFC 6455 section 5.5.3).
func (c *Conn) pong(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed || c.dead != nil {
		return
	}
	c.controlLocked(opPong, payload)
}

// SendControl sends a ping or pong of the program's.
func (c *Conn) SendControl(op byte, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed || c.dead != nil {
		return client.ErrClosed
	}
	c.controlLocked(op, payload)
	return nil
}

func (c *Conn) controlLocked(op byte, payload []byte) {
	f := AppendHeader(make([]byte, 0, 2+len(payload)), finBit|op, len(payload))
	f = append(f, payload...)
	c.buffered += len(f)
	c.bytesOut += uint64(len(f))
	switch {
	case c.draining || c.flow.rate != nil && !c.writing:
		waiting := &c.controls().pong
		if op == opPing {
			waiting = &c.waiting.ping
		}
		c.buffered -= len(*waiting)
		c.bytesOut -= uint64(len(*waiting))
		*waiting = f
		c.startDrainLocked()
	case c.writing || c.active.Load():
		c.corkLocked(&Frame{Whole: f})
	default:
		c.writeLocked(&Frame{Whole: f})
		c.flushLocked()
	}
}

// ponged measures the round trip of our last ping.
func (c *Conn) ponged(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pingSent > 0 && string(payload) == string(c.pinged) {
		c.rtt.Store(int64(c.svc.now() - c.pingSent))
	}
}
