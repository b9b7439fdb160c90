package client

import "time"

// SendQueue bounds what waits for one peer that reads slower than the server
// sends.
type SendQueue struct {
	// MaxBytes bounds the frames in the queue, headers included. A message larger
	// than that is taken when the queue is empty. Zero means 1 MiB; negative is an
	// error.
	MaxBytes int
	// MaxMessages bounds their number. Zero means no bound of its own.
	MaxMessages int
	// Policy says what happens to a message that finds the queue full. The zero
	// value is [QueueClose].
	Policy QueuePolicy
	// BlockTimeout bounds the wait of a Send under [QueueBlock]; then the message is
	// not taken and Send returns ErrQueueFull. Zero means no bound but
	// Config.WriteTimeout, which ends the connection of a peer that takes nothing.
	BlockTimeout time.Duration
}

// QueuePolicy says what happens to a message that finds the send queue full
// (S-12).
type QueuePolicy uint8

const (
	// QueueClose ends the connection with 1008; Send returns [ErrQueueFull].
	QueueClose QueuePolicy = iota
	// QueueBlock lets Send wait for room. In an event that stops reading from this
	// peer as well, so that its own TCP connection pushes back. A broadcast never
	// waits: for it QueueBlock acts as [QueueClose].
	QueueBlock
)

// String returns "close" or "block".
func (p QueuePolicy) String() string {
	if p == QueueBlock {
		return "block"
	}
	return "close"
}

// Compression chooses permessage-deflate (RFC 7692). The zero value is off.
type Compression struct {
	// Mode says whether, and with what memory per connection.
	Mode CompressionMode
}

// CompressionMode says whether messages are compressed for peers that offer it.
type CompressionMode uint8

const (
	// CompressionOff declines every offer.
	CompressionOff CompressionMode = iota
	// CompressionMessage compresses each message by itself (no context takeover):
	// no memory per connection.
	CompressionMessage
	// CompressionContext keeps a window over the messages of a connection: smaller
	// output for small messages, up to 4 KiB in each direction per connection, and
	// up to 32 KiB from a client that does not let its window be limited.
	CompressionContext
)

// String returns "off", "message" or "context".
func (m CompressionMode) String() string {
	switch m {
	case CompressionMessage:
		return "message"
	case CompressionContext:
		return "context"
	}
	return "off"
}
