package handshake

import (
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
)

// AppendSwitching appends a whole 101 to dst (RFC 6455 section 4.2.2): the
// accept value for key ([Request.Key]), the chosen sub-protocol and extensions
// where they are not empty, and header, a line for each value, names in order.
//
// It returns dst as it was and a [*HeaderError] if [ValidateHeader] refuses
// header, if protocol is not a token, or if extensions has a control character.
func AppendSwitching(dst []byte, key, protocol, extensions string, header http.Header) ([]byte, error) {
	if protocol != "" && !isToken(protocol) {
		return dst, &HeaderError{protocolHeader, "not a token"}
	}
	if !allOf(extensions, valueChar) {
		return dst, &HeaderError{"Sec-WebSocket-Extensions", "control character in the value"}
	}
	if err := ValidateHeader(header); err != nil {
		return dst, err
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = AppendAccept(dst, key)
	dst = append(dst, "\r\n"...)
	if protocol != "" {
		dst = appendField(dst, protocolHeader, protocol)
	}
	if extensions != "" {
		dst = appendField(dst, "Sec-WebSocket-Extensions", extensions)
	}
	if len(header) > 0 {
		for _, name := range slices.Sorted(maps.Keys(header)) {
			dst = appendField(dst, name, header[name]...)
		}
	}
	return append(dst, "\r\n"...), nil
}

// AppendAccept appends the Sec-WebSocket-Accept for a key: 28 bytes.
func AppendAccept(dst []byte, key string) []byte {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 section 1.3
	n := len(dst)
	dst = append(append(dst, key...), guid...) // dst is the scratch space
	sum := sha1.Sum(dst[n:])
	return base64.StdEncoding.AppendEncode(dst[:n], sum[:])
}
