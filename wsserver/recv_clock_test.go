package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// trickles are messages that take long to come, as bytes.
func trickles(p *wstest.Peer) map[string][]byte {
	data := noiseOf(200_000)
	small := noiseOf(3000)
	list := map[string][]byte{
		"a large frame":     p.Encode(wstest.Binary(data)),
		"a small frame":     p.Encode(wstest.Binary(small)),
		"fragments":         p.Encode(wstest.Binary(data).Split(slices.Repeat([]int{999}, 200)...)...),
		"text":              p.Encode(wstest.Text(string(bytes.Repeat([]byte("Grüße 𝄞 "), 10_000)))),
		"compressed":        nil,
		"compressed, small": nil,
	}
	if p.Agreement == nil {
		return list
	}
	list["compressed"] = p.Encode(p.Compressed(wstest.OpBinary, data))
	list["compressed, small"] = p.Encode(p.Compressed(wstest.OpBinary, small).Split(500, 500)...)
	return list
}

// noiseOf is n bytes that do not compress.
func noiseOf(n int) []byte {
	p := make([]byte, n)
	x := uint32(7)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}

// K-06, K-09: while a message is on its way nobody is dead or idle, however it comes and however it
// is delivered; behind its last byte the clocks begin.
func TestMessageThatTricklesIsLife(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		for _, name := range []string{"a large frame", "a small frame", "fragments", "text", "compressed", "compressed, small"} {
			for _, cfg := range []wsserver.Config{{}, {PingInterval: -1, IdleTimeout: time.Minute}} {
				t.Run(fmt.Sprintf("%s, pieces %v, idle %v", name, pieces, cfg.IdleTimeout), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l, whole := newLobby(pieces), 0
						l.collect(func(*visitor, client.Opcode, []byte) error { whole++; return nil })
						cfg.Compression = client.Compression{Mode: client.CompressionMessage}
						srv := newServerOf(t, l, cfg)
						p := wstest.OpenDeflate(raw(t, serve(t, srv)), "/", "permessage-deflate")
						in := trickles(p)[name]
						for n := len(in)/60 + 1; len(in) > 0; {
							n = min(n, len(in))
							p.Write(in[:n])
							if in = in[n:]; len(in) > 0 {
								time.Sleep(39 * time.Second) // less than a ping and its answer, and than a minute
							}
						}
						synctest.Wait()
						if !l.lives() || whole != 1 {
							t.Fatalf("%d messages, it ends with %v", whole, l.ended(t))
						}
						start := time.Now()
						time.Sleep(time.Hour)
						synctest.Wait()
						want, cause := 40*time.Second, client.ErrPingTimeout
						if cfg.IdleTimeout > 0 {
							want, cause = cfg.IdleTimeout, client.ErrIdleTimeout
						}
						if i := l.ended(t); l.at.Sub(start) != want+5*time.Second || !errors.Is(i.Cause, cause) {
							t.Errorf("then it ends after %v with %v", l.at.Sub(start), i)
						}
					})
				})
			}
		}
	}
}

// K-09: a message that does not go on is idle, as one that has not begun; bytes that are not of a message
// do not count.
func TestMessageThatStopsIsIdle(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		for name, part := range map[string][]byte{
			"inside a small frame": wstest.Binary(make([]byte, 1000)).Bytes()[:500],
			"inside a large frame": wstest.Binary(make([]byte, 200_000)).Bytes()[:150_000],
			"between fragments":    wstest.Text("half").Open().Bytes(),
		} {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(pieces)
				_, v, p := l.visit(t, wsserver.Config{PingInterval: -1, IdleTimeout: time.Minute})
				p.Write(part)
				start := time.Now()
				for range 5 {
					time.Sleep(10 * time.Second)
					if name == "between fragments" {
						p.Send(wstest.Ping(nil))
					}
					if err := v.SendText("what we send does not count"); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if i := l.ended(t); l.at.Sub(start) != 65*time.Second || !errors.Is(i.Cause, client.ErrIdleTimeout) {
					t.Errorf("%s, pieces %v: it ends after %v with %v", name, pieces, l.at.Sub(start), i)
				}
			})
		}
	}
}

// slowly gives n bytes, a few at a time.
type slowly struct{ left int }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), s.left)
	s.left -= n
	return n, nil
}

// K-06, K-12: a message that is sent in pieces to a peer that takes it slowly is life, though its pongs
// wait behind what it has to read; a peer that takes nothing ends with the stall.
func TestStreamToASlowPeerIsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(true)
		_, v, p := l.visitNarrow(t, wsserver.Config{}, 2000)
		const size = 500_000
		done := make(chan error, 1)
		go func() { done <- v.SendReader(context.Background(), client.OpBinary, &slowly{size}) }()
		buf := make([]byte, 3000)
		for read := 0; read < size; {
			time.Sleep(9 * time.Second)
			_ = p.Conn.SetReadDeadline(time.Time{})
			n, err := p.Conn.Read(buf)
			if err != nil {
				t.Fatalf("behind %d bytes: %v, %v", read, err, l.ended(t))
			}
			read += n
		}
		go io.Copy(io.Discard, p.Conn)
		if err := <-done; err != nil {
			t.Errorf("SendReader = %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(true)
		_, v, _ := l.visitNarrow(t, wsserver.Config{}, 2000)
		start := time.Now()
		err := v.SendReader(context.Background(), client.OpBinary, &slowly{500_000})
		if took := time.Since(start); err == nil || took < 10*time.Second || took > 12*time.Second {
			t.Errorf("SendReader = %v after %v", err, took)
		}
		time.Sleep(time.Minute)
		if i := l.ended(t); i.Code != 1006 || !errors.Is(i.Cause, client.ErrWriteTimeout) {
			t.Errorf("it ends with %v", i)
		}
	})
}

// K-06: a handler of pieces that runs long is not the peer's fault, and neither is one about the queue.
func TestLongPiecesAreNotThePeersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(true)
		var inside atomic.Int32
		l.fragment = func(*visitor, client.Fragment) error {
			inside.Add(1)
			time.Sleep(10 * time.Minute)
			return nil
		}
		_, _, p := l.visit(t, wsserver.Config{IdleTimeout: 2 * time.Minute})
		p.Send(wstest.Text("one message in three pieces").Split(5, 5)...)
		start := time.Now()
		time.Sleep(30*time.Minute + 5*time.Second)
		if !l.lives() || inside.Load() != 3 {
			t.Fatalf("%d pieces, it ends with %v", inside.Load(), l.ended(t))
		}
		time.Sleep(time.Hour) // no pong comes
		synctest.Wait()
		if i := l.ended(t); !errors.Is(i.Cause, client.ErrPingTimeout) || l.at.Sub(start) > 32*time.Minute {
			t.Errorf("after %v it ends with %v", l.at.Sub(start), i)
		}
	})
}

// K-06, K-09, K-10, K-11, K-12: each clock ends a class of pieces with its own code and cause, at its own time, in the middle
// of a message too; the lifetime up to a tenth earlier.
func TestClocksOfPieces(t *testing.T) {
	for _, tt := range []struct {
		name     string
		cfg      wsserver.Config
		do       func(v *visitor)
		from, to time.Duration
		code     client.StatusCode
		cause    error
	}{
		{"ping", wsserver.Config{}, nil, 45 * time.Second, 45 * time.Second, 1011, client.ErrPingTimeout},
		{"idle", wsserver.Config{IdleTimeout: 20 * time.Second}, nil, 25 * time.Second, 25 * time.Second, 1001, client.ErrIdleTimeout},
		{"lifetime", wsserver.Config{MaxLifetime: 20 * time.Second}, nil, 23 * time.Second, 25 * time.Second, 1012, client.ErrLifetime},
		{"close wait", wsserver.Config{CloseTimeout: 7 * time.Second}, func(v *visitor) { v.Close(4000, "") }, 7 * time.Second, 7 * time.Second, 4000, client.ErrCloseTimeout},
		{"stall", wsserver.Config{WriteTimeout: 8 * time.Second}, func(v *visitor) { v.SendBinary(make([]byte, 900_000)) }, 8 * time.Second, 9 * time.Second, 1006, client.ErrWriteTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(true)
				_, v, p := l.visitNarrow(t, tt.cfg, 1000)
				start := time.Now()
				p.Send(wstest.Text("half a message and").Open())
				if tt.do != nil {
					tt.do(v)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				i := l.ended(t)
				if took := l.at.Sub(start); took < tt.from || took > tt.to || i.Code != tt.code || !errors.Is(i.Cause, tt.cause) || i.Remote {
					t.Errorf("it ends after %v with %v", took, i)
				}
				p.Conn.Close()
			})
		})
	}
	ages := map[time.Duration]bool{}
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			l := newLobby(true)
			_, _, p := l.visit(t, wsserver.Config{MaxLifetime: 100 * time.Second, PingInterval: -1})
			start := time.Now()
			p.WantClose(1012)
			age := time.Since(start)
			ages[age] = true
			if age < 90*time.Second || age > 100*time.Second {
				t.Errorf("it ends after %v", age)
			}
			p.Send(wstest.Close(1012, ""))
			p.WantEnd()
		})
	}
	if len(ages) < 10 {
		t.Errorf("20 clients end at %d times", len(ages))
	}
}
