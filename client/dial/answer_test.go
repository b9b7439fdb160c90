package dial

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/handshake"
)

// script is a connection that answers with bytes, whatever is written to it.
type script struct {
	net.Conn
	text string
}

func (s *script) Write(p []byte) (int, error) {
	_, rest, _ := strings.Cut(string(p), "Sec-WebSocket-Key: ")
	if key, _, ok := strings.Cut(rest, "\r\n"); ok {
		s.text = strings.ReplaceAll(s.text, "ACCEPT", string(handshake.AppendAccept(nil, key)))
	}
	return len(p), nil
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.text)
	if s.text = s.text[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) Close() error                      { return nil }
func (s *script) SetDeadline(time.Time) error       { return nil }
func (s *script) SetReadDeadline(t time.Time) error { return nil }
func (s *script) LocalAddr() net.Addr               { return nil }
func (s *script) RemoteAddr() net.Addr              { return nil }

// FuzzAnswer: whatever a server answers is an open connection or an error of one sentence,
// and takes no more memory than it may.
func FuzzAnswer(f *testing.F) {
	f.Add(switching()+"\x81\x00", false)
	f.Add(switching("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9", "Sec-WebSocket-Protocol: a"), false)
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nabc", true)
	f.Add("HTTP/1.1 503 \r\nRetry-After: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", false)
	f.Add("HTTP/1.0 200 OK\n\nbody", true)
	f.Fuzz(func(t *testing.T, text string, follow bool) {
		o := Options{
			URL: "ws://user:secret@a.example/x", Proxy: NoProxy, SubProtocols: []string{"a"}, FollowRedirects: follow, MaxHeaderBytes: 1 << 10,
			Compression: client.Compression{Mode: client.CompressionContext},
			Dial:        func(context.Context, string, string) (net.Conn, error) { return &script{text: text}, nil },
		}.withDefaults()
		op, e := o.open(t.Context(), 1)
		if (op == nil) == (e == nil) {
			t.Fatalf("%v, %v", op, e)
		}
		if e != nil {
			if len(e.Body) > maxBody || !utf8.ValidString(e.Body) || e.RetryAfter < 0 || e.Stage != StageHandshake || e.Reason == ReasonOther ||
				strings.Contains(e.Error(), "secret") {
				t.Errorf("%q: %+v, %v", text, e, e)
			}
			return
		}
		if i := op.info; i.Status != 101 || i.Protocol != "" && i.Protocol != "a" || i.Compression != (op.deflate != nil) || len(op.buffered) > 4<<10 ||
			!strings.HasSuffix(text, string(op.buffered)) {
			t.Errorf("%q: %+v, %q", text, i, op.buffered)
		}
	})
}

// FuzzHeader: what is not refused can not break out of its line.
func FuzzHeader(f *testing.F) {
	f.Add("X", "y")
	f.Add("Host", "a:9")
	f.Add("x\r\n", "\r\n")
	f.Fuzz(func(t *testing.T, name, value string) {
		if checkHeader(http.Header{name: {value}}) == nil && (name == "" || strings.ContainsAny(name+value, "\r\n\x00")) {
			t.Errorf("%q: %q is taken", name, value)
		}
	})
}
