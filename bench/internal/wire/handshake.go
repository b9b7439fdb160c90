package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Compression is what a client asks for.
type Compression string

// Off asks for nothing. Message asks both sides to forget their windows after
// each message. Context offers what browsers offer and insists on windows that
// are kept.
const (
	Off     Compression = "off"
	Message Compression = "message"
	Context Compression = "context"
)

// Valid reports whether c is one of the three.
func (c Compression) Valid() bool { return c == Off || c == Message || c == Context }

// A key and its answer (RFC 6455 section 1.3); one for all connections.
const (
	key    = "dGhlIHNhbXBsZSBub25jZQ=="
	accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// MaxHead bounds a response head.
const MaxHead = 8 << 10

// Request is an opening handshake (RFC 6455 section 4.1).
func Request(host, path string, c Compression) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n", path, host, key)
	switch c {
	case Message:
		b.WriteString("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n")
	case Context:
		b.WriteString("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// HeadEnd returns the length of the response head in b with its empty line, 0 when
// it is not complete.
func HeadEnd(b []byte) int {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	return 0
}

// ErrRefused is a response that is not the 101 asked for.
var ErrRefused = errors.New("wire: handshake refused")

// ParseResponse judges a response head and returns the compression agreed on. A
// server that does not agree to the one asked for is an error.
func ParseResponse(head []byte, c Compression) (Deflate, error) {
	lines := strings.Split(string(head), "\r\n")
	if !strings.HasPrefix(lines[0], "HTTP/1.1 101") {
		return Deflate{}, fmt.Errorf("%w: %.100q", ErrRefused, lines[0])
	}
	var d Deflate
	var err error
	accepted := false
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "sec-websocket-accept":
			accepted = value == accept
		case "sec-websocket-extensions":
			if d, err = parseDeflate(value); err != nil {
				return Deflate{}, err
			}
		}
	}
	if !accepted {
		return Deflate{}, fmt.Errorf("%w: wrong Sec-WebSocket-Accept", ErrRefused)
	}
	return d, d.fits(c)
}

// fits compares what was agreed on with what was asked for.
func (d Deflate) fits(c Compression) error {
	switch {
	case c == Off && d.Enabled:
		return fmt.Errorf("%w: compression that was not offered", ErrRefused)
	case c != Off && !d.Enabled:
		return fmt.Errorf("%w: no compression", ErrRefused)
	case c == Message && (d.ServerTakeover || d.ClientTakeover):
		return fmt.Errorf("%w: context takeover that was not offered", ErrRefused)
	case c == Context && !d.ServerTakeover:
		return fmt.Errorf("%w: no context takeover", ErrRefused)
	}
	return nil
}

// parseDeflate reads a Sec-WebSocket-Extensions value of a response (RFC 7692
// section 7.1).
func parseDeflate(value string) (Deflate, error) {
	params := strings.Split(value, ";")
	if strings.TrimSpace(params[0]) != "permessage-deflate" {
		return Deflate{}, fmt.Errorf("%w: extension %.100q", ErrRefused, value)
	}
	d := Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}
	for _, param := range params[1:] {
		name, arg, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch name {
		case "server_no_context_takeover":
			d.ServerTakeover = false
		case "client_no_context_takeover":
			d.ClientTakeover = false
		case "client_max_window_bits":
			bits, err := strconv.Atoi(strings.Trim(arg, `"`))
			if err != nil || bits < 8 || bits > 15 {
				return Deflate{}, fmt.Errorf("%w: extension %.100q", ErrRefused, value)
			}
			d.ClientBits = bits
		case "server_max_window_bits": // any window is known to the checker
		default:
			return Deflate{}, fmt.Errorf("%w: extension %.100q", ErrRefused, value)
		}
	}
	return d, nil
}
