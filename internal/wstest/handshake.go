package wstest

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
)

// SampleKey and SampleAccept belong together; they are the example of RFC 6455
// section 1.3.
const (
	SampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	SampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// Request is a request as it is written: a request line and header lines,
// right or wrong, in this order.
type Request struct {
	Line  string   // "GET / HTTP/1.1"
	Lines []string // without the line ends
	Body  string
}

// Upgrade is a flawless handshake for target (RFC 6455 section 4.1).
func Upgrade(target string) Request {
	return Request{
		Line: "GET " + target + " HTTP/1.1",
		Lines: []string{
			"Host: server.example",
			"Upgrade: websocket",
			"Connection: Upgrade",
			"Sec-WebSocket-Key: " + SampleKey,
			"Sec-WebSocket-Version: 13",
		},
	}
}

// With returns r with more header lines at the end.
func (r Request) With(lines ...string) Request {
	r.Lines = slices.Concat(r.Lines, lines)
	return r
}

// Without returns r without the header lines of that name.
func (r Request) Without(name string) Request {
	r.Lines = slices.DeleteFunc(slices.Clone(r.Lines), func(line string) bool {
		n, _, _ := strings.Cut(line, ":")
		return strings.EqualFold(n, name)
	})
	return r
}

// Replace returns r with line in place of all of the same name.
func (r Request) Replace(line string) Request {
	name, _, _ := strings.Cut(line, ":")
	return r.Without(name).With(line)
}

// Bytes is the request on the wire.
func (r Request) Bytes() []byte {
	lines := append([]string{r.Line}, r.Lines...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + r.Body)
}

// Response is an answer to a request.
type Response struct {
	Status int
	Proto  string
	Header http.Header
	Body   string // of every status but 101
}

// ReadResponse reads the answer to a request, which was not a HEAD.
func (p *Peer) ReadResponse() Response {
	p.tb.Helper()
	return p.readResponse(http.MethodGet)
}

func (p *Peer) readResponse(method string) Response {
	p.tb.Helper()
	p.bound()
	res, err := http.ReadResponse(p.br, &http.Request{Method: method})
	if err != nil {
		p.tb.Fatalf("wstest: reading the response: %v", err)
	}
	out := Response{Status: res.StatusCode, Proto: res.Proto, Header: res.Header}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return out
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.tb.Fatalf("wstest: reading the body after status %d: %v", res.StatusCode, err)
	}
	out.Body = string(body)
	return out
}

// Request sends r and reads the answer.
func (p *Peer) Request(r Request) Response {
	p.tb.Helper()
	p.Write(r.Bytes())
	method, _, _ := strings.Cut(r.Line, " ")
	return p.readResponse(method)
}

// Upgrade sends a handshake and reads the answer, which must be a right 101.
// The Peer then knows what was agreed about compression.
func (p *Peer) Upgrade(r Request) Response {
	p.tb.Helper()
	p.Write(r.Bytes())
	return p.ReadUpgraded()
}

// ReadUpgraded reads the answer to a handshake with SampleKey that has been
// sent already.
func (p *Peer) ReadUpgraded() Response {
	p.tb.Helper()
	res := p.ReadResponse()
	switch {
	case res.Status != http.StatusSwitchingProtocols:
		p.tb.Fatalf("wstest: status %d (%q), want 101", res.Status, strings.TrimSpace(res.Body))
	case res.Header.Get("Sec-WebSocket-Accept") != SampleAccept,
		!strings.EqualFold(res.Header.Get("Upgrade"), "websocket"),
		!strings.EqualFold(res.Header.Get("Connection"), "Upgrade"):
		p.tb.Fatalf("wstest: 101 with the header %v", res.Header)
	}
	a, err := ParseAgreement(res.Header)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.agree(a)
	return res
}

// agree sets up the compression of both directions; nil means none.
func (p *Peer) agree(a *Agreement) {
	p.Agreement = a
	if a == nil {
		return
	}
	outBits, outTakeover := a.ClientWindow(), !a.ClientNoTakeover
	inBits, inTakeover := a.ServerWindow(), !a.ServerNoTakeover
	if p.server {
		outBits, inBits = inBits, outBits
		outTakeover, inTakeover = inTakeover, outTakeover
	}
	p.Deflater = NewDeflater(outBits, outTakeover)
	p.Inflater = NewInflater(inBits, inTakeover)
}

// acceptKey is the answer to a key (RFC 6455 section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
