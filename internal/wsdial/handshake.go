package wsdial

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/icsws/icsws/internal/handshake"
)

// maxHead bounds the head of the answer in bytes, as the server bounds that of a request.
const maxHead = handshake.DefaultMaxHeader

// readBuffer is what a connection keeps for the headers of frames; payload that is longer
// is read past it.
const readBuffer = 2 << 10

// Request is the opening request (RFC 6455 section 4.1).
type Request struct {
	Host       string      // the Host header
	Target     string      // path and query, beginning with a slash
	Protocols  []string    // offered, in order of preference
	Extensions string      // the offer; empty for none
	Header     http.Header // further lines; those of the handshake are not allowed
}

// Response is what the server has answered.
type Response struct {
	Protocol   string           // the chosen sub-protocol, empty for none
	Extensions []string         // the lines of Sec-WebSocket-Extensions; only if there was an offer
	Fields     handshake.Fields // header lines
}

// Open does the handshake on a fresh connection. The error is a [*StatusError], a
// [*ResponseError], a *handshake.HeaderError or one of the connection; then the connection
// is of no more use. Extensions in the answer are for the caller to judge, and so r must
// not offer any that the frames of Conn do not know.
func Open(conn net.Conn, r Request) (*Conn, Response, error) {
	o, err := NewOpening(r)
	if err != nil {
		return nil, Response{}, err
	}
	if _, err := conn.Write(o.Request); err != nil {
		return nil, Response{}, err
	}
	br := bufio.NewReaderSize(conn, readBuffer)
	resp, err := o.Read(br, maxHead)
	if err != nil {
		return nil, Response{}, err
	}
	return &Conn{write: newTurn(), conn: conn, br: br, key: len(keys{})}, resp, nil
}

// Opening is one handshake, for a caller that does the input and output itself.
type Opening struct {
	Request []byte // what to send
	key     string
	asked   Request
}

// NewOpening makes the request, with a key of its own. The error is a
// *handshake.HeaderError, or tells what can not stand in a request.
func NewOpening(r Request) (*Opening, error) {
	key := newKey()
	b, err := appendRequest(nil, r, key)
	return &Opening{b, key, r}, err
}

// Lines are the header lines of the request, each with its end, without the request line.
func (o *Opening) Lines() string {
	_, lines, _ := strings.Cut(strings.TrimSuffix(string(o.Request), "\r\n"), "\n")
	return lines
}

// Read reads the answer and holds it against the request. What follows the answer stays in
// br. The head may have so many bytes, those of informational answers before it included
// (RFC 9110 section 15.2). The error is a [*StatusError], behind which the body follows, a
// [*ResponseError], with the fields of a wrong 101 beside it, or one of br.
func (o *Opening) Read(br *bufio.Reader, most int) (Response, error) {
	for {
		head, err := ReadHead(br, most)
		if err != nil {
			return Response{}, err
		}
		r, err := judge(head, o.key, o.asked)
		if se, ok := err.(*StatusError); !ok || se.Status >= 200 {
			return r, err
		}
		most -= len(head)
	}
}

func newKey() string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return base64.StdEncoding.EncodeToString(nonce[:])
}

func appendRequest(b []byte, r Request, key string) ([]byte, error) {
	if err := handshake.ValidateHeader(r.Header); err != nil {
		return nil, err
	}
	for _, s := range append([]string{r.Host, r.Target}, r.Protocols...) {
		if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			return nil, fmt.Errorf("wsdial: %q can not stand in a request", s)
		}
	}
	b = fmt.Appendf(b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n", r.Target, r.Host, key)
	if len(r.Protocols) > 0 {
		b = fmt.Appendf(b, "Sec-WebSocket-Protocol: %s\r\n", strings.Join(r.Protocols, ", "))
	}
	if r.Extensions != "" {
		b = fmt.Appendf(b, "Sec-WebSocket-Extensions: %s\r\n", r.Extensions)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[name] {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	return append(b, "\r\n"...), nil
}

// ReadHead reads the head of an answer of HTTP/1 up to the empty line, which is not in the
// result. What is no such answer is a [*ResponseError] as soon as that can be told, and so
// is a head of more than so many bytes.
func ReadHead(br *bufio.Reader, most int) (string, error) {
	const begin = "HTTP/1."
	switch b, err := br.Peek(len(begin)); {
	case err != nil: // a second read could have another one
		return "", err
	case string(b) != begin:
		return "", badResponse(BadHead, "it does not begin as one of HTTP/1 does")
	}
	var head []byte
	for {
		n := len(head)
		for {
			part, err := br.ReadSlice('\n')
			if len(head)+len(part) > most {
				return "", badResponse(BadLength, "the head is longer than %d bytes", most)
			}
			head = append(head, part...)
			if err == nil {
				break
			}
			if err != bufio.ErrBufferFull {
				return "", err
			}
		}
		if line := string(head[n:]); line == "\r\n" || line == "\n" {
			return string(head[:n]), nil
		}
	}
}

// judge holds an answer against RFC 6455 section 4.1, the list at its end.
func judge(head, key string, asked Request) (Response, error) {
	h, err := ParseHead(head)
	if err != nil {
		return Response{}, err
	}
	fields := h.Fields
	if h.Status != http.StatusSwitchingProtocols {
		return Response{}, &StatusError{h.Status, fields}
	}
	accept := string(handshake.AppendAccept(nil, key))
	protocol := fields.Get("Sec-WebSocket-Protocol")
	var extensions []string
	for v := range fields.Values("Sec-WebSocket-Extensions") {
		if v != "" {
			extensions = append(extensions, v)
		}
	}
	switch {
	case !h.Persistent:
		return Response{}, badResponse(BadHead, "no status line of HTTP/1.1")
	case fields.Count("Upgrade") != 1 || !strings.EqualFold(fields.Get("Upgrade"), "websocket"):
		return Response{Fields: fields}, badResponse(BadUpgrade, "Upgrade is not websocket")
	case !fields.HasToken("Connection", "upgrade"):
		return Response{Fields: fields}, badResponse(BadUpgrade, "Connection does not name upgrade")
	case fields.Count("Sec-WebSocket-Accept") != 1 || fields.Get("Sec-WebSocket-Accept") != accept:
		return Response{Fields: fields}, badResponse(BadUpgrade, "Sec-WebSocket-Accept is not that of our key")
	case len(extensions) > 0 && asked.Extensions == "":
		return Response{Fields: fields}, badResponse(BadExtension, "an extension that was not offered")
	case fields.Count("Sec-WebSocket-Protocol") > 1:
		return Response{Fields: fields}, badResponse(BadProtocol, "several sub-protocols")
	case protocol != "" && !slices.Contains(asked.Protocols, protocol):
		return Response{Fields: fields}, badResponse(BadProtocol, "a sub-protocol that was not offered")
	}
	return Response{protocol, extensions, fields}, nil
}

// Head is the beginning of an answer.
type Head struct {
	Status     int
	Persistent bool // HTTP/1.1, not 1.0
	Fields     handshake.Fields
}

// ParseHead cuts a head without its empty line. The error is a [*ResponseError].
func ParseHead(head string) (h Head, err error) {
	line, rest, _ := strings.Cut(head, "\n")
	line = strings.TrimSuffix(line, "\r")
	after, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if h.Persistent = ok; !ok {
		after, ok = strings.CutPrefix(line, "HTTP/1.0 ")
	}
	if !ok || len(after) < 3 || len(after) > 3 && after[3] != ' ' {
		return Head{}, badResponse(BadHead, "no status line of HTTP/1.1")
	}
	for _, c := range []byte(after[:3]) {
		if c < '0' || c > '9' {
			return Head{}, badResponse(BadHead, "no status line of HTTP/1.1")
		}
		h.Status = 10*h.Status + int(c-'0')
	}
	if h.Status < 100 || h.Status > 599 {
		return Head{}, badResponse(BadHead, "status %d", h.Status)
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(rest, "\n"), "\n") {
		l = strings.TrimSuffix(l, "\r")
		name, value, colon := strings.Cut(l, ":")
		switch {
		case l == "" && rest == "":
		case !colon || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
			return Head{}, badResponse(BadHead, "a header line without a name")
		case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			return Head{}, badResponse(BadHead, "a control character in a header line")
		}
	}
	h.Fields = handshake.Fields(rest)
	return h, nil
}
