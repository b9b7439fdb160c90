package wsserver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// numbered are n tiny messages that count.
func numbered(n int) (out []byte) {
	for i := range n {
		f := wstest.Binary(binary.BigEndian.AppendUint32(nil, uint32(i)))
		f.Key = [4]byte{1, 2, 3, byte(i)}
		out = f.Append(out)
	}
	return out
}

// from the event that pauses on no event comes, however much is in the buffers
// already, and nothing is lost in some 200 pauses: 20,001 of 20,001.
func TestPauseStopsWhatHasComeAlready(t *testing.T) { onDrivers(t, testPauseStopsWhatHasComeAlready) }

func testPauseStopsWhatHasComeAlready(t *testing.T) {
	onEachWire(t, func(t *testing.T, l *lobby, wire string) {
		const n = 20_001
		var paused atomic.Bool
		var next atomic.Uint32
		resume := make(chan *visitor, 1)
		l.collect(func(v *visitor, _ client.Opcode, data []byte) error {
			if got := binary.BigEndian.Uint32(data); got != next.Load() || paused.Load() {
				return fmt.Errorf("message %d comes for %d, paused %v", got, next.Load(), paused.Load())
			}
			if i := next.Add(1); i%97 == 0 || i == 1 {
				v.SetAcceptData(false)
				paused.Store(true)
				resume <- v
			}
			return nil
		})
		_, v, p := l.visitOver(t, wire, wsserver.Config{})
		go func() {
			for v := range resume {
				for range 1 + next.Load()%50 {
					runtime.Gosched()
				}
				paused.Store(false)
				v.SetAcceptData(true)
			}
		}()
		p.Write(numbered(n))
		eventually(t, "all of it", func() bool { return next.Load() == n || !v.Connected() })
		p.Send(wstest.Close(1000, ""))
		if i := l.ended(t); i.Code != 1000 || next.Load() != n {
			t.Errorf("%d of %d messages, %v", next.Load(), n, i)
		}
		close(resume)
	})
}

// while it is paused no event comes, no ping is answered, and no close is seen;
// behind it all of it happens in its order. The event that pauses may be any.
func TestPauseHoldsEverythingBack(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		for _, where := range []string{"OnClientConnect", "OnMessage", "OnFragment", "OnPing", "OnPong", "outside"} {
			if pieces && where == "OnMessage" || !pieces && where == "OnFragment" {
				continue
			}
			t.Run(fmt.Sprintf("pieces %v, in %s", pieces, where), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l, once := newLobby(pieces), false
					pausing := func(event string, v *visitor) error {
						if event == where && !once {
							once = true
							v.SetAcceptData(false)
						}
						return nil
					}
					l.connect = func(v *visitor) error { return pausing("OnClientConnect", v) }
					l.message = func(v *visitor, _ client.Message) error { return pausing("OnMessage", v) }
					l.fragment = func(v *visitor, _ client.Fragment) error { return pausing("OnFragment", v) }
					l.ping = func(v *visitor, _ []byte) error { return pausing("OnPing", v) }
					l.pong = func(v *visitor, _ []byte) error { return pausing("OnPong", v) }
					_, v, p := l.visit(t, wsserver.Config{PingInterval: -1})
					if where == "outside" {
						synctest.Wait()
						v.SetAcceptData(false)
					}
					synctest.Wait()
					sent := v.Stats().BytesOut
					data := "OnMessage"
					if pieces {
						data = "OnFragment"
					}
					first := map[string]wstest.Frame{"OnPing": wstest.Ping([]byte("0")), "OnPong": wstest.Pong([]byte("0"))}[where]
					if first.Op == 0 {
						first = wstest.Text("0")
					}
					p.Send(first, wstest.Ping([]byte("1")), wstest.Ping([]byte("2")), wstest.Text("a"), wstest.Pong([]byte("3")),
						wstest.Text("b").Open(), wstest.Ping([]byte("4")), wstest.Continuation([]byte("c")), wstest.Close(4000, ""))
					time.Sleep(time.Hour)
					synctest.Wait()
					want := []string{"OnClientConnect"}
					held := []string{data, "OnPing", "OnPing", data, "OnPong", data, "OnPing", data, "OnClientDisconnect"}
					switch where {
					case "OnPing", "OnPong":
						held[0] = where
						fallthrough
					case "OnMessage", "OnFragment":
						want, held = append(want, held[0]), held[1:]
					}
					if !pieces { // the two fragments are one message, behind the ping between them
						held = slices.Delete(held, len(held)-4, len(held)-3)
					}
					l.want(t, want...)
					if !v.Connected() {
						t.Fatal("the peer's close was seen")
					}
					if where == "OnPing" {
						p.WantPong([]byte("0"))
						sent += 3
					}
					if n := v.Stats().BytesOut; n != sent {
						t.Errorf("%d bytes are sent in the pause", n-sent)
					}
					v.SetAcceptData(true)
					for pong := ""; pong != "4"; { // which replaces those before it, or follows them
						pong = string(p.ReadPong())
					}
					p.WantClose(4000)
					synctest.Wait()
					l.want(t, append(want, held...)...)
				})
			})
		}
	}
}

// a pause holds in the middle of what one read has brought: of a compressed message that becomes many pieces,
// of text behind a rune, of records.
func TestPauseInsideOfAMessage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		length int // of records
		frames func(p *wstest.Peer) []wstest.Frame
		events int
	}{
		{"compressed", 0, func(p *wstest.Peer) []wstest.Frame {
			return []wstest.Frame{p.Compressed(wstest.OpBinary, make([]byte, 200_000))}
		}, 8},
		{"text behind a rune", 0, func(*wstest.Peer) []wstest.Frame { return wstest.Text("𝄞text").Split(1) }, 2},
		{"records", 10, func(*wstest.Peer) []wstest.Frame { return []wstest.Frame{wstest.Binary(make([]byte, 100))} }, 10},
		{"records, compressed", 10_000, func(p *wstest.Peer) []wstest.Frame {
			return []wstest.Frame{p.Compressed(wstest.OpBinary, make([]byte, 200_000))}
		}, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(true)
				events := 0
				step := func(v *visitor) error {
					events++
					v.SetAcceptData(false)
					return nil
				}
				l.connect = func(v *visitor) error { return v.SetRecordLength(tt.length) }
				l.message = func(v *visitor, _ client.Message) error { return step(v) }
				l.fragment = func(v *visitor, _ client.Fragment) error { return step(v) }
				srv := newServerOf(t, l, wsserver.Config{Compression: client.Compression{Mode: client.CompressionMessage}})
				p := wstest.OpenDeflate(raw(t, serve(t, srv)), "/", "permessage-deflate")
				v := l.visitor(t)
				p.Send(tt.frames(p)...)
				for n := 1; n <= tt.events; n++ {
					synctest.Wait()
					if events != n {
						t.Fatalf("%d events behind %d pauses", events, n-1)
					}
					v.SetAcceptData(true)
				}
				p.Conn.Close()
			})
		})
	}
}

// paused, a connection takes no more than its buffers hold, and the peer has to wait. All
// of it comes behind the pause.
func TestPausePushesBack(t *testing.T) { onDrivers(t, testPausePushesBack) }

func testPausePushesBack(t *testing.T) {
	onEachWire(t, func(t *testing.T, l *lobby, wire string) {
		const size, n = 64 << 10, 256 // 16 MiB: more than a socket holds
		var got atomic.Int64
		l.message = func(_ *visitor, m client.Message) error { got.Add(int64(len(m.Data))); return nil }
		l.fragment = func(_ *visitor, f client.Fragment) error { got.Add(int64(len(f.Data))); return nil }
		_, v, p := l.visitOver(t, wire, wsserver.Config{})
		v.SetAcceptData(false)
		var written atomic.Int64
		in := wstest.Binary(make([]byte, size)).Bytes()
		_ = p.Conn.SetDeadline(time.Now().Add(time.Minute))
		go func() {
			for range n {
				if _, err := p.Conn.Write(in); err != nil {
					return
				}
				written.Add(1)
			}
		}()
		last, still := int64(0), 0
		eventually(t, "the writer to be held up", func() bool {
			if now := written.Load(); now != last {
				last, still = now, 0
			}
			still++
			return still > 100
		})
		if bytes := v.Stats().BytesIn; got.Load() != 0 || bytes > 200<<10 || written.Load() == n {
			t.Errorf("%d messages are written, %d bytes received and %d delivered", written.Load(), bytes, got.Load())
		}
		v.SetAcceptData(true)
		eventually(t, "all of it", func() bool { return got.Load() == size*n })
	})
}

// R-03, K-06, K-09: a pause may last: no ping is sent or missed, nobody is idle, and the clocks begin
// anew behind it. It does not matter what they stood at.
func TestNoClockRunsInAPause(t *testing.T) {
	for _, before := range []time.Duration{0, 29 * time.Second, 30 * time.Second, 39 * time.Second} {
		for _, tt := range []struct {
			name string
			cfg  wsserver.Config
			want time.Duration // from the end of the pause
			err  error
		}{
			{"ping", wsserver.Config{}, 40 * time.Second, client.ErrPingTimeout},
			{"idle", wsserver.Config{IdleTimeout: 39500 * time.Millisecond, PingInterval: -1}, 39500 * time.Millisecond, client.ErrIdleTimeout},
		} {
			t.Run(fmt.Sprintf("%s, %v old", tt.name, before), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(before%2 == 0)
					_, v, p := l.visit(t, tt.cfg)
					time.Sleep(before) // a ping is on its way, or nearly too late
					v.SetAcceptData(false)
					for range 50 {
						time.Sleep(time.Hour + 7*time.Second)
						p.Write([]byte{0x8a, 0x80, 0, 0, 0, 0}) // pongs that nobody sees
					}
					if !v.Connected() {
						t.Fatalf("the pause ends with %v", l.ended(t))
					}
					sent := v.Stats().BytesOut
					v.SetAcceptData(true)
					start := time.Now()
					synctest.Wait()
					if v.Stats().BytesOut != sent {
						t.Error("the end of the pause sends something")
					}
					time.Sleep(time.Hour)
					synctest.Wait()
					took := l.at.Sub(start) - 5*time.Second // CloseTimeout
					if i := l.ended(t); took != tt.want || !errors.Is(i.Cause, tt.err) {
						t.Errorf("%v behind the pause it ends with %v", took, i)
					}
				})
			})
		}
	}
	synctest.Test(t, func(t *testing.T) { // several short ones, each shorter than the time for a pong
		l := newLobby(true)
		_, v, p := l.visit(t, wsserver.Config{})
		for range 1000 {
			v.SetAcceptData(false)
			time.Sleep(9 * time.Second)
			v.SetAcceptData(true)
			time.Sleep(time.Second)
		}
		if !v.Connected() || v.Stats().BytesOut > 1000 {
			t.Errorf("connected %v, %d bytes sent", v.Connected(), v.Stats().BytesOut)
		}
		p.Conn.Close()
	})
}

// K-10, K-11: every way to end works in a pause: nothing of
// what has come is delivered, and the peer's answer is waited for, as long as ever.
func TestEndingInAPause(t *testing.T) {
	type shop struct {
		srv *wsserver.Server[visiting]
		v   *visitor
	}
	for _, tt := range []struct {
		name    string
		cfg     wsserver.Config
		do      func(s shop) error
		peer    int // its close frame; 0: none
		code    client.StatusCode
		cause   error
		answers time.Duration // until the end, if the peer answers
		silent  time.Duration // and if it does not
	}{
		{"Close", wsserver.Config{}, func(s shop) error { return s.v.Close(4000, "") }, 4000, 4000, client.ErrCloseCalled, 0, 5 * time.Second},
		{"CloseAfterFlush", wsserver.Config{}, func(s shop) error { return s.v.CloseAfterFlush(4000, "") }, 4000, 4000, client.ErrCloseCalled, 0, 5 * time.Second},
		{"Abort", wsserver.Config{}, func(s shop) error { s.v.Abort(); return nil }, 0, 1006, client.ErrAborted, 0, 0},
		{"Disconnect", wsserver.Config{}, func(s shop) error { return s.srv.Disconnect(s.v.ID(), 4000, "") }, 4000, 4000, client.ErrCloseCalled, 0, 5 * time.Second},
		{"DisconnectAll", wsserver.Config{}, func(s shop) error { return s.srv.DisconnectAll(context.Background(), 4000, "") }, 4000, 4000, client.ErrCloseCalled, 0, 5 * time.Second},
		{"Shutdown", wsserver.Config{}, func(s shop) error { return s.srv.Shutdown(context.Background()) }, 1001, 1001, client.ErrServerShutdown, 0, 5 * time.Second},
		{"the server's Close", wsserver.Config{}, func(s shop) error { return s.srv.Close() }, 1001, 1001, client.ErrServerShutdown, 0, 0},
		{"the server's Abort", wsserver.Config{}, func(s shop) error { return s.srv.Abort() }, 0, 1006, client.ErrServerShutdown, 0, 0},
		{"lifetime", wsserver.Config{MaxLifetime: time.Second}, func(shop) error { return nil }, 1012, 1012, client.ErrLifetime, 0, 5 * time.Second},
	} {
		for _, pieces := range []bool{false, true} {
			for _, answers := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, pieces %v, answer %v", tt.name, pieces, answers), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := newLobby(pieces)
						l.connect = func(v *visitor) error { v.SetAcceptData(false); return nil }
						srv, v, p := l.visit(t, tt.cfg)
						synctest.Wait()
						p.TryWrite(p.Encode(wstest.Text("held"), wstest.Binary(make([]byte, 20_000)), wstest.Ping([]byte("p"))))
						synctest.Wait()
						start := time.Now()
						done := make(chan error, 1)
						go func() { done <- tt.do(shop{srv, v}) }()
						if tt.peer != 0 {
							for { // the ping may be answered
								f, err := p.NextFrame()
								if err != nil {
									t.Fatal(err)
								}
								if code, _ := f.CloseCode(); f.Op == wstest.OpClose && code != tt.peer {
									t.Errorf("closed with %d", code)
								}
								if f.Op == wstest.OpClose {
									start = time.Now()
									break
								}
							}
							if answers {
								p.TryWrite(p.Encode(wstest.Close(tt.peer, "")))
							}
						}
						want := tt.silent
						if answers {
							want = tt.answers
						}
						time.Sleep(time.Minute)
						synctest.Wait()
						i := l.ended(t)
						if took := l.at.Sub(start); took < want || took > want+100*time.Millisecond || i.Code != tt.code || !errors.Is(i.Cause, tt.cause) {
							t.Errorf("it ends after %v with %v", took, i)
						}
						if err := <-done; err != nil {
							t.Errorf("%s = %v", tt.name, err)
						}
						l.want(t, "OnClientConnect", "OnClientDisconnect")
					})
				})
			}
		}
	}
}

// the same over sockets, where the reader may be inside a call of the system.
func TestEndingInAPauseOverSockets(t *testing.T) { onDrivers(t, testEndingInAPauseOverSockets) }

func testEndingInAPauseOverSockets(t *testing.T) {
	for _, wire := range wires {
		for i, do := range []func(*wsserver.Server[visiting], *visitor) error{
			func(_ *wsserver.Server[visiting], v *visitor) error { return v.Close(4000, "") },
			func(_ *wsserver.Server[visiting], v *visitor) error { return v.CloseAfterFlush(4000, "") },
			func(_ *wsserver.Server[visiting], v *visitor) error { v.Abort(); return nil },
			func(s *wsserver.Server[visiting], _ *visitor) error { return s.Shutdown(context.Background()) },
			func(s *wsserver.Server[visiting], _ *visitor) error { return s.Abort() },
		} {
			l := newLobby(i%2 == 0)
			srv, v, p := l.visitOver(t, wire, wsserver.Config{})
			v.SetAcceptData(false)
			if i != 3 { // with nothing to read too
				p.Send(wstest.Text("held"))
			}
			done := make(chan error, 1)
			go func() { done <- do(srv, v) }()
			if _, err := p.TryMessage(); err == nil {
				t.Error("a message comes")
			}
			p.TryWrite(p.Encode(wstest.Close(1000, "")))
			l.ended(t)
			if err := <-done; err != nil || l.count("OnMessage")+l.count("OnFragment") > 0 {
				t.Errorf("%s, way %d: %v, %v", wire, i, err, l.lines())
			}
		}
	}
}

// with nothing to read a pause costs and changes nothing.
func TestPauseWithNothingToRead(t *testing.T) { onDrivers(t, testPauseWithNothingToRead) }

func testPauseWithNothingToRead(t *testing.T) {
	onEachWire(t, func(t *testing.T, l *lobby, wire string) {
		var got atomic.Int32
		l.collect(func(v *visitor, _ client.Opcode, data []byte) error { got.Add(1); return v.SendBinary(data) })
		_, v, p := l.visitOver(t, wire, wsserver.Config{})
		for i := range 50 {
			v.SetAcceptData(false)
			v.SetAcceptData(false)
			if err := v.SendText("sending goes on"); err != nil {
				t.Fatal(err)
			}
			p.WantText("sending goes on")
			v.SetAcceptData(true)
			p.Send(wstest.Binary([]byte{byte(i)}))
			p.WantMessage(wstest.OpBinary, []byte{byte(i)})
		}
		p.Send(wstest.Close(1000, ""))
		p.WantClose(1000)
		if i := l.ended(t); i.Code != 1000 {
			t.Error(i)
		}
	})
}

// the gate is opened and closed by everybody at the same time; whoever has the last word is
// right, and nothing is lost or comes twice.
func TestTogglingFromManyGoroutines(t *testing.T) { onDrivers(t, testTogglingFromManyGoroutines) }

func testTogglingFromManyGoroutines(t *testing.T) {
	onEachWire(t, func(t *testing.T, l *lobby, wire string) {
		const n = 3000
		var next atomic.Uint32
		l.collect(func(v *visitor, _ client.Opcode, data []byte) error {
			if got := binary.BigEndian.Uint32(data); got != next.Load() {
				return fmt.Errorf("message %d comes for %d", got, next.Load())
			}
			if next.Add(1)%64 == 0 {
				v.SetAcceptData(false) // somebody will open it
			}
			return nil
		})
		_, v, p := l.visitOver(t, wire, wsserver.Config{})
		stop := make(chan struct{})
		var all sync.WaitGroup
		for id := range 4 {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(3, uint64(id)))
				for {
					select {
					case <-stop:
						return
					default:
						v.SetAcceptData(rnd.IntN(2) == 0)
						runtime.Gosched()
					}
				}
			})
		}
		in := numbered(n)
		for len(in) > 0 {
			k := min(len(in), 999)
			p.Write(in[:k])
			in = in[k:]
		}
		eventually(t, "half of it", func() bool { return next.Load() > n/2 || !v.Connected() })
		close(stop)
		all.Wait()
		v.SetAcceptData(true)
		eventually(t, "all of it", func() bool {
			v.SetAcceptData(true) // the event may have had the last word
			return next.Load() == n || !v.Connected()
		})
		p.Send(wstest.Close(1000, ""))
		p.WantClose(1000)
		if i := l.ended(t); i.Code != 1000 {
			t.Error(i)
		}
	})
}

// before the client is connected, and behind its end, a pause is nothing.
func TestPauseOutsideOfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		new(visitor).SetAcceptData(false)
		l := newLobby(true)
		l.disconnect = func(v *visitor, _ client.CloseInfo) {
			v.SetAcceptData(false)
			v.SetAcceptData(true)
		}
		_, v, p := l.visit(t, wsserver.Config{})
		p.Send(wstest.Text(strings.Repeat("x", 1000)), wstest.Close(1000, ""))
		p.WantClose(1000)
		synctest.Wait()
		v.SetAcceptData(false)
		if i := l.ended(t); i.Code != 1000 || l.count("OnFragment") == 0 {
			t.Errorf("%v, %v", i, l.lines())
		}
	})
}
