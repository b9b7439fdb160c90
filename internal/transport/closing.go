package transport

import (
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// ending is how the connection ends. Conn.mu guards it.
type ending struct {
	info    client.CloseInfo
	ended   bool          // info is final, but for a cause that is joined to it
	answer  bool          // the peer's close frame came
	tidy    bool          // and nothing behind it
	hasty   bool          // drop the connection when our close frame is out
	patient bool          // the close clock starts when our close frame is out
	settled chan struct{} // closed when nothing is left to write; nil when nobody waits
}

// end notes how the connection ends; the first to call it is right.
func (c *Conn) end(info client.CloseInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(info)
}

func (c *Conn) endLocked(info client.CloseInfo) {
	if !c.ended {
		c.ended, c.info = true, info
		c.endAtLocked(c.svc.now())
	}
}

// Info tells how the connection ended. It is complete after Finish.
func (c *Conn) Info() client.CloseInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	info := c.info
	info.Unsent = c.flow.unsent
	return info
}

// CloseWith begins the closing handshake, or returns ErrClosed when that is done.
// It never waits. The code was checked and the reason cut.
func (c *Conn) CloseWith(code client.StatusCode, reason string, afterFlush bool, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closeLocked(code, reason, afterFlush, cause)
}

func (c *Conn) closeWith(code client.StatusCode, reason string, afterFlush bool, cause error) {
	_ = c.CloseWith(code, reason, afterFlush, cause)
}

func (c *Conn) closeLocked(code client.StatusCode, reason string, afterFlush bool, cause error) error {
	if c.State() >= link.Closing {
		return client.ErrClosed
	}
	c.toClosing()
	c.endLocked(client.CloseInfo{Code: code, Reason: reason, Cause: cause})
	c.patient = afterFlush
	if afterFlush && c.flow.taken != nil {
		c.flow.seal = &seal{code, reason}
		c.signalLocked()
		return nil
	}
	c.sealLocked(code, reason)
	return nil
}

// sealLocked sends our close frame, the last of our frames, and starts the close
// clock.
func (c *Conn) sealLocked(code client.StatusCode, reason string) {
	if c.sealed || c.dead != nil {
		return
	}
	c.sealed = true
	c.dropBehindLocked()
	var b []byte
	if code == client.StatusNoCode {
		b = AppendHeader(b, finBit|opClose, 0)
	} else {
		b = AppendHeader(b, finBit|opClose, 2+len(reason))
		b = append(b, byte(code>>8), byte(code))
		b = append(b, reason...)
	}
	c.buffered += len(b)
	c.bytesOut += uint64(len(b))
	switch {
	case c.draining:
		c.controls().last = b
	case c.writing:
		c.corkLocked(&Frame{Whole: b})
	default:
		c.writeLocked(&Frame{Whole: b})
		c.flushLocked()
	}
	if !c.patient {
		c.startCloseClockLocked()
	}
	c.settledLocked()
	c.signalLocked()
}

// settledLocked is called whenever writing comes to rest.
func (c *Conn) settledLocked() {
	if c.dead == nil && (c.writing || c.draining || c.corkedLocked()) {
		return
	}
	if c.settled != nil {
		close(c.settled)
		c.settled = nil
	}
	if c.sealed && c.dead == nil {
		if c.patient {
			c.patient = false
			c.startCloseClockLocked()
		}
		if (c.set.NoCloseWait || c.hasty) && !c.answer {
			c.dropLocked(client.ErrClosed, false)
		}
	}
}

// peerClosed handles the peer's close frame (RFC 6455 sections 5.5.1, 7.4).
func (c *Conn) peerClosed(payload []byte) error {
	code, reason, v := parseClose(payload)
	if v != nil {
		return c.violated(v)
	}
	c.foundFrame()
	c.events.Await()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = true
	if c.State() < link.Closing {
		c.toClosing()
		c.endLocked(client.CloseInfo{
			Code: code, Reason: reason, Remote: true,
			Cause: &client.CloseError{Code: code, Reason: reason},
		})
		c.sealLocked(code, reason)
	} else if s := c.flow.seal; s != nil {
		// Ours waits for the end of a message that the peer does not want any more.
		c.flow.seal = nil
		c.sealLocked(s.code, s.reason)
	}
	return io.EOF
}

// parseClose reads the payload of a close frame.
func parseClose(p []byte) (client.StatusCode, string, *client.ProtocolError) {
	if len(p) == 0 {
		return client.StatusNoCode, "", nil
	}
	if len(p) == 1 {
		return 0, "", violation("close payload of one byte")
	}
	code := client.StatusCode(p[0])<<8 | client.StatusCode(p[1])
	if !code.Sendable() {
		return 0, "", violation("close code may not be sent")
	}
	if !utf8.Valid(p[2:]) {
		return 0, "", &client.ProtocolError{Code: client.StatusInvalidPayload, Text: "close reason is not UTF-8"}
	}
	return code, string(p[2:]), nil
}

// Abort drops the connection without a close frame.
func (c *Conn) Abort(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(client.CloseInfo{Code: client.StatusAbnormal, Cause: cause})
	c.toClosing()
	c.dropLocked(cause, true)
}

// Drop gives up waiting for the peer: what the kernel has is still delivered. Our
// close frame, if there is one, has a moment to get there.
func (c *Conn) Drop(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead == nil && c.sealed && (c.writing || c.draining) {
		c.hasty = true
		c.closeAt = c.svc.now() + hastyTime
		c.armLocked(c.closeAt)
		return
	}
	c.giveUpLocked(cause)
}

// giveUpLocked ends a closing handshake that the peer does not complete.
func (c *Conn) giveUpLocked(cause error) {
	if c.ended && !c.answer && c.State() < link.Closed {
		c.info.Cause = errors.Join(c.info.Cause, cause)
	}
	c.endLocked(client.CloseInfo{Code: client.StatusAbnormal, Cause: cause})
	c.toClosing()
	c.dropLocked(cause, false)
}

// Finish is called by the reader when Read has failed: it waits until what is
// queued is written or given up and ends our side of the stream. Then the state
// is Closed and Info complete.
func (c *Conn) Finish() {
	c.mu.Lock()
	c.endLocked(client.CloseInfo{Code: client.StatusAbnormal, Remote: true, Cause: io.ErrUnexpectedEOF})
	c.toClosing()
	c.active.Store(false)
	c.lastFlushLocked()
	if !c.sealed && c.dead == nil {
		if (c.writing || c.draining) && c.flow.taken == nil && streamEnded(c.info.Cause) {
			// A peer that has only ended its side may still read what it asked for.
			c.sealed = true
			c.startCloseClockLocked()
		} else {
			c.dropLocked(c.info.Cause, false)
		}
	}
	var settled chan struct{}
	if c.dead == nil && (c.writing || c.draining) {
		settled = make(chan struct{})
		c.settled = settled
	}
	c.mu.Unlock()
	if settled != nil {
		<-settled
	}
	c.mu.Lock()
	c.state.Store(uint32(link.Closed))
	c.stopTimersLocked()
	dead := c.dead != nil
	c.tidy = c.answer && c.in.r == c.in.w
	c.signalLocked()
	c.mu.Unlock()
	c.svc.forget(c)
	switch {
	case dead:
	case c.tidy && !c.set.Dialed:
		// Both sides have said their last, and nothing is unread that would make the
		// kernel send a reset: closing is enough (RFC 6455 section 7.1.1).
		c.wire.finish()
	case c.tidy: // the server ends the stream first, see Linger
	default:
		_ = c.wire.closeWrite()
	}
	if c.in.buf != nil {
		c.in.r, c.in.w = 0, 0
		c.release()
	}
	c.in.stopPieces()
	c.leaveInput()
}

// lastFlushLocked flushes what is left. Events.Sent may end a goroutine, and the reader's
// is still wanted.
func (c *Conn) lastFlushLocked() {
	if !c.set.Sent {
		c.flushLocked()
		return
	}
	over := make(chan struct{})
	c.mu.Unlock()
	go func() {
		defer close(over)
		_ = c.Flush()
	}()
	<-over
	c.mu.Lock()
}

// streamEnded tells an orderly end of the peer's stream from a reset. Over TLS it is
// unexpected without a close_notify.
func streamEnded(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Linger discards what the peer still sends, so that no reset destroys our last bytes
// on their way, until it closes its side or lingerTime is over, unless the closing
// handshake is complete; then it closes the connection. It follows Finish on the same
// goroutine.
func (c *Conn) Linger() {
	c.mu.Lock()
	done, tidy := c.dead != nil || c.tidy && !c.set.Dialed, c.tidy
	c.mu.Unlock()
	if !done && c.svc.lingering.Add(1) <= maxLinger {
		if tidy { // the server closes first (RFC 6455 section 7.1.1), unless it waits for us
			c.wire.discard(time.Now().Add(serverTurn), lingerBytes)
			_ = c.wire.closeWrite()
		}
		c.wire.discard(time.Now().Add(lingerTime), lingerBytes)
	}
	if !done {
		c.svc.lingering.Add(-1)
	}
	c.wire.drop(false)
}
