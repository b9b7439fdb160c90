package client

// Compression chooses permessage-deflate (RFC 7692). The zero value is off (S-27).
type Compression struct {
	// Mode says whether, and with what memory per connection.
	Mode CompressionMode
	// Level is 1 (fastest, the default for 0) to 9 (smallest). It applies to
	// [CompressionMessage]: from level 2 on to messages of 128 bytes and more, at level
	// 1 to those above 32 KiB. In all other cases there is one level, two or three times
	// as fast as 1, with a result of about the same length.
	Level int
	// Threshold is the size in bytes from which a message is compressed; shorter ones
	// are sent as they are. Zero means 200, or 32 where a window is kept; a
	// negative value compresses all.
	Threshold int
	// WindowBits is the base-2 logarithm of the window that CompressionContext keeps in
	// each direction, 8 to 15, and less where the client asks for less. Zero means 12
	// (4 KiB). The server itself never looks back more than 8 KiB.
	WindowBits int
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
