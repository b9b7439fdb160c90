package client

import (
	"fmt"
	"slices"
)

// Opcode says what a message holds (RFC 6455 section 5.6).
type Opcode uint8

// The two kinds of data message.
const (
	OpText   Opcode = 0x1 // UTF-8 text
	OpBinary Opcode = 0x2 // arbitrary bytes
)

// String returns "text", "binary" or the number.
func (o Opcode) String() string {
	switch o {
	case OpText:
		return "text"
	case OpBinary:
		return "binary"
	}
	return fmt.Sprintf("opcode(%d)", uint8(o))
}

// Message is one whole data message.
//
// Data of a received message belongs to the connection and is valid until
// OnMessage returns; [Message.Clone] keeps it. Data of a sent message belongs to
// the caller again when the send method returns.
type Message struct {
	Op   Opcode
	Data []byte
}

// Text returns a text message that holds a copy of s.
func Text(s string) Message { return Message{OpText, []byte(s)} }

// Binary returns a binary message that holds p itself.
func Binary(p []byte) Message { return Message{OpBinary, p} }

// Clone returns a copy of m that may be kept.
func (m Message) Clone() Message {
	m.Data = slices.Clone(m.Data)
	return m
}
