package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/handshake"
)

// serve accepts connections on the loopback interface until the test ends, each on a
// goroutine of its own.
func serve(t testing.TB, handle func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() { defer c.Close(); handle(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// serveTLS is serve with TLS.
func serveTLS(t testing.TB, config *tls.Config, handle func(net.Conn)) (addr string) {
	return serve(t, func(c net.Conn) {
		s := tls.Server(c, config)
		defer s.Close()
		if s.Handshake() == nil {
			handle(s)
		}
	})
}

// answers reads a request and writes an answer, in which ACCEPT is the right value. Then it
// waits for the end.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) { answer(c, text, nil) }
}

func answer(c net.Conn, text string, seen func(*http.Request)) {
	br := bufio.NewReader(c)
	r, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	if seen != nil {
		seen(r)
	}
	accept := string(handshake.AppendAccept(nil, r.Header.Get("Sec-WebSocket-Key")))
	_, _ = io.WriteString(c, strings.ReplaceAll(text, "ACCEPT", accept))
	_, _ = io.Copy(io.Discard, br)
}

// switching is a whole 101 with lines added.
func switching(lines ...string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n" +
		strings.Join(append(lines, "\r\n"), "\r\n")
}

// opens tries options, without a proxy unless they have one.
func opens(t testing.TB, o Options) (*opened, *DialError) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return opensIn(ctx, t, o)
}

func opensIn(ctx context.Context, t testing.TB, o Options) (*opened, *DialError) {
	t.Helper()
	if o.Proxy == nil {
		o.Proxy = NoProxy
	}
	o = o.withDefaults()
	op, e := o.open(ctx, 3)
	if (op == nil) == (e == nil) {
		t.Fatalf("open = %v, %v", op, e)
	}
	if op != nil {
		t.Cleanup(func() { op.conn.Close() })
	}
	return op, e
}

// works is opens for what must succeed.
func works(t testing.TB, o Options) *opened {
	t.Helper()
	op, e := opens(t, o)
	if e != nil {
		t.Fatal(e)
	}
	return op
}

// fails is opens for what must fail for a reason in a stage.
func fails(t testing.TB, o Options, stage Stage, reason Reason) *DialError {
	t.Helper()
	_, e := opens(t, o)
	judge(t, e, stage, reason)
	return e
}

func judge(t testing.TB, e *DialError, stage Stage, reason Reason) {
	t.Helper()
	if e == nil {
		t.Fatalf("it opened, want %s in stage %v", reason.Code(), stage)
	}
	if e.Reason != reason || e.Stage != stage || e.Attempt != 3 {
		t.Errorf("%v: %s in stage %v of attempt %d, want %s in stage %v", e, e.Reason.Code(), e.Stage, e.Attempt, reason.Code(), stage)
	}
	text := e.Error()
	if !strings.HasPrefix(text, "dial: ") || !strings.Contains(text, reason.String()) || strings.Contains(text[5:], "dial: ") ||
		strings.Contains(text, "secret") || strings.Contains(e.URL, "secret@") || strings.ContainsAny(text, "\r\n") {
		t.Errorf("the text is %q", text)
	}
	t.Log(text)
}
