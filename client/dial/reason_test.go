package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/memnet"
)

// dialling is an Options.Dial that fails.
func dialling(err error) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return nil, err }
}

// closedPort is an address where nobody listens, and nobody will: a connection has the port.
func closedPort(t testing.TB) string {
	t.Helper()
	c, err := net.Dial("tcp", serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

func TestReasonsOfTheNetwork(t *testing.T) {
	e := fails(t, Options{URL: "ws://user:secret@" + closedPort(t) + "/x?token=secret"}, StageConnect, ReasonRefused)
	if !errors.Is(e, syscall.ECONNREFUSED) || !strings.HasSuffix(e.URL, "/x?token=secret") {
		t.Errorf("%q, %v", e.URL, e)
	}
	const url = "wss://user:secret@nowhere.example/x"
	dns := &net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}
	e = fails(t, Options{URL: url, Dial: dialling(&net.OpError{Op: "dial", Net: "tcp", Err: dns})}, StageResolve, ReasonNoHost)
	if !errors.Is(e, dns) || e.URL != "wss://nowhere.example/x" {
		t.Errorf("%q, %v", e.URL, e)
	}
	for _, tt := range []struct {
		err    error
		stage  Stage
		reason Reason
	}{
		{&net.DNSError{Err: "server misbehaving"}, StageResolve, ReasonResolve},
		{&net.DNSError{Err: "i/o timeout", IsTimeout: true}, StageResolve, ReasonTimeout},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, StageConnect, ReasonUnreachable},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, StageConnect, ReasonUnreachable},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)}, StageConnect, ReasonTimeout},
		{&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ENOENT)}, StageConnect, ReasonRefused},
		{os.ErrDeadlineExceeded, StageConnect, ReasonTimeout},
		{io.ErrNoProgress, StageConnect, ReasonUser},
		{nil, StageConnect, ReasonUser},
	} {
		e := fails(t, Options{URL: url, Dial: dialling(tt.err)}, tt.stage, tt.reason)
		if tt.err != nil && !errors.Is(e, tt.err) || e.Timeout() != (tt.reason == ReasonTimeout) {
			t.Errorf("%v does not wrap %v, or Timeout is %v", e, tt.err, e.Timeout())
		}
	}
	// There may be no IPv6 here, but there is never such a zone.
	_, e = opens(t, Options{URL: "ws://[fe80::1%25nosuchzone]:9"})
	if e == nil || e.Stage != StageConnect || e.Timing.Resolve != 0 {
		t.Errorf("%v", e)
	}
}

// D-16, D-17, D-20: the answers of servers.
func TestReasonsOfTheAnswer(t *testing.T) {
	const body = "Content-Length: 5\r\n\r\nsorry"
	for _, tt := range []struct {
		name, answer string
		reason       Reason
		status       int
		body         string
		after        time.Duration
	}{
		{"401", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=secret\r\n" + body, ReasonStatus, 401, "sorry", 0},
		{"403", "HTTP/1.1 403 Forbidden\r\n" + body, ReasonStatus, 403, "sorry", 0},
		{"404 of HTTP/1.0", "HTTP/1.0 404 Not Found\r\n" + body, ReasonStatus, 404, "sorry", 0},
		{"429", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\n" + body, ReasonStatus, 429, "sorry", 2 * time.Minute},
		{"503", "HTTP/1.1 503 \r\nRetry-After: soon\r\n" + body, ReasonStatus, 503, "sorry", 0},
		{"200", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n", ReasonStatus, 200, "foobar", 0},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", ReasonStatus, 204, "", 0},
		{"a status of its own", "HTTP/1.1 499 secret\r\n" + body, ReasonStatus, 499, "sorry", 0},
		{"a length that is none", "HTTP/1.1 500 x\r\nContent-Length: -1\r\n\r\nsorry", ReasonStatus, 500, "", 0},
		{"a long body", "HTTP/1.1 500 x\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x\xff", 2500), ReasonStatus, 500, strings.Repeat("x?", 512), 0},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: ws://secret.example/\r\n" + body, ReasonRedirect, 302, "sorry", 0},
		{"a redirect without a target", "HTTP/1.1 308 x\r\n" + body, ReasonRedirect, 308, "sorry", 0},
		{"300", "HTTP/1.1 300 Multiple Choices\r\n" + body, ReasonStatus, 300, "sorry", 0},
		{"another accept", strings.Replace(switching(), "ACCEPT", "secret", 1), ReasonNotWebSocket, 101, "", 0},
		{"no accept", strings.Replace(switching(), "Sec-WebSocket-Accept", "X", 1), ReasonNotWebSocket, 101, "", 0},
		{"another upgrade", strings.Replace(switching(), "websocket", "h2c", 1), ReasonNotWebSocket, 101, "", 0},
		{"no connection", strings.Replace(switching(), "Connection: Upgrade", "Connection: close", 1), ReasonNotWebSocket, 101, "", 0},
		{"HTTP/1.0", strings.Replace(switching(), "1.1", "1.0", 1), ReasonNotWebSocket, 0, "", 0},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n", ReasonNotWebSocket, 0, "", 0},
		{"no header line", "HTTP/1.1 101 x\r\nsecret\r\n\r\n", ReasonNotWebSocket, 0, "", 0},
		{"a sub-protocol", switching("Sec-WebSocket-Protocol: secret"), ReasonProtocol, 101, "", 0},
		{"an extension", switching("Sec-WebSocket-Extensions: secret"), ReasonExtension, 101, "", 0},
		{"a large head", switching("X: " + strings.Repeat("x", 17<<10)), ReasonHeaderTooLarge, 0, "", 0},
		{"many lines", "HTTP/1.1 101 x\r\n" + strings.Repeat("X: y\r\n", 4<<10), ReasonHeaderTooLarge, 0, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := fails(t, Options{URL: "ws://" + serve(t, answers(tt.answer)), SubProtocols: []string{"a"}}, StageHandshake, tt.reason)
			if e.HTTPStatus != tt.status || e.Body != tt.body || e.RetryAfter != tt.after || (e.Header == nil) != (tt.status == 0) || e.Timeout() {
				t.Errorf("status %d, body %q, after %v, header %v", e.HTTPStatus, e.Body, e.RetryAfter, e.Header)
			}
		})
	}
}

// D-07: an answer to an offer that goes beyond it.
func TestReasonOfAnExtension(t *testing.T) {
	for _, line := range []string{"permessage-deflate; secret", "x-secret", "permessage-deflate, permessage-deflate", "permessage-deflate; client_max_window_bits"} {
		e := fails(t, Options{
			URL:         "ws://" + serve(t, answers(switching("Sec-WebSocket-Extensions: "+line))),
			Compression: client.Compression{Mode: client.CompressionContext},
		}, StageHandshake, ReasonExtension)
		if e.HTTPStatus != 101 || e.Header.Get("Sec-WebSocket-Extensions") != line {
			t.Errorf("%d, %v", e.HTTPStatus, e.Header)
		}
	}
}

func TestReasonOfAnEnd(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"at once":     func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) },
		"in the head": func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)); _, _ = io.WriteString(c, "HTTP/1.1 101 Swi") },
		"in the lines": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 101 x\r\nX: y\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := fails(t, Options{URL: "ws://" + serve(t, handle)}, StageHandshake, ReasonClosed)
			if !errors.Is(e, io.EOF) && !errors.Is(e, io.ErrUnexpectedEOF) {
				t.Errorf("%v", e.Err)
			}
		})
	}
	addr := serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_ = c.(*net.TCPConn).SetLinger(0)
	})
	if e := fails(t, Options{URL: "ws://" + addr}, StageHandshake, ReasonReset); !errors.Is(e, syscall.ECONNRESET) {
		t.Errorf("%v", e.Err)
	}
}

// D-15: time that is over, and a caller that does not want any more, wherever the attempt
// stands: in the functions of the program, and while nothing comes.
func TestAttemptEndsWithItsContext(t *testing.T) {
	waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	silent := func(net.Conn) {}
	deaf := func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }
	half := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)); _, _ = io.WriteString(c, "HTTP/1.1 101 x\r\n") }
	for _, tt := range []struct {
		name   string
		o      Options
		server func(net.Conn) // nil: Options.Dial waits
		stage  Stage
	}{
		{"the header", Options{HeaderFunc: func(ctx context.Context) (http.Header, error) { return nil, waits(ctx) }}, silent, StageHeader},
		{"the header, ignored", Options{HeaderFunc: func(ctx context.Context) (http.Header, error) { _ = waits(ctx); return nil, nil }}, silent, StageHeader},
		{"the connection", Options{}, nil, StageConnect},
		{"the answer", Options{}, half, StageHandshake},
		{"the request", Options{}, deaf, StageHandshake},
		{"the server's TLS", Options{URL: "wss://a.example"}, silent, StageTLS},
		{"the proxy", Options{Proxy: proxyURL("http://p.example")}, silent, StageProxy},
		{"the proxy's TLS", Options{Proxy: proxyURL("https://p.example")}, silent, StageProxy},
		{"the socks proxy", Options{Proxy: proxyURL("socks5://p.example")}, deaf, StageProxy},
	} {
		for end, reason := range map[string]Reason{"timeout": ReasonTimeout, "deadline": ReasonTimeout, "cancel": ReasonCancelled} {
			t.Run(tt.name+" "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o, ctx := tt.o, t.Context()
					if o.URL == "" {
						o.URL = "ws://a.example"
					}
					closed := make(chan struct{})
					o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
						if tt.server == nil {
							close(closed)
							return nil, waits(ctx)
						}
						near, far := memnet.Pipe(8)
						go func() {
							defer far.Close()
							tt.server(far)
							<-closed
						}()
						return &noted{Conn: near, closed: closed}, nil
					}
					cause := errors.New("enough")
					switch end {
					case "timeout":
						o.HandshakeTimeout = time.Minute
					case "deadline":
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, time.Minute)
						defer cancel()
						o.HandshakeTimeout = -1
					case "cancel":
						var cancel context.CancelCauseFunc
						ctx, cancel = context.WithCancelCause(ctx)
						defer time.AfterFunc(time.Minute, func() { cancel(cause) }).Stop()
						o.HandshakeTimeout = -1
					}
					begun := time.Now()
					_, e := opensIn(ctx, t, o)
					judge(t, e, tt.stage, reason)
					if took := time.Since(begun); took != time.Minute {
						t.Errorf("it took %v", took)
					}
					if e.Timeout() != (reason == ReasonTimeout) || reason == ReasonTimeout && !errors.Is(e, context.DeadlineExceeded) ||
						reason == ReasonCancelled && (!errors.Is(e, context.Canceled) || !errors.Is(e, cause)) {
						t.Errorf("%v", e.Err)
					}
					if tt.stage != StageHeader {
						<-closed // the connection was closed
					}
				})
			})
		}
	}
}

// noted tells when it is closed.
type noted struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (n *noted) Close() error {
	n.once.Do(func() { close(n.closed) })
	return n.Conn.Close()
}

// A connection with the same deadline as a context may tell first that it is over.
func TestDeadlineIsOverBeforeItsContextSays(t *testing.T) {
	ctx := lateContext{t.Context()}
	if r, err := ended(t.Context(), ctx, time.Second); r != ReasonTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", r, err)
	}
	if r, err := ended(ctx, ctx, time.Second); r != ReasonTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", r, err)
	}
}

type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Now(), true }

// D-03: what functions of the program do wrong.
func TestReasonOfTheProgram(t *testing.T) {
	to := "wss://user:secret@" + closedPort(t)
	failing := errors.New("no token")
	header := func(h http.Header, err error) func(context.Context) (http.Header, error) {
		return func(context.Context) (http.Header, error) { return h, err }
	}
	for name, tt := range map[string]struct {
		o     Options
		stage Stage
		err   error // nil: a panic
	}{
		"HeaderFunc":           {Options{HeaderFunc: header(nil, failing)}, StageHeader, failing},
		"HeaderFunc's network": {Options{HeaderFunc: header(nil, syscall.ECONNREFUSED)}, StageHeader, syscall.ECONNREFUSED},
		"HeaderFunc panics":    {Options{HeaderFunc: func(context.Context) (http.Header, error) { panic("boom") }}, StageHeader, nil},
		"Dial panics":          {Options{Dial: func(context.Context, string, string) (net.Conn, error) { panic("boom") }}, StageConnect, nil},
		"Proxy":                {Options{Proxy: func(*http.Request) (*url.URL, error) { return nil, failing }}, StageProxy, failing},
		"Proxy panics":         {Options{Proxy: func(*http.Request) (*url.URL, error) { panic("boom") }}, StageProxy, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.URL = to
			e := fails(t, tt.o, tt.stage, ReasonUser)
			p, _ := errors.AsType[*event.Panic](e)
			if tt.err != nil && !errors.Is(e, tt.err) || tt.err == nil && (p == nil || p.Value != "boom") {
				t.Errorf("%v", e.Err)
			}
		})
	}
	fails(t, Options{URL: to, HeaderFunc: header(http.Header{"Upgrade": {"secret"}}, nil)}, StageHeader, ReasonUser)
	fails(t, Options{URL: to, HeaderFunc: header(http.Header{"X": {"secret\r\n"}}, nil)}, StageHeader, ReasonUser)
	fails(t, Options{URL: to, Header: http.Header{"Host": {"a", "secret"}}}, StageOptions, ReasonOptions)
}

// D-20: every reason has its words.
func TestReasonsHaveWords(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for r := range Reason(reasons) {
		i := reasonInfos[r]
		if !kebab.MatchString(r.Code()) || seen[r.Code()] || r.String() == "" || seen[r.String()] {
			t.Errorf("%d: %q, %q", r, r.Code(), r)
		}
		seen[r.Code()], seen[r.String()] = true, true
		if !strings.HasSuffix(i.meaning, ".") || i.advice != "" && !strings.HasSuffix(i.advice, ".") {
			t.Errorf("%s: %q and %q are not sentences", r.Code(), i.meaning, i.advice)
		}
	}
	for s := range Stage(stages) {
		if s.String() == "" {
			t.Errorf("stage %d has no name", s)
		}
	}
	if Reason(200).Code() != "other" || fmt.Sprint(Reason(200), Stage(200)) != "reason(200) stage(200)" {
		t.Errorf("%v %s, %v", Reason(200), Reason(200).Code(), Stage(200))
	}
}

// D-17: Retry-After, as seconds and as a date.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "1.5": 0, "soon": 0, "Sun, 01 Mar 2026 12:01:30 GMT": 90 * time.Second,
		"Sunday, 01-Mar-26 12:00:01 GMT": time.Second, "Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"999999999999": 10 * 365 * 24 * time.Hour, "99999999999999999999999999": 10 * 365 * 24 * time.Hour,
	} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", v, got, want)
		}
	}
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	e := fails(t, Options{URL: "ws://" + serve(t, answers("HTTP/1.1 429 x\r\nContent-Length: 0\r\nRetry-After: "+date+"\r\n\r\n"))}, StageHandshake, ReasonStatus)
	if e.RetryAfter < 50*time.Minute || e.RetryAfter > time.Hour {
		t.Errorf("after %v", e.RetryAfter)
	}
}

// The body of a refusal that does not end is what came in time.
func TestBodyIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(4096)
		defer far.Close()
		go answer(far, "HTTP/1.1 500 x\r\n\r\nhalf a", nil)
		_, e := opens(t, Options{URL: "ws://a.example", Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
		judge(t, e, StageHandshake, ReasonStatus)
		if e.Body != "half a" {
			t.Errorf("the body is %q", e.Body)
		}
	})
}
