package wstest

import (
	"fmt"
	"unicode/utf8"
)

// Message is a whole data message.
type Message struct {
	Op         Opcode
	Data       []byte // after inflation
	Compressed bool
	Wire       int // payload bytes on the wire
	Frames     int
}

// Joiner makes messages of data frames (RFC 6455 section 5.4).
type Joiner struct {
	// Inflater inflates messages with RSV1; without compression it is not needed.
	Inflater *Inflater

	open    bool
	partial Message
}

// Add takes the next data frame. It returns the message that is whole with it,
// and an error that wraps ErrBadFrame or ErrBadDeflate when the frame does not
// belong here or the message is not what it says.
func (j *Joiner) Add(f Frame) (m Message, whole bool, err error) {
	if (f.Op == OpContinuation) != j.open {
		return m, false, fmt.Errorf("%w: opcode %d inside of a message: %v", ErrBadFrame, f.Op, j.open)
	}
	if !j.open {
		j.partial = Message{Op: f.Op, Compressed: f.RSV&RSV1 != 0}
	}
	j.open = f.More
	j.partial.Data = append(j.partial.Data, f.Payload...)
	j.partial.Wire += len(f.Payload)
	j.partial.Frames++
	if f.More {
		return m, false, nil
	}
	m = j.partial
	if m.Compressed {
		if m.Data, err = j.Inflater.Inflate(m.Data); err != nil {
			return m, false, err
		}
	}
	if m.Op == OpText && !utf8.Valid(m.Data) {
		return m, false, fmt.Errorf("%w: text message is not UTF-8", ErrBadFrame)
	}
	return m, true, nil
}

// CheckClose judges the payload of a close frame (RFC 6455 section 7.4). An
// empty one is legal.
func CheckClose(f Frame) error {
	code, reason := f.CloseCode()
	if len(f.Payload) > 0 && !(len(f.Payload) > 1 && sendable(code) && utf8.ValidString(reason)) {
		return fmt.Errorf("%w: close frame with payload % x", ErrBadFrame, f.Payload)
	}
	return nil
}

// sendable tells whether a close code may stand in a frame.
func sendable(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}
