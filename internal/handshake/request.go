package handshake

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Request is the first request of a connection. [Read] or [FromHTTP] makes it.
type Request struct {
	Method string   // as sent: methods have case
	Target string   // as sent: "/chat?room=1", also "http://host/…" (RFC 9112 section 3.2)
	Proto  string   // "HTTP/1.1", "HTTP/1.0"
	URL    *url.URL // Target, parsed

	// Raw holds the header lines as they came, without the request line and
	// without the empty line at the end. [Fields] reads it.
	Raw string

	// Buffered holds what had come after the head: the first frames of a hasty
	// client, or the beginning of a body.
	Buffered []byte

	head  string             // request line, Raw and the empty line
	host  string             // see Host
	known [knownFields]noted // of Raw
	std   *http.Request      // where it came from, nil after Read
}

// Host returns the authority that the client asked for: that of an absolute
// target, else the Host header (RFC 9112 section 3.2.2). It may have a port, and
// is empty where HTTP/1.0 sent none.
func (r *Request) Host() string { return r.host }

// Key returns the first Sec-WebSocket-Key, which Check has found good.
func (r *Request) Key() string { return r.known[fieldKey].value }

// Origin returns the first Origin; there is no other after Origins.Check.
func (r *Request) Origin() string { return r.known[fieldOrigin].value }

// Extensions returns the lines of Sec-WebSocket-Extensions, nil without one.
func (r *Request) Extensions() (list []string) {
	for v := range r.values(fieldExtensions) {
		list = append(list, v)
	}
	return list
}

// OfferedProtocols is [OfferedProtocols] of Raw.
func (r *Request) OfferedProtocols() ([]string, *Error) {
	if r.known[fieldProtocol].n == 0 {
		return nil, nil
	}
	return OfferedProtocols(r.Raw)
}

// Get is [Fields.Get] on Raw.
func (r *Request) Get(name string) string { return Fields(r.Raw).Get(name) }

// HasToken is [Fields.HasToken] on Raw.
func (r *Request) HasToken(name, token string) bool { return Fields(r.Raw).HasToken(name, token) }

// Header is [Fields.Header] on Raw: a new map with each call.
func (r *Request) Header() http.Header { return Fields(r.Raw).Header() }

// HTTP returns the request as handlers know it: the one given to FromHTTP, else
// a new one with each call. RemoteAddr and TLS are then the caller's to fill in,
// and a body has only what is in Buffered: to serve the request, replay it.
func (r *Request) HTTP() (*http.Request, error) {
	if r.std != nil {
		return r.std, nil
	}
	src := io.MultiReader(strings.NewReader(r.head), bytes.NewReader(r.Buffered))
	return http.ReadRequest(bufio.NewReader(src))
}

// Replay returns all bytes that Read took from its reader, in a new slice. An
// http.Server that gets them before the rest of the connection sees the
// connection as if it had accepted it. After FromHTTP it is the head alone.
func (r *Request) Replay() []byte {
	b := make([]byte, 0, len(r.head)+len(r.Buffered))
	return append(append(b, r.head...), r.Buffered...)
}
