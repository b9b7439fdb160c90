package deflate

import (
	"strconv"
	"strings"
)

// Mode says what the server agrees to when a client offers permessage-deflate.
// The zero value is Off.
type Mode uint8

const (
	// Off declines every offer.
	Off Mode = iota

	// Message compresses each message alone: no context takeover in either
	// direction, no memory between messages.
	Message

	// Context lets a message refer to earlier ones, up to 4 KiB back. Short
	// messages that resemble each other shrink far more.
	Context
)

const (
	minBits = 8  // RFC 7692 section 7.1.2
	maxBits = 15 // also what holds when nothing was said

	// contextBits is the window of 4 KiB that Context keeps in each direction.
	contextBits = 12
)

// Params is what client and server agreed on (RFC 7692 section 7.1).
type Params struct {
	// ServerTakeover says that what the server sends may refer to earlier
	// messages of the server; ClientTakeover is the same for the client.
	ServerTakeover, ClientTakeover bool

	// ServerBits is the base-2 logarithm of the largest distance that the
	// server may use, 8 to 15; ClientBits is the same for the client. Zero
	// means 15.
	ServerBits, ClientBits uint8
}

// response is the value of Sec-WebSocket-Extensions that announces p. A window
// is mentioned only where the caller says so.
func (p Params) response(serverBits, clientBits bool) string {
	var b strings.Builder
	b.WriteString(extensionName)
	if !p.ServerTakeover {
		b.WriteString("; " + serverNoTakeover)
	}
	if !p.ClientTakeover {
		b.WriteString("; " + clientNoTakeover)
	}
	if serverBits {
		b.WriteString("; " + serverMaxBits + "=" + strconv.Itoa(int(p.ServerBits)))
	}
	if clientBits {
		b.WriteString("; " + clientMaxBits + "=" + strconv.Itoa(int(p.ClientBits)))
	}
	return b.String()
}

// windowBits is b within its range, and 15 for zero.
func windowBits(b uint8) uint8 {
	if b == 0 {
		return maxBits
	}
	return min(max(b, minBits), maxBits)
}
