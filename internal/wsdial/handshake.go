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
	Host      string      // the Host header
	Target    string      // path and query, beginning with a slash
	Protocols []string    // offered, in order of preference
	Header    http.Header // further lines; those of the handshake are not allowed
}

// Response is what the server has answered.
type Response struct {
	Protocol string           // the chosen one, empty for none
	Fields   handshake.Fields // header lines
}

// Open does the handshake on a fresh connection. No extension is offered. The error is a
// [*StatusError], a [*ResponseError], a *handshake.HeaderError or one of the connection;
// then the connection is of no more use.
func Open(conn net.Conn, r Request) (*Conn, Response, error) {
	key := newKey()
	head, err := appendRequest(nil, r, key)
	if err != nil {
		return nil, Response{}, err
	}
	if _, err := conn.Write(head); err != nil {
		return nil, Response{}, err
	}
	br := bufio.NewReaderSize(conn, readBuffer)
	answer, err := readHead(br)
	if err != nil {
		return nil, Response{}, err
	}
	resp, err := judge(answer, key, r.Protocols)
	if err != nil {
		return nil, Response{}, err
	}
	return &Conn{write: newTurn(), conn: conn, br: br, key: len(keys{})}, resp, nil
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
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[name] {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	return append(b, "\r\n"...), nil
}

// readHead reads up to the empty line, which is not in the result.
func readHead(br *bufio.Reader) (string, error) {
	var head []byte
	for {
		n := len(head)
		for {
			part, err := br.ReadSlice('\n')
			if len(head)+len(part) > maxHead {
				return "", badResponse("the head is longer than %d bytes", maxHead)
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
func judge(head, key string, offered []string) (Response, error) {
	status, fields, err := parseHead(head)
	if err != nil {
		return Response{}, err
	}
	if status != http.StatusSwitchingProtocols {
		return Response{}, &StatusError{status, fields}
	}
	accept := string(handshake.AppendAccept(nil, key))
	protocol := fields.Get("Sec-WebSocket-Protocol")
	switch {
	case fields.Count("Upgrade") != 1 || !strings.EqualFold(fields.Get("Upgrade"), "websocket"):
		return Response{}, badResponse("Upgrade is not websocket")
	case !fields.HasToken("Connection", "upgrade"):
		return Response{}, badResponse("Connection does not name upgrade")
	case fields.Count("Sec-WebSocket-Accept") != 1 || fields.Get("Sec-WebSocket-Accept") != accept:
		return Response{}, badResponse("Sec-WebSocket-Accept is not that of our key")
	case fields.Count("Sec-WebSocket-Extensions") != 0 && fields.Get("Sec-WebSocket-Extensions") != "":
		return Response{}, badResponse("an extension that was not offered")
	case fields.Count("Sec-WebSocket-Protocol") > 1:
		return Response{}, badResponse("several sub-protocols")
	case protocol != "" && !slices.Contains(offered, protocol):
		return Response{}, badResponse("a sub-protocol that was not offered")
	}
	return Response{protocol, fields}, nil
}

// parseHead cuts a head without its empty line into the status and the header lines.
func parseHead(head string) (status int, fields handshake.Fields, err error) {
	line, rest, _ := strings.Cut(head, "\n")
	line = strings.TrimSuffix(line, "\r")
	after, ok := strings.CutPrefix(line, "HTTP/1.1 ")
	if !ok || len(after) < 3 || len(after) > 3 && after[3] != ' ' {
		return 0, "", badResponse("no status line of HTTP/1.1")
	}
	for _, c := range []byte(after[:3]) {
		if c < '0' || c > '9' {
			return 0, "", badResponse("no status line of HTTP/1.1")
		}
		status = 10*status + int(c-'0')
	}
	if status < 100 || status > 599 {
		return 0, "", badResponse("status %d", status)
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(rest, "\n"), "\n") {
		l = strings.TrimSuffix(l, "\r")
		name, value, colon := strings.Cut(l, ":")
		switch {
		case l == "" && rest == "":
		case !colon || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
			return 0, "", badResponse("a header line without a name")
		case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			return 0, "", badResponse("a control character in a header line")
		}
	}
	return status, handshake.Fields(rest), nil
}
