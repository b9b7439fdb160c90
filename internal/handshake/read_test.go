package handshake

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// script is a reader that gives its strings and errors one at a time and fails
// the test when it is read further.
type script struct {
	tb    testing.TB
	steps []any
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.steps) == 0 {
		s.tb.Fatal("read on where the answer was certain")
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	if err, ok := step.(error); ok {
		return 0, err
	}
	return copy(p, step.(string)), nil
}

func TestReadTakesTheRequestApart(t *testing.T) {
	r := mustRead(t, browserRequest+"\x81\x80frames")
	if r.Method != "GET" || r.Target != "/chat?room=1" || r.Proto != "HTTP/1.1" || r.Host() != "server.example:8080" {
		t.Errorf("got %q %q %q, host %q", r.Method, r.Target, r.Proto, r.Host())
	}
	if r.URL.Path != "/chat" || r.URL.Query().Get("room") != "1" {
		t.Errorf("URL = %v", r.URL)
	}
	if want := strings.TrimSuffix(browserRequest, "\r\n"); "GET /chat?room=1 HTTP/1.1\r\n"+r.Raw != want {
		t.Errorf("Raw = %q", r.Raw)
	}
	if string(r.Buffered) != "\x81\x80frames" {
		t.Errorf("Buffered = %q", r.Buffered)
	}
	if got := string(r.Replay()); got != browserRequest+"\x81\x80frames" {
		t.Errorf("Replay = %q", got)
	}
}

func TestReadDoesNotMindHowTheBytesCome(t *testing.T) {
	r, err := Read(iotest.OneByteReader(strings.NewReader(browserRequest)), 0)
	if err != nil || string(r.Replay()) != browserRequest {
		t.Errorf("one byte at a time: %v", err)
	}
	r, err = Read(iotest.DataErrReader(strings.NewReader(browserRequest)), 0)
	if err != nil || string(r.Replay()) != browserRequest {
		t.Errorf("with the end in the same call: %v", err)
	}
	r, err = Read(&script{t, []any{browserRequest[:len(browserRequest)-1], "\nrest"}}, 0)
	if err != nil || string(r.Buffered) != "rest" {
		t.Errorf("cut inside the last line end: %v", err)
	}
}

// MaxHeaderBytes is exact.
func TestHeadIsAsLongAsTheLimitAndNoLonger(t *testing.T) {
	for _, size := range []int{100, 4 << 10, 5000, 16 << 10, 100_000} {
		pad := size - len("GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n")
		head := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", pad) + "\r\n\r\n"
		for _, src := range []io.Reader{
			strings.NewReader(head + "more"), iotest.HalfReader(strings.NewReader(head + "more")),
		} {
			r, err := Read(src, size)
			if err != nil {
				t.Fatalf("%d bytes of %d: %v", len(head), size, err)
			}
			if rest, _ := io.ReadAll(src); string(r.Replay())+string(rest) != head+"more" {
				t.Errorf("%d bytes: something was lost", size)
			}
		}
		_, err := Read(strings.NewReader(head), size-1)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != http.StatusRequestHeaderFieldsTooLarge || e.Setting != "MaxHeaderBytes" {
			t.Errorf("%d bytes of %d = %v, want 431", len(head), size-1, err)
		}
	}
}

func TestEndlessHeadIsRefusedAtTheLimit(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("GET /"), letters('a'))
	_, err := Read(endless, 0)
	if e, ok := errors.AsType[*Error](err); !ok || e.Status != 431 {
		t.Errorf("Read = %v, want 431", err)
	}
}

type letters byte

func (l letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(l)
	}
	return len(p), nil
}

func TestWrongRequestLineIsNotWaitedFor(t *testing.T) {
	for _, tt := range []struct {
		sent   string
		status int
	}{
		{"\x16\x03\x01\x02\x00", 400},      // TLS
		{"\r\n", 400},                      // an empty line
		{"GET /\r\n", 400},                 // HTTP/0.9
		{"PRI * HTTP/2.0\r\n", 505},        // HTTP/2
		{"SSH-2.0-client_1.0\r\n", 400},    // SSH
		{"GET /\x00 HTTP/1.1\r\nHo", 400},  // bad target
		{"GET / HTTP/3.0\nHost: a\n", 505}, // another version
	} {
		_, err := Read(&script{t, []any{tt.sent}}, 0)
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != tt.status {
			t.Errorf("Read(%q) = %v, want %d", tt.sent, err, tt.status)
		}
	}
}

func TestEndOfTheReaderIsTold(t *testing.T) {
	reset := errors.New("connection reset by peer")
	wrapped := fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded)
	for _, tt := range []struct {
		name  string
		steps []any
		want  error
	}{
		{"end without a byte", []any{io.EOF}, ErrSilent},
		{"timeout without a byte (A-24)", []any{wrapped}, ErrSilent},
		{"end inside the head", []any{"GET / HT", io.EOF}, io.ErrUnexpectedEOF},
		{"other error without a byte", []any{reset}, reset},
		{"other error inside the head", []any{"GET", reset}, reset},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Read(&script{t, tt.steps}, 0); !errors.Is(err, tt.want) {
				t.Errorf("Read = %v, want %v", err, tt.want)
			}
		})
	}
	_, err := Read(&script{t, []any{"G", wrapped}}, 0)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != 408 || e.Setting != "HandshakeTimeout" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("timeout inside the head = %v, want 408 (A-24)", err)
	}
}

func TestReaderWithoutProgressIsGivenUp(t *testing.T) {
	if _, err := Read(noProgress{}, 0); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Read = %v, want io.ErrNoProgress", err)
	}
}

type noProgress struct{}

func (noProgress) Read([]byte) (int, error) { return 0, nil }

//
func TestSlowRequestGets408AtTheDeadlineOfTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, peer := net.Pipe()
		defer server.Close()
		defer peer.Close()
		server.SetReadDeadline(time.Now().Add(10 * time.Second))
		go peer.Write([]byte("GET / HTTP/1.1\r\nHost:"))
		_, err := Read(server, 0)
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != 408 {
			t.Errorf("Read = %v, want 408", err)
		}
	})
}

// A request that is not an upgrade goes to an http.Server, body and all.
func TestReplayedRequestIsServed(t *testing.T) {
	server, peer := net.Pipe()
	defer peer.Close()
	const request = "POST /form HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhello world"
	go peer.Write([]byte(request))

	r, err := Read(iotest.HalfReader(server), 0)
	if err != nil || r.IsUpgrade() {
		t.Fatalf("Read = %v, upgrade %v", err, err == nil && r.IsUpgrade())
	}
	listener := &oneConn{conn: &replayed{server, strings.NewReader(string(r.Replay()))}, closed: make(chan struct{})}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	})}
	served := make(chan error)
	go func() { served <- srv.Serve(listener) }()

	answer, err := io.ReadAll(peer)
	if err != nil || !strings.HasSuffix(string(answer), "POST /form hello world") {
		t.Errorf("answer %q, %v", answer, err)
	}
	srv.Close()
	<-served
}

type replayed struct {
	net.Conn
	first *strings.Reader
}

func (c *replayed) Read(p []byte) (int, error) {
	if c.first.Len() > 0 {
		return c.first.Read(p)
	}
	return c.Conn.Read(p)
}

type oneConn struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
