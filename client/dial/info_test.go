package dial

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// D-01, D-02, D-16, D-17, D-19, D-34 to D-39: what it tells of itself, before, while and after
// it is open.
func TestInfo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		h.down()
		c := begin(t, h, Handler{}, waitingQueue(100), func(o *Options) {
			o.URL = "ws://anna:secret@server.example:81/a/b?c=d"
			o.MaxWait, o.PingInterval, o.NoReconnect = time.Minute, time.Hour, false
			o.Compression.Mode = client.CompressionContext
			o.SubProtocols = []string{"x"}
		})
		i := c.Info()
		if i.URL != "ws://server.example:81/a/b?c=d" || i.State != Closed || !i.CompressionOffered || i.CompressionNegotiated ||
			!i.Reconnect || i.MaxWait != time.Minute || i.PingInterval != time.Hour || i.Attempt != 0 || i.Opened != 0 || !i.NextAttempt.IsZero() {
			t.Errorf("at first it is %+v", i)
		}
		start(t, c)
		_ = c.SendText("waits")
		i = c.Info()
		if i.State != Connecting || i.Attempt != 1 || i.LastError == nil || i.QueuedAmount != 5 || i.QueuedMessages != 1 || i.BufferedAmount != 5 ||
			time.Until(i.NextAttempt) != 100*time.Millisecond {
			t.Errorf("while it waits it is %+v", i)
		}
		h.cfg.Compression.Mode = client.CompressionContext
		h.cfg.SubProtocols = []string{"x"}
		h.up()
		pass(time.Second)
		i = c.Info()
		if i.State != Open || i.Opened != 1 || !i.CompressionNegotiated || !i.Open.Compression || i.Open.Protocol != "x" ||
			i.Open.Status != 101 || i.Open.URI != "/a/b?c=d" || i.Open.Header.Get("Upgrade") == "" || i.LastError != nil || i.QueuedAmount != 0 {
			t.Errorf("open it is %+v", i)
		}
		if h := c.Client().Header(); h.Get("Authorization") == "" || c.Client().SubProtocol() != "x" || c.Client().HostHeader() != "server.example:81" {
			t.Errorf("the request was %v", h)
		}
		if err := c.Stop(t.Context(), 0, ""); err != nil {
			t.Error(err)
		}
		if i = c.Info(); i.State != Closed || i.CompressionNegotiated || i.Opened != 1 || i.Open.Protocol != "x" {
			t.Errorf("in the end it is %+v", i)
		}
	})
}

// D-07: what both sides compress arrives, with a window and without.
func TestCompressedTalk(t *testing.T) {
	for _, mode := range []client.CompressionMode{client.CompressionMessage, client.CompressionContext} {
		bubble(t, func(t *testing.T) {
			h := newHouse(t)
			h.down()
			h.cfg.Compression = client.Compression{Mode: mode}
			h.up()
			var got []string
			c := begin(t, h, Handler{OnMessage: func(_ *Conn, m client.Message) error { got = append(got, string(m.Data)); return nil }}, func(o *Options) {
				o.Compression = client.Compression{Mode: mode, Threshold: -1}
			})
			start(t, c)
			want := make([]string, 50)
			for i := range want {
				want[i] = strings.Repeat("the same again ", i*i)
				if err := c.SendText(want[i]); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if !slices.Equal(got, want) {
				t.Errorf("%v: %d messages came back", mode, len(got))
			}
			if s := c.Client().Stats(); s.BytesOut > 50_000 || s.BytesIn > 50_000 {
				t.Errorf("%v: %d bytes out, %d in", mode, s.BytesOut, s.BytesIn)
			}
		})
	}
}

// mute is a server in memory without manners, for one connection after the other.
type mute struct {
	t     *testing.T
	mu    sync.Mutex // guards the following
	conns []net.Conn
}

// accept makes a Conn reach it.
func (m *mute) accept(answer func(n int, conn net.Conn)) func(o *Options) {
	return func(o *Options) { o.Dial = servedBy(m, answer) }
}

// D-04, D-42: pings are sent, and a server that does not answer is left with 1011; of that
// connection nothing reaches the next.
func TestPingTimeoutLeavesNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d, m := &diary{t: t}, &mute{t: t}
		first := make(chan wstest.Frame, 10)
		release := make(chan struct{})
		c := begin(t, newHouse(t), d.handler(), func(o *Options) { o.PingInterval, o.PongTimeout = 10*time.Second, 5*time.Second }, m.accept(func(n int, conn net.Conn) {
			if n > 1 {
				f, err := wstest.ReadFrame(conn, true, 0)
				if err != nil || string(f.Payload) != "hello" {
					t.Errorf("the second connection begins with %+v, %v", f, err)
				}
				<-release
				return
			}
			for {
				f, err := wstest.ReadFrame(conn, true, 0)
				if err != nil {
					return
				}
				first <- f
			}
		}))
		start(t, c)
		pass(9 * time.Second)
		if len(first) != 0 {
			t.Errorf("too early: %+v", <-first)
		}
		pass(2 * time.Second)
		if f := <-first; f.Op != wstest.OpPing || len(first) != 0 {
			t.Fatalf("after the interval came %+v", f)
		}
		pass(4500 * time.Millisecond)
		if s := c.State(); s != Closing {
			t.Errorf("without an answer it is %v", s)
		}
		pass(6 * time.Second) // CloseTimeout, and the next attempt
		_ = c.SendText("hello")
		pass(time.Second)
		close(release)
		d.want("open 1, close 1011, open 1")
	})
}

// D-06: pings are answered, unless the class wants to do it.
func TestAnswersPings(t *testing.T) {
	for _, off := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			m := &mute{t: t}
			var answers atomic.Int32
			c := begin(t, newHouse(t), Handler{}, func(o *Options) { o.DisablePong, o.PingInterval = off, -1 }, m.accept(func(_ int, conn net.Conn) {
				ping := wstest.Ping([]byte("x"))
				ping.Unmasked = true
				if _, err := conn.Write(ping.Bytes()); err != nil {
					t.Error(err)
				}
				for {
					f, err := wstest.ReadFrame(conn, true, 0)
					if err != nil {
						return
					}
					if f.Op == wstest.OpPong && string(f.Payload) == "x" {
						answers.Add(1)
					}
				}
			}))
			start(t, c)
			pass(time.Hour)
			if want := map[bool]int32{false: 1}[off]; answers.Load() != want {
				t.Errorf("DisablePong %v: %d answers", off, answers.Load())
			}
			if err := c.Ping([]byte("mine")); err != nil {
				t.Error(err)
			}
		})
	}
}

// servedBy dials m: each connection is answered with 101 and left to answer, n counting
// them from 1.
func servedBy(m *mute, answer func(n int, conn net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := memnet.Pipe(0)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.conns = append(m.conns, far)
		n := len(m.conns)
		go func() {
			defer far.Close()
			r, err := http.ReadRequest(bufio.NewReader(far))
			if err != nil {
				m.t.Error(err)
				return
			}
			b, _ := handshake.AppendSwitching(nil, r.Header.Get("Sec-WebSocket-Key"), "", "", nil)
			if _, err := far.Write(b); err == nil {
				answer(n, far)
			}
		}()
		return near, nil
	}
}

// D-07: that the server's window is larger than it was asked to be is logged once for each
// start, and what it sends from far back is read.
func TestLargerWindowIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		var got []string
		c := New(Options{
			URL: "ws://x", Proxy: NoProxy, Logger: slog.New(slog.NewTextHandler(&log, nil)), Jitter: -1,
			Compression: client.Compression{Mode: client.CompressionContext, WindowBits: 9},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := memPipe()
				go func() {
					r, err := http.ReadRequest(bufio.NewReader(far))
					if err != nil {
						return
					}
					accept := string(handshake.AppendAccept(nil, r.Header.Get("Sec-WebSocket-Key")))
					_, _ = io.WriteString(far, strings.ReplaceAll(switching("Sec-WebSocket-Extensions: permessage-deflate"), "ACCEPT", accept))
					far.Write(farBack())
					time.Sleep(time.Second)
					far.Close()
				}()
				return near, nil
			},
		}, Handler{OnMessage: func(_ *Conn, m client.Message) error {
			got = append(got, string(m.Data[len(m.Data)-4:]))
			return nil
		}})
		start(t, c)
		pass(10 * time.Second)
		_ = c.Stop(t.Context(), 0, "")
		if n := strings.Count(log.String(), "larger window"); n != 1 || len(got) < 4 || got[0] != "head" || got[1] != "head" {
			t.Errorf("%d lines, messages that end with %q", n, got)
		}
		if opened := c.Info().Opened; len(got) != 2*opened {
			t.Errorf("%d messages on %d connections", len(got), opened)
		}
	})
}

// farBack are two messages that refer to what was 20 KiB before.
func farBack() []byte {
	var zipped bytes.Buffer
	z, err := flate.NewWriter(&zipped, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	var wire []byte
	filler := make([]byte, 20<<10)
	rand.NewChaCha8([32]byte{}).Read(filler)
	for _, m := range [][]byte{slices.Concat([]byte("headhead"), filler, []byte("headhead")), slices.Concat(filler[:64], []byte("headhead"))} {
		z.Write(m)
		z.Flush()
		b := bytes.TrimSuffix(zipped.Bytes(), []byte("\x00\x00\xff\xff")) // RFC 7692 section 7.2.1
		wire = append(transport.AppendHeader(wire, 0xc2, len(b)), b...)
		zipped.Reset()
	}
	return wire
}
