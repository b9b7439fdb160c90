package wsdial

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/icsws/icsws/internal/handshake"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// right is an answer to the sample key (RFC 6455 section 1.3).
const right = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

// F-04: each check of RFC 6455 section 4.1.
func TestAnswerIsHeldAgainstTheRFC(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		ok           bool
	}{
		{"right", right, true},
		{"other case", strings.ReplaceAll(strings.ReplaceAll(right, "Upgrade: websocket", "uPGRADE: WebSocket"), "Connection: Upgrade", "connection: keep-alive, upgrade"), true},
		{"line feeds alone", strings.ReplaceAll(right, "\r\n", "\n"), true},
		{"sub-protocol", right + "Sec-WebSocket-Protocol: b\r\n", true},
		{"no reason phrase", strings.Replace(right, " Switching Protocols", "", 1), true},
		{"HTTP/1.0", strings.Replace(right, "1.1", "1.0", 1), false},
		{"200", strings.Replace(right, "101", "200", 1), false},
		{"no upgrade", strings.Replace(right, "Upgrade: websocket\r\n", "", 1), false},
		{"two upgrades", right + "Upgrade: websocket\r\n", false},
		{"no connection", strings.Replace(right, "Connection: Upgrade\r\n", "", 1), false},
		{"another accept", strings.Replace(right, "s3p", "S3p", 1), false},
		{"two accepts", right + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", false},
		{"an extension", right + "Sec-WebSocket-Extensions: permessage-deflate\r\n", false},
		{"another sub-protocol", right + "Sec-WebSocket-Protocol: c\r\n", false},
		{"two sub-protocols", right + "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n", false},
		{"a line without a colon", right + "x\r\n", false},
		{"a folded line", right + "X: a\r\n b\r\n", false},
		{"a control character", right + "X: a\x01\r\n", false},
		{"nothing", "", false},
	} {
		_, err := judge(tt.answer, sampleKey, Request{Protocols: []string{"a", "b"}})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	var se *StatusError
	if _, err := judge("HTTP/1.1 404 Not Found\r\nX: y\r\n", sampleKey, Request{}); !errors.As(err, &se) || se.Status != 404 || se.Fields.Get("x") != "y" {
		t.Errorf("judge = %v", err)
	}
}

// F-04: what goes out is a handshake, and nothing can be smuggled into it.
func TestRequestIsAHandshake(t *testing.T) {
	b, err := appendRequest(nil, Request{Host: "a.example", Target: "/x?y", Protocols: []string{"a", "b"}, Header: http.Header{"X-B": {"2"}, "X-A": {"1", "3"}}}, sampleKey)
	want := "GET /x?y HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + sampleKey +
		"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\nX-A: 1\r\nX-A: 3\r\nX-B: 2\r\n\r\n"
	if err != nil || string(b) != want {
		t.Errorf("the request is %q, %v", b, err)
	}
	for _, r := range []Request{
		{Host: "a\r\nX: y", Target: "/"}, {Host: "a", Target: "/ HTTP/1.1\r\n"}, {Host: "a", Target: "/", Protocols: []string{"a\r\n"}},
		{Host: "a", Target: "/", Header: http.Header{"X": {"a\r\nb"}}}, {Host: "a", Target: "/", Header: http.Header{"Upgrade": {"a"}}},
	} {
		if b, err := appendRequest(nil, r, sampleKey); err == nil {
			t.Errorf("the request is %q", b)
		}
	}
	if a, b := newKey(), newKey(); a == b || len(a) != len(sampleKey) {
		t.Errorf("keys are %s and %s", a, b)
	}
}

// F-04: a head has a bound, and what follows it is the first frame.
func TestHeadIsBounded(t *testing.T) {
	br := bufio.NewReaderSize(strings.NewReader(right+"\r\n\x81\x01x"), 16)
	head, err := ReadHead(br, maxHead)
	if rest, _ := io.ReadAll(br); err != nil || head != right || string(rest) != "\x81\x01x" {
		t.Errorf("the head is %q, %v, then %q", head, err, rest)
	}
	for _, s := range []string{"X: " + strings.Repeat("x", maxHead), strings.Repeat("X: y\r\n", maxHead)} {
		if _, err := ReadHead(bufio.NewReader(strings.NewReader("HTTP/1.1 101\r\n"+s)), maxHead); err == nil || err == io.EOF {
			t.Errorf("a head of %d bytes: %v", len(s), err)
		}
	}
}

// F-04: the error of a connection that ends comes through.
func TestOpenReturnsTheErrorOfTheConnection(t *testing.T) {
	near, far := net.Pipe()
	go func() { _, _ = far.Read(make([]byte, 1000)); far.Close() }()
	if _, _, err := Open(near, Request{Host: "a.example", Target: "/"}); !errors.Is(err, io.EOF) {
		t.Errorf("Open = %v", err)
	}
}

// D-07, D-40: what is wrong with an answer has a kind, and an extension may be in it when
// one was offered.
func TestAnswerHasAKind(t *testing.T) {
	ext := right + "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	for _, tt := range []struct {
		answer string
		asked  Request
		kind   Bad
		ok     bool
	}{
		{"SSH-2.0-x\r\n", Request{}, BadHead, false},
		{strings.Replace(right, "s3p", "S3p", 1), Request{}, BadUpgrade, false},
		{right + "Sec-WebSocket-Protocol: c\r\n", Request{Protocols: []string{"b"}}, BadProtocol, false},
		{ext, Request{}, BadExtension, false},
		{ext, Request{Extensions: "permessage-deflate"}, 0, true},
		{right + "X: " + strings.Repeat("x", maxHead) + "\r\n", Request{}, BadLength, false},
		{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + right, Request{}, 0, true},
		{strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", maxHead/20), Request{}, BadLength, false},
	} {
		o := &Opening{key: sampleKey, asked: tt.asked}
		br := bufio.NewReader(strings.NewReader(tt.answer + "\r\nrest"))
		_, err := o.Read(br, maxHead)
		re, _ := errors.AsType[*ResponseError](err)
		if tt.ok != (err == nil) || !tt.ok && (re == nil || re.Kind != tt.kind) {
			t.Errorf("%.40q is answered by %v", tt.answer, err)
		}
		if rest, _ := io.ReadAll(br); tt.ok && string(rest) != "rest" {
			t.Errorf("behind %.40q comes %q", tt.answer, rest)
		}
	}
}

// A server that speaks another protocol is told at once, not at the end of a head that
// never comes.
func TestOtherProtocolIsToldAtOnce(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	defer near.Close()
	go func() { _, _ = far.Write([]byte("\x4a\x00\x00\x00\x0a8.0.1")) }()
	if _, err := ReadHead(bufio.NewReader(near), maxHead); err == nil {
		t.Error("it was taken")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(right)
	f.Add(right + "Sec-WebSocket-Protocol: a\r\n")
	f.Add("HTTP/1.1 302 Found\r\nLocation: x\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		head, err := ReadHead(bufio.NewReaderSize(strings.NewReader(s+"\r\n\r\n"), 16), maxHead)
		if err != nil {
			return
		}
		r, err := judge(head, sampleKey, Request{Protocols: []string{"a"}})
		if err == nil && (r.Protocol != "" && r.Protocol != "a" || !strings.Contains(head, string(handshake.AppendAccept(nil, sampleKey)))) {
			t.Errorf("%q is an answer: %+v", s, r)
		}
	})
}
