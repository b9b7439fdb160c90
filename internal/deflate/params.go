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

	// Context lets a message refer to earlier ones, as far back as
	// Options.WindowBits says. Short messages that resemble each other shrink far
	// more.
	Context
)

const (
	minBits = 8  // RFC 7692 section 7.1.2
	maxBits = 15 // also what holds when nothing was said

	// contextBits is what Context keeps in each direction if nothing else is asked
	// for: 4 KiB.
	contextBits = 12
)

// Options is what the server has to offer. The zero value declines every offer.
type Options struct {
	Mode Mode

	// WindowBits is the base-2 logarithm of the largest window that [Context]
	// keeps in each direction, 8 to 15: the server's own, and the client's if the
	// client lets it be limited. Zero means 12, other values the nearest of these.
	//
	// Where nothing is kept, with [Message] or for a client that excludes takeover,
	// it limits only a window of the server that the client wants to be limited
	// anyway, and zero means 15: smaller windows would save nothing.
	WindowBits uint8
}

// kept is the base-2 logarithm of a window that is kept.
func (o Options) kept() uint8 {
	if o.WindowBits == 0 {
		return contextBits
	}
	return windowBits(o.WindowBits)
}

// Params is what client and server agreed on (RFC 7692 section 7.1).
type Params struct {
	// ServerTakeover says that what the server sends may refer to earlier
	// messages of the server; ClientTakeover is the same for the client.
	ServerTakeover, ClientTakeover bool

	// ServerBits is the base-2 logarithm of the largest distance that the
	// server may use, 8 to 15; ClientBits is the same for the client. Zero
	// means 15.
	ServerBits, ClientBits uint8

	// ServerKeeps is the base-2 logarithm of what the server keeps of its own
	// messages, if that is less than ServerBits allows. The client need not know.
	// Zero means as much as ServerBits.
	ServerKeeps uint8
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
