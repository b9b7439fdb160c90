package wstest

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// Accepted makes a Peer that plays the server on an accepted connection: it
// reads the handshake, answers 101 with lines added and returns the request.
// It sends unmasked frames and wants masked ones.
func Accepted(tb testing.TB, conn net.Conn, lines ...string) (*Peer, *http.Request) {
	tb.Helper()
	p := Wrap(tb, conn)
	p.server = true
	p.bound()
	r, err := http.ReadRequest(p.br)
	if err != nil {
		tb.Fatalf("wstest: reading the handshake: %v", err)
	}
	answer := Request{
		Line: "HTTP/1.1 101 Switching Protocols",
		Lines: []string{
			"Upgrade: websocket",
			"Connection: Upgrade",
			"Sec-WebSocket-Accept: " + acceptKey(r.Header.Get("Sec-WebSocket-Key")),
		},
	}.With(lines...)
	p.Write(answer.Bytes())
	a, err := ParseAgreement(headerOf(lines))
	if err != nil {
		tb.Fatal(err)
	}
	p.agree(a)
	return p, r
}

// Refused reads a handshake on an accepted connection, answers with the status
// and body and closes.
func Refused(tb testing.TB, conn net.Conn, status, body string, lines ...string) {
	tb.Helper()
	p := Wrap(tb, conn)
	p.bound()
	if _, err := http.ReadRequest(p.br); err != nil {
		tb.Fatalf("wstest: reading the handshake: %v", err)
	}
	p.Write(Request{Line: "HTTP/1.1 " + status, Lines: append(lines, "Connection: close"), Body: body}.Bytes())
	p.Conn.Close()
}

// headerOf reads header lines as a server's answer would have them.
func headerOf(lines []string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimSpace(value))
	}
	return h
}
