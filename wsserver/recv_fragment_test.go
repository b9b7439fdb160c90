package wsserver_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// on each wire messages of all kinds and sizes come in pieces, with their kind, the first
// told as first and the last as final, and never to OnMessage; none is cut without need.
func TestPiecesOnEachWire(t *testing.T) { onDrivers(t, testPiecesOnEachWire) }

func testPiecesOnEachWire(t *testing.T) {
	for _, wire := range wires {
		t.Run(wire, func(t *testing.T) {
			l := newLobby(true)
			type message struct {
				op   client.Opcode
				size int
				sum  uint32
			}
			got := make(chan message, 100)
			var m message
			open := false
			pieces := 0
			l.fragment = func(_ *visitor, f client.Fragment) error {
				if f.First == open || f.First && len(f.Data) == 0 && !f.Final || !f.First && f.Op != m.op {
					return fmt.Errorf("piece %+v, open %v", f, open)
				}
				if f.First {
					m = message{op: f.Op}
				}
				pieces++
				m.size, m.sum, open = m.size+len(f.Data), crc32.Update(m.sum, crc32.IEEETable, f.Data), !f.Final
				if f.Final {
					got <- m
				}
				return nil
			}
			_, _, p := l.visitOver(t, wire, wsserver.Config{})
			for _, size := range []int{0, 1, 10, 125, 126, 1000, 16 << 10, 65_535, 65_536, 1 << 20, 3<<20 + 1} {
				data := noiseOf(size)
				for _, f := range [][]wstest.Frame{
					{wstest.Binary(data)}, wstest.Binary(data).Split(size/2, 0), {wstest.Text(strings.Repeat("x", size))},
				} {
					p.Send(f...)
					want := message{client.Opcode(f[0].Op), size, crc32.ChecksumIEEE(data)}
					if f[0].Op == wstest.OpText {
						want.sum = crc32.ChecksumIEEE(f[0].Payload)
					}
					select {
					case m := <-got:
						if m != want {
							t.Fatalf("received %v, want %v", m, want)
						}
					case <-time.After(20 * time.Second):
						t.Fatalf("%v does not come", want)
					}
				}
			}
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
			if i := l.ended(t); i.Code != 1000 || l.count("OnMessage") > 0 || pieces > 20_000 {
				t.Errorf("it ends with %v, %d pieces, %d whole messages", i, pieces, l.count("OnMessage"))
			}
		})
	}
}

// without a limit a message of a class of pieces may have any size, compressed or not; with one
// it has that, and a class of whole messages always has one.
func TestLimitOfPieces(t *testing.T) {
	const size = 4 << 20
	for _, tt := range []struct {
		pieces bool
		limit  int64
		over   bool
	}{{true, 0, false}, {true, size, false}, {true, size - 1, true}, {true, 10, true}, {false, 0, true}, {false, size, false}, {false, size - 1, true}} {
		for _, zip := range []bool{false, true} {
			for _, cut := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(tt.pieces)
					got := int64(0)
					l.fragment = func(_ *visitor, f client.Fragment) error { got += int64(len(f.Data)); return nil }
					l.message = func(_ *visitor, m client.Message) error { got += int64(len(m.Data)); return nil }
					srv := newServerOf(t, l, wsserver.Config{MaxMessageSize: tt.limit, Compression: client.Compression{Mode: client.CompressionMessage}})
					p := wstest.OpenDeflate(raw(t, serve(t, srv)), "/", "permessage-deflate")
					f := wstest.Binary(make([]byte, size))
					if zip {
						f = p.Compressed(wstest.OpBinary, make([]byte, size))
					}
					frames := []wstest.Frame{f}
					if cut {
						frames = f.Split(len(f.Payload)/2, 1)
					}
					go p.TryWrite(p.Encode(append(frames, wstest.Close(1000, ""))...))
					code, _ := p.ReadClose()
					p.TryWrite(p.Encode(wstest.Close(1000, "")))
					p.Conn.Close()
					synctest.Wait()
					i := l.ended(t)
					limit := tt.limit
					if limit == 0 {
						limit = 1 << 20
					}
					switch {
					case tt.over && (code != 1009 || i.Code != 1009 || got > limit):
						t.Errorf("%+v, zip %v: %d bytes are delivered, closed with %d, %v", tt, zip, got, code, i)
					case !tt.over && (code != 1000 || got != size):
						t.Errorf("%+v, zip %v: %d bytes are delivered, closed with %d, %v", tt, zip, got, code, i)
					}
				})
			}
		}
	}
}

// a header may announce more than there is memory: what has come of it is delivered, and the
// announcement costs nothing.
func TestPiecesOfAGiantMessage(t *testing.T) { onDrivers(t, testPiecesOfAGiantMessage) }

func testPiecesOfAGiantMessage(t *testing.T) {
	for _, wire := range wires {
		l := newLobby(true)
		var got atomic.Int64
		l.fragment = func(_ *visitor, f client.Fragment) error {
			if f.Final || f.First != (got.Load() == 0) {
				return fmt.Errorf("first %v, final %v after %d bytes", f.First, f.Final, got.Load())
			}
			got.Add(int64(len(f.Data)))
			return nil
		}
		_, v, p := l.visitOver(t, wire, wsserver.Config{})
		p.SendHeader(wstest.Binary(nil), 10<<30)
		p.Write(make([]byte, 300_000))
		eventually(t, "what was sent", func() bool { return got.Load() == 300_000 || !v.Connected() })
		p.Conn.Close()
		if i := l.ended(t); i.Code != 1006 || !i.Remote || !errors.Is(i.Cause, io.EOF) {
			t.Errorf("%s: it ends with %v", wire, i)
		}
	}
}

// what is bad is told as soon as it is known: the peer has not sent the rest.
func TestBadPiecesAreToldAtOnce(t *testing.T) {
	zipped := func(text string) []byte { return wstest.NewDeflater(15, false).Deflate([]byte(text)) }
	for _, tt := range []struct {
		name string
		in   []byte
		code int
		part string // that is delivered
	}{
		{"text", append(wstest.Text("").Header(1<<40), "good \xff"...), 1007, ""},
		{"text in a later frame", append(wstest.Text("good €"[:6]).Open().Bytes(), append(wstest.Continuation(nil).Header(1<<40), 0xff)...), 1007, "good "},
		{"overlong over two frames", append(wstest.Text("good \xe0").Open().Bytes(), append(wstest.Continuation(nil).Header(100), 0x80)...), 1007, "good "},
		{"compressed text", append(wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1}.Header(1<<40), append(zipped("good \xff"), 0, 0, 0xff, 0xff)...), 1007, ""},
		{"compressed data", append(wstest.Frame{Op: wstest.OpBinary, RSV: wstest.RSV1}.Header(1<<40), append(append(zipped("good "), 0, 0, 0xff, 0xff), 6)...), 1007, "good "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(true)
				got := ""
				l.fragment = func(_ *visitor, f client.Fragment) error { got += string(f.Data); return nil }
				srv := newServerOf(t, l, wsserver.Config{Compression: client.Compression{Mode: client.CompressionMessage}})
				p := wstest.OpenDeflate(raw(t, serve(t, srv)), "/", "permessage-deflate")
				start := time.Now()
				p.Write(tt.in)
				p.WantClose(tt.code)
				if time.Since(start) != 0 || !strings.HasPrefix("good ", got) || len(got) < len(tt.part) {
					t.Errorf("after %v, %q was delivered", time.Since(start), got)
				}
				p.WantEnd()
				p.Conn.Close()
				synctest.Wait()
				if i := l.ended(t); i.Code != client.StatusCode(tt.code) || i.Remote {
					t.Errorf("it ends with %v", i)
				}
			})
		})
	}
}

// while a piece is worked on nothing more is read: the peer has to wait.
func TestPiecesPushBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(true)
		var got, sent atomic.Int64
		l.fragment = func(_ *visitor, f client.Fragment) error {
			got.Add(int64(len(f.Data)))
			time.Sleep(time.Minute)
			return nil
		}
		_, _, p := l.visitNarrow(t, wsserver.Config{PingInterval: -1}, 1000)
		go func() {
			for range 100 {
				p.Write(wstest.Binary(make([]byte, 992)).Bytes())
				sent.Add(1)
			}
		}()
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if sent.Load() > 12 || got.Load() == 0 {
			t.Errorf("%d messages were written while %d bytes were worked on", sent.Load(), got.Load())
		}
		time.Sleep(1000 * time.Minute)
		p.Conn.Close()
	})
}

// control events come between the pieces, where they were sent.
func TestControlEventsBetweenPieces(t *testing.T) {
	for _, zip := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLobby(true)
			l.fragment = func(_ *visitor, f client.Fragment) error { l.add(string(f.Data)); return nil }
			l.ping = func(_ *visitor, p []byte) error { l.add(string(p)); return nil }
			l.pong = l.ping
			srv := newServerOf(t, l, wsserver.Config{Compression: client.Compression{Mode: client.CompressionMessage}})
			p := wstest.OpenDeflate(raw(t, serve(t, srv)), "/", "permessage-deflate")
			var frames []wstest.Frame
			for i, s := range []string{"one", "two", "three"} {
				f := wstest.Frame{Op: wstest.OpContinuation, More: i < 2, Payload: []byte(s)}
				if i == 0 {
					f.Op = wstest.OpText
				}
				if zip {
					f.Payload = wstest.NewDeflater(15, false).Deflate(f.Payload)
					if i == 0 {
						f.RSV = wstest.RSV1
					}
					if f.More {
						f.Payload = append(f.Payload, 0, 0, 0xff, 0xff)
					}
				}
				frames = append(frames, f, wstest.Ping(fmt.Appendf(nil, "ping %d", i)), wstest.Pong(fmt.Appendf(nil, "pong %d", i)))
			}
			p.Send(frames...)
			synctest.Wait()
			var got []string
			for _, s := range l.lines() {
				if !strings.HasPrefix(s, "On") && s != "" {
					got = append(got, s)
				}
			}
			if s := strings.Join(got, ", "); s != "one, ping 0, pong 0, two, ping 1, pong 1, three, ping 2, pong 2" {
				t.Errorf("zip %v: events are %s", zip, s)
			}
			p.Conn.Close()
		})
	}
}

// an end inside of a message is an end: no final piece comes.
func TestEndInsideOfPieces(t *testing.T) {
	for name, in := range map[string][]byte{
		"frame":    append(wstest.Binary(nil).Header(1000), "some"...),
		"fragment": wstest.Text("some").Open().Bytes(),
		"rune":     wstest.Text("some\xe2\x82").Open().Bytes(),
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLobby(true)
			got := ""
			l.fragment = func(_ *visitor, f client.Fragment) error {
				if got += string(f.Data); f.Final {
					t.Error("a final piece comes")
				}
				return nil
			}
			_, _, p := l.visit(t, wsserver.Config{})
			p.Write(in)
			p.CloseWrite()
			p.WantEnd()
			synctest.Wait()
			if i := l.ended(t); got != "some" || i.Code != 1006 || !i.Remote || !errors.Is(i.Cause, io.EOF) {
				t.Errorf("%s: %q, it ends with %v", name, got, i)
			}
		})
	}
}

// the pieces of a message may be sent on while they come: a relay of any size in little memory.
func TestPiecesMayBeSentOn(t *testing.T) { onDrivers(t, testPiecesMayBeSentOn) }

func testPiecesMayBeSentOn(t *testing.T) {
	for _, wire := range wires {
		l := newLobby(true)
		var w *client.MessageWriter
		l.fragment = func(v *visitor, f client.Fragment) error {
			if f.First {
				w = v.Writer(f.Op)
			}
			if _, err := w.Write(f.Data); err != nil {
				return err
			}
			if f.Final {
				return w.Close()
			}
			return w.Flush()
		}
		_, _, p := l.visitOver(t, wire, wsserver.Config{})
		data := noiseOf(2 << 20)
		go p.TryWrite(p.Encode(wstest.Binary(data).Split(1, 1<<20)...))
		p.WantMessage(wstest.OpBinary, data)
		p.Send(wstest.Close(1000, ""))
		p.WantClose(1000)
		if i := l.ended(t); i.Code != 1000 {
			t.Errorf("%s: %v", wire, i)
		}
	}
}

// many clients of one server do not mix up their messages.
func TestPiecesOfManyClients(t *testing.T) { onDriversAtOnce(t, testPiecesOfManyClients) }

func testPiecesOfManyClients(t *testing.T) {
	l := newLobby(true)
	var parts [20]bytes.Buffer
	l.fragment = func(v *visitor, f client.Fragment) error {
		b := &parts[v.ID()%20]
		b.Write(f.Data)
		if !f.Final {
			return nil
		}
		defer b.Reset()
		return v.SendBinary(b.Bytes())
	}
	srv := newServerOf(t, l, wsserver.Config{Addr: "127.0.0.1:0", CloseTimeout: 100 * time.Millisecond}) // nobody will answer
	addr := open(t, srv)
	done := make(chan error, 20)
	for id := range 20 {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		go func() {
			for i := range 50 {
				data := bytes.Repeat(binary.BigEndian.AppendUint32(nil, uint32(id<<16|i)), 1+i*97)
				if err := p.TryWrite(p.Encode(wstest.Binary(data).Split(len(data) / 3)...)); err != nil {
					done <- err
					return
				}
				if m, err := p.TryMessage(); err != nil || !bytes.Equal(m.Data, data) {
					done <- fmt.Errorf("%d bytes come back for %d: %w", len(m.Data), len(data), err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
