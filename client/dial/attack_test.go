package dial

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/wstest"
)

// hostile is a server that answers the handshake as it should and then does what f says.
func hostile(f func(c net.Conn, in *bufio.Reader), lines ...string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		accept := string(handshake.AppendAccept(nil, r.Header.Get("Sec-WebSocket-Key")))
		if _, err := io.WriteString(c, strings.ReplaceAll(switching(lines...), "ACCEPT", accept)); err == nil {
			f(c, in)
		}
	}
}

// raw is frames as a server sends them: without masks.
func raw(frames ...wstest.Frame) (b []byte) {
	for _, f := range frames {
		f.Unmasked = true
		b = f.Append(b)
	}
	return b
}

// closeFrame reads up to the client's close frame. It returns its code, 0 if none comes.
func closeFrame(in *bufio.Reader) int {
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return 0
		}
		size := uint64(head[1] & 127)
		more := map[uint64]int{126: 2, 127: 8}[size]
		b := make([]byte, 8)
		if _, err := io.ReadFull(in, b[8-more:]); err != nil {
			return 0
		}
		if more > 0 {
			size = binary.BigEndian.Uint64(b)
		}
		var key [4]byte
		if _, err := io.ReadFull(in, key[:]); err != nil || head[1]&0x80 == 0 {
			return 0
		}
		if head[0]&15 != 8 {
			if _, err := io.CopyN(io.Discard, in, int64(size)); err != nil {
				return 0
			}
			continue
		}
		p := make([]byte, size)
		if _, err := io.ReadFull(in, p); err != nil || size < 2 {
			return 0
		}
		return int(p[0]^key[0])<<8 | int(p[1]^key[1])
	}
}

// victim connects once, and tells how it ended.
func victim(t *testing.T, o Options, h Handler) StopInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.NoReconnect, o.Logger, o.Proxy = true, quiet, NoProxy
	if o.CloseTimeout == 0 {
		o.CloseTimeout = time.Second
	}
	stopped := make(chan StopInfo, 1)
	h.OnStop = func(_ *Conn, s StopInfo) { stopped <- s }
	c := New(o, h)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case s := <-stopped:
		<-c.Done()
		return s
	case <-ctx.Done():
		t.Errorf("it goes on: %+v", c.Info())
		_ = c.Stop(ctx, 0, "")
		return <-stopped
	}
}

// bounded fails if, when all has ended, more is in use than so many bytes above what was
// before.
func bounded(t *testing.T, before, most int64) {
	t.Helper()
	grown := heap() - before
	for range 50 {
		if raceEnabled || grown <= most {
			return
		}
		time.Sleep(20 * time.Millisecond) // the server of the test may be at work
		grown = heap() - before
	}
	t.Errorf("%d KiB more are in use", grown>>10)
}

// allocated is how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// bomb is how 64 MiB of zeros look compressed.
func bomb() []byte { return wstest.NewDeflater(15, false).Deflate(make([]byte, 64<<20)) }

// D-07: what breaks the protocol ends the connection with the code of its
// kind, which the server is told, and nothing of it is delivered.
func TestAttackWithFrames(t *testing.T) {
	text := wstest.Text("x")
	huge := func(n uint64) []byte {
		return append(wstest.Frame{Op: wstest.OpBinary, Unmasked: true}.Header(n), "abc"...)
	}
	bytesOf := func(frames ...wstest.Frame) []byte { return raw(frames...) }
	for _, tt := range []struct {
		name string
		send []byte
		code client.StatusCode
		zip  bool
	}{
		{"a mask", wstest.Frame{Op: wstest.OpText, Payload: []byte("x"), Key: [4]byte{1, 2, 3, 4}}.Bytes(), 1002, false},
		{"a masked close frame", func() []byte { f := wstest.Close(1000, ""); f.Key = [4]byte{1, 2, 3, 4}; return f.Bytes() }(), 1002, false},
		{"a reserved bit", bytesOf(wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV2}), 1002, false},
		{"compression that was not agreed on", bytesOf(wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1}), 1002, false},
		{"a reserved opcode", bytesOf(wstest.Frame{Op: 3}), 1002, false},
		{"a reserved control opcode", bytesOf(wstest.Frame{Op: 11}), 1002, false},
		{"a ping of 126 bytes", bytesOf(wstest.Ping(make([]byte, 126))), 1002, false},
		{"a ping in fragments", bytesOf(wstest.Ping(nil).Open()), 1002, false},
		{"the middle of nothing", bytesOf(wstest.Continuation(nil)), 1002, false},
		{"a message within another", bytesOf(text.Open(), text), 1002, false},
		{"a negative length", huge(1 << 63), 1002, false},
		{"a length of 2^62", huge(1 << 62), 1009, false},
		{"a length in too many bytes", bytesOf(wstest.Frame{Op: wstest.OpText, Payload: []byte("x"), Length: wstest.Length64}), 1002, false},
		{"one byte too many", bytesOf(wstest.Binary(make([]byte, 64<<10+1))), 1009, false},
		{"text that is not UTF-8", bytesOf(wstest.Text("\xff")), 1007, false},
		{"the beginning of such text", bytesOf(wstest.Text("\xff").Open()), 1007, false},
		{"a bomb", bytesOf(wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: bomb()}), 1009, true},
		{"a bomb in fragments", bytesOf(wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: bomb()}.Split(1, 10, 1000)...), 1009, true},
		{"what does not inflate", bytesOf(wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1, Payload: []byte("\xff\xff\xff")}), 1007, true},
		{"a compressed fragment in the middle", bytesOf(text.Open(), wstest.Frame{Op: 0, RSV: wstest.RSV1}), 1002, true},
		{"close with one byte", bytesOf(wstest.Frame{Op: wstest.OpClose, Payload: []byte{3}}), 1002, false},
		{"close with 1005", bytesOf(wstest.Close(1005, "")), 1002, false},
		{"close with 1006", bytesOf(wstest.Close(1006, "")), 1002, false},
		{"close with 1015", bytesOf(wstest.Close(1015, "")), 1002, false},
		{"close with 999", bytesOf(wstest.Close(999, "")), 1002, false},
		{"close with 0", bytesOf(wstest.Close(0, "")), 1002, false},
		{"close with 5000", bytesOf(wstest.Close(5000, "")), 1002, false},
		{"close with a reason that is not UTF-8", bytesOf(wstest.Close(1000, "\xff")), 1007, false},
		{"a banner of HTTP", []byte("HTTP/1.1 200 OK\r\n\r\n"), 1002, false},
		{"noise", bytes.Repeat([]byte{0xff, 0, 0x80, 0x7f}, 1000), 1002, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told := make(chan int, 1)
			o, lines := Options{MaxMessageSize: 64 << 10}, []string(nil)
			if tt.zip {
				o.Compression.Mode = client.CompressionContext
				lines = []string{"Sec-WebSocket-Extensions: permessage-deflate"}
			}
			o.URL = "ws://" + serve(t, hostile(func(c net.Conn, in *bufio.Reader) {
				go c.Write(tt.send) // it may not be read to the end
				told <- closeFrame(in)
			}, lines...))
			before, got, sum := heap(), 0, allocated()
			s := victim(t, o, Handler{OnMessage: func(*Conn, client.Message) error { got++; return nil }})
			if code := <-told; code != int(tt.code) {
				t.Errorf("the server was told %d, want %d", code, tt.code)
			}
			if s.Close.Code != tt.code || s.Close.Remote || got != 0 {
				t.Errorf("%d messages, then %v", got, s.Close)
			}
			var pe *client.ProtocolError
			if !errors.As(s.Close.Cause, &pe) && !errors.Is(s.Close.Cause, client.ErrInvalidUTF8) {
				t.Errorf("the cause is %T: %v", s.Close.Cause, s.Close.Cause)
			}
			if n := allocated() - sum; !raceEnabled && n > 4<<20 {
				t.Errorf("%d KiB were allocated", n>>10)
			}
			bounded(t, before, 4<<20)
		})
	}
}

// D-15, D-17, D-43, E-14: answers to the handshake that never end, or are none.
func TestAttackWithAnswers(t *testing.T) {
	const quick = 400 * time.Millisecond
	request := func(c net.Conn) *bufio.Reader {
		in := bufio.NewReader(c)
		_, _ = http.ReadRequest(in)
		return in
	}
	forever := func(text string, pause time.Duration) func(net.Conn) {
		return func(c net.Conn) {
			request(c)
			for {
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
				time.Sleep(pause)
			}
		}
	}
	once := func(text string) func(net.Conn) {
		return func(c net.Conn) { in := request(c); _, _ = io.WriteString(c, text); _, _ = io.Copy(io.Discard, in) }
	}
	for _, tt := range []struct {
		name   string
		handle func(net.Conn)
		reason Reason
		status int
	}{
		{"nothing at all", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, ReasonTimeout, 0},
		{"a byte at a time", forever("H", 20*time.Millisecond), ReasonNotWebSocket, 0},
		{"a good answer, too slowly", func(c net.Conn) {
			request(c)
			for _, b := range []byte(switching()) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, ReasonTimeout, 0},
		{"100 forever", forever("HTTP/1.1 100 Continue\r\n\r\n", 0), ReasonHeaderTooLarge, 0},
		{"100 forever, slowly", forever("HTTP/1.1 100 Continue\r\n\r\n", 50*time.Millisecond), ReasonTimeout, 0},
		{"a head of 1 MiB", once(switching("X: " + strings.Repeat("x", 1<<20))), ReasonHeaderTooLarge, 0},
		{"a million lines", once("HTTP/1.1 101 x\r\n" + strings.Repeat("X: y\r\n", 1<<20)), ReasonHeaderTooLarge, 0},
		{"a line without an end", forever("HTTP/1.1 101 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0), ReasonHeaderTooLarge, 0},
		{"a frame before the answer", once(string(raw(wstest.Text("x"))) + switching()), ReasonNotWebSocket, 0},
		{"a frame for an answer", once(string(raw(wstest.Close(1000, "goodbye")))), ReasonNotWebSocket, 0},
		{"a body forever", forever("HTTP/1.1 500 x\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0), ReasonStatus, 500},
		{"a body that does not come", once("HTTP/1.1 500 x\r\nContent-Length: 10\r\n\r\nx"), ReasonStatus, 500},
		{"a chunk of 2^63", once("HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\n"), ReasonStatus, 500},
		{"a length of 2^64", once("HTTP/1.1 403 x\r\nContent-Length: 18446744073709551616\r\n\r\n"), ReasonStatus, 403},
		{"half of an answer", func(c net.Conn) { request(c); _, _ = io.WriteString(c, switching()[:40]) }, ReasonClosed, 0},
		{"a reset", func(c net.Conn) { request(c); _ = c.(*net.TCPConn).SetLinger(0) }, ReasonReset, 0},
		{"the end", func(c net.Conn) { request(c) }, ReasonClosed, 0},
		{"a folded line", once("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n folded\r\n\r\n"), ReasonNotWebSocket, 0},
		{"a zero byte", once("HTTP/1.1 101 x\r\nUpgrade: web\x00socket\r\n\r\n"), ReasonNotWebSocket, 0},
		{"status 099", once("HTTP/1.1 099 x\r\n\r\n"), ReasonNotWebSocket, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			s := victim(t, Options{URL: "ws://" + serve(t, tt.handle), HandshakeTimeout: quick}, Handler{
				OnOpen: func(*Conn, OpenInfo) error { t.Error("it opened"); return nil },
			})
			var e *DialError
			if !errors.As(s.Err, &e) || e.Reason != tt.reason || e.HTTPStatus != tt.status || e.Stage != StageHandshake || len(e.Body) > 1<<10 {
				t.Errorf("it ended with %v (%#v)", s.Err, e)
			}
			bounded(t, before, 4<<20)
		})
	}
}

// D-43: redirects that lead in a circle end, and so does each one after the other.
func TestAttackWithRedirects(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(c net.Conn) {
		n := asked.Add(1)
		answers(fmt.Sprintf("HTTP/1.1 307 x\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n", n))(c)
	})
	s := victim(t, Options{URL: "ws://" + addr, FollowRedirects: true}, Handler{})
	var e *DialError
	if !errors.As(s.Err, &e) || e.Reason != ReasonRedirect || asked.Load() != 6 {
		t.Errorf("after %d requests %v", asked.Load(), s.Err)
	}
}

// D-08: however long a server asks us to stay away, it is MaxHint at most.
func TestAttackWithRetryAfter(t *testing.T) {
	for value, most := range map[string]time.Duration{
		"99999999999999999999999":       time.Hour,
		"9223372036854775807":           time.Hour,
		"3600.5":                        0,
		"-1":                            0,
		"1e9":                           0,
		"Fri, 31 Dec 9999 23:59:59 GMT": time.Hour,
		"Thu, 01 Jan 1970 00:00:00 GMT": 0,
		"Fri, 99 Dec 2026 23:59:59 GMT": 0,
	} {
		t.Run(value, func(t *testing.T) {
			addr := serve(t, answers("HTTP/1.1 503 x\r\nRetry-After: "+value+"\r\nContent-Length: 0\r\n\r\n"))
			failed := make(chan *DialError, 10)
			c := New(Options{URL: "ws://" + addr, Proxy: NoProxy, Logger: quiet, Jitter: -1}, Handler{
				OnError: func(c *Conn, e *DialError) {
					failed <- e
					_ = c.Stop(context.Background(), 0, "")
				},
			})
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			e := <-failed
			<-c.Done()
			if want := most + 100*time.Millisecond; e.NextWait != want {
				t.Errorf("it waits %v, want %v", e.NextWait, want)
			}
		})
	}
}
