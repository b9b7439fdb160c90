package wsserver_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// tight is a queue that drops at once, and never sends by itself.
func tight() wsserver.Config {
	return wsserver.Config{
		SendQueue:    client.SendQueue{MaxBytes: 64 << 10, LowWater: 8 << 10, HighWater: 32 << 10, Policy: client.QueueDropNewest},
		PingInterval: -1, WriteTimeout: -1,
	}
}

// overfill sends until a message is dropped.
func overfill(v *visitor) error {
	for range 10_000 {
		if err := v.SendBinary(make([]byte, 30_000)); errors.Is(err, client.ErrQueueFull) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return errors.New("the queue is never full")
}

// drained reads what was queued, up to a text message.
func drained(p *wstest.Peer) {
	for {
		if m, err := p.TryMessage(); err != nil || m.Op == wstest.OpText {
			return
		}
	}
}

// S-11, S-12: what happens to the queue is told while the reader waits for a silent peer,
// wherever it waits: on each wire, and in a pause.
func TestNoticesReachAReaderThatWaits(t *testing.T) { onDrivers(t, testNoticesReachAReaderThatWaits) }

func testNoticesReachAReaderThatWaits(t *testing.T) {
	onEachWire(t, func(t *testing.T, l *lobby, wire string) {
		for round, pause := range []bool{false, true} {
			_, v, p := l.visitOver(t, wire, tight())
			if pause {
				v.SetAcceptData(false)
			}
			for i := range 2 {
				if err := overfill(v); err != nil {
					t.Fatal(err)
				}
				eventually(t, "OnDropped", func() bool { return l.count("OnDropped") == 2*round+i+1 })
				done := make(chan struct{})
				go func() {
					defer close(done)
					drained(p)
				}()
				eventually(t, "OnReadyToSend", func() bool { return l.count("OnReadyToSend") == 2*round+i+1 })
				if err := v.SendText("the last"); err != nil {
					t.Fatal(err)
				}
				<-done
			}
			v.SetAcceptData(true)
			p.Send(wstest.Close(1000, ""))
			p.WantClose(1000)
			eventually(t, "the last event", func() bool { return l.count("OnClientDisconnect") == round+1 })
			l.mu.Lock()
			l.last = nil
			l.mu.Unlock()
		}
		if l.overlaps.Load() > 0 {
			t.Errorf("events overlap: %v", l.lines())
		}
	})
}

// S-11, S-12: what an event itself has dropped is told when it has returned, whether something comes
// behind it or not, and before the next message.
func TestNoticesOfAnEventFollowIt(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		for _, where := range []string{"OnClientConnect", "message", "OnPing", "OnPong"} {
			for _, behind := range []bool{false, true} {
				t.Run(fmt.Sprintf("pieces %v, %s, more behind %v", pieces, where, behind), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := newLobby(pieces)
						dropping := func(event string, v *visitor) error {
							if event == where && l.count("OnDropped") == 0 {
								return overfill(v)
							}
							return nil
						}
						l.connect = func(v *visitor) error { return dropping("OnClientConnect", v) }
						l.ping = func(v *visitor, _ []byte) error { return dropping("OnPing", v) }
						l.pong = func(v *visitor, _ []byte) error { return dropping("OnPong", v) }
						l.collect(func(v *visitor, _ client.Opcode, _ []byte) error { return dropping("message", v) })
						cfg := tight()
						cfg.DisablePong = true
						_, _, p := l.visitNarrow(t, cfg, 5000)
						synctest.Wait()
						first := map[string]wstest.Frame{"message": wstest.Text("go"), "OnPing": wstest.Ping(nil), "OnPong": wstest.Pong(nil)}[where]
						var in []byte
						if first.Op != 0 {
							in = p.Encode(first)
						}
						if behind {
							in = append(in, p.Encode(wstest.Text("a"), wstest.Ping(nil), wstest.Text("b"))...)
						}
						p.Write(in)
						synctest.Wait()
						lines := l.lines()
						if n := l.count("OnDropped"); n != 1 {
							t.Fatalf("%d notices: %v", n, lines)
						}
						at := slices.Index(lines, "OnDropped")
						if want := min(1+len(in), 2) - map[string]int{"OnClientConnect": 1}[where]; behind && at > max(want, 1) {
							t.Errorf("the notice comes late: %v", lines)
						}
					})
				})
			}
		}
	}
}

// S-11, S-12: no event overlaps another: what happens to the queue while a handler runs is told when
// it has returned, before the next event.
func TestNoticesWaitForALongHandler(t *testing.T) { onDrivers(t, testNoticesWaitForALongHandler) }

func testNoticesWaitForALongHandler(t *testing.T) {
	onEachWire(t, func(t *testing.T, l *lobby, wire string) {
		inside, leave := make(chan struct{}), make(chan struct{})
		l.collect(func(_ *visitor, _ client.Opcode, data []byte) error {
			if string(data) == "first" {
				close(inside)
				<-leave
			}
			return nil
		})
		_, v, p := l.visitOver(t, wire, tight())
		p.Send(wstest.Text("first"), wstest.Text("second"), wstest.Text("third"))
		<-inside
		if err := overfill(v); err != nil {
			t.Fatal(err)
		}
		before := l.lines()
		close(leave)
		eventually(t, "three messages and the notice", func() bool { return l.count("OnDropped") == 1 && len(l.lines()) >= len(before)+3 })
		if lines := l.lines(); slices.Contains(before, "OnDropped") || lines[len(before)] != "OnDropped" || l.overlaps.Load() > 0 {
			t.Errorf("events are %v, then %v", before, lines[len(before):])
		}
	})
}

// S-11, S-12: a notice that comes at the very moment at which the reader goes to wait is not lost.
func TestNoticesAtTheMomentOfWaiting(t *testing.T) {
	onDriversAtOnce(t, testNoticesAtTheMomentOfWaiting)
}

func testNoticesAtTheMomentOfWaiting(t *testing.T) {
	for _, wire := range wires {
		l := newLobby(wire != "tcp")
		var v *visitor
		dropped := make(chan struct{}, 1)
		l.dropped = func(*visitor, client.Drop) error {
			select {
			case dropped <- struct{}{}:
			default:
			}
			return nil
		}
		cfg := tight()
		_, v, p := l.visitOver(t, wire, cfg)
		if err := overfill(v); err != nil {
			t.Fatal(err)
		}
		for i := range 400 {
			<-dropped
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range i % 40 * 25 {
					runtime.Gosched()
				}
				if err := overfill(v); err != nil {
					t.Error(err)
				}
			}()
			p.Write([]byte{0x8a, 0x80, 0, 0, 0, 0}) // has the reader go back to wait
			<-done
			eventually(t, "the notice", func() bool { return len(dropped) == 1 })
		}
	}
}

// S-11: OnReadyToSend comes once for each time that TrySend was refused, however the peer
// reads.
func TestReadyToSendComesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(true)
		cfg := tight()
		cfg.SendQueue.Policy = client.QueueClose
		_, v, p := l.visitNarrow(t, cfg, 5000)
		for round := range 20 {
			for {
				err := v.TrySend(client.Binary(make([]byte, 9000)))
				if errors.Is(err, client.ErrWouldBlock) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			_ = v.TrySend(client.Text("refused too"))
			synctest.Wait()
			if n := l.count("OnReadyToSend"); n != round {
				t.Fatalf("it comes %d times before the peer has read", n)
			}
			for v.BufferedAmount() > 0 {
				if _, err := p.TryMessage(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			if n := l.count("OnReadyToSend"); n != round+1 {
				t.Fatalf("it comes %d times, want %d", n, round+1)
			}
			if err := v.SendText("mark"); err != nil {
				t.Fatal(err)
			}
			drained(p) // what is in the network still
		}
	})
}

// E-03, S-12: what was not told when the connection ends is told before the last event, once; sends are
// ErrClosed there.
func TestNoticesComeBeforeTheLastEvent(t *testing.T) {
	for _, how := range []string{"Close", "Abort", "error", "panic", "Goexit", "peer"} {
		for _, pieces := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pieces %v", how, pieces), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(pieces)
					l.dropped = func(v *visitor, d client.Drop) error {
						if err := v.SendText("x"); how != "peer" && !errors.Is(err, client.ErrClosed) {
							t.Errorf("Send = %v", err)
						}
						if d.Messages != 1 || d.Bytes != 30_004 || d.Reason != client.DropNewest || d.Since.IsZero() {
							t.Errorf("%+v", d)
						}
						return nil
					}
					l.collect(func(v *visitor, _ client.Opcode, _ []byte) error {
						if err := overfill(v); err != nil {
							return err
						}
						switch how {
						case "Close":
							return v.Close(4000, "")
						case "Abort":
							v.Abort()
						case "error":
							return errors.New("broken")
						case "panic":
							panic("oh")
						case "Goexit":
							runtime.Goexit()
						}
						return nil
					})
					_, _, p := l.visitNarrow(t, tight(), 5000)
					p.Send(wstest.Text("go"))
					synctest.Wait()
					p.Conn.Close()
					time.Sleep(time.Minute)
					synctest.Wait()
					l.ended(t)
					message := map[bool]string{false: "OnMessage", true: "OnFragment"}[pieces]
					l.want(t, "OnClientConnect", message, "OnDropped", "OnClientDisconnect")
				})
			})
		}
	}
}

// E-15, E-02: an event about the queue that fails ends the connection as OnMessage does, whatever
// the way; and so do OnFragment and the event of a record. The last event comes once, and the server can end.
func TestFailuresOfEveryEvent(t *testing.T) {
	for _, where := range []string{"OnDropped", "OnReadyToSend", "OnFragment", "OnMessage", "OnPing", "OnPong", "record"} {
		for _, tt := range []struct {
			how  string
			do   func(v *visitor) error
			code client.StatusCode
			is   func(error) bool
		}{
			{"error", func(*visitor) error { return errBroken }, 1011, is(errBroken)},
			{"CloseError", func(*visitor) error { return &client.CloseError{Code: 4001, Reason: "no"} }, 4001, is(nil)},
			{"panic", func(*visitor) error { panic(errBroken) }, 1011, is(errBroken)},
			{"Goexit", func(*visitor) error { runtime.Goexit(); return nil }, 1011, is(nil)},
			{"Close", func(v *visitor) error { return v.Close(4002, "") }, 4002, is(client.ErrCloseCalled)},
			{"CloseAfterFlush", func(v *visitor) error { return v.CloseAfterFlush(4002, "") }, 4002, is(client.ErrCloseCalled)},
			{"Abort", func(v *visitor) error { v.Abort(); return nil }, 1006, is(client.ErrAborted)},
		} {
			t.Run(tt.how+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(where == "OnFragment")
					calls := 0
					failing := func(event string, v *visitor) error {
						if event != where {
							return nil
						}
						if calls++; calls > 1 {
							t.Error("it is called again")
						}
						return tt.do(v)
					}
					l.dropped = func(v *visitor, _ client.Drop) error { return failing("OnDropped", v) }
					l.ready = func(v *visitor) error { return failing("OnReadyToSend", v) }
					l.fragment = func(v *visitor, _ client.Fragment) error { return failing("OnFragment", v) }
					l.ping = func(v *visitor, _ []byte) error { return failing("OnPing", v) }
					l.pong = func(v *visitor, _ []byte) error { return failing("OnPong", v) }
					l.message = func(v *visitor, m client.Message) error {
						if where == "record" {
							return failing("record", v)
						}
						return failing("OnMessage", v)
					}
					srv, v, p := l.visitNarrow(t, tight(), 5000)
					switch where {
					case "OnDropped", "OnReadyToSend":
						if err := overfill(v); err != nil {
							t.Fatal(err)
						}
					case "OnPing":
						p.Send(wstest.Ping(nil))
					case "OnPong":
						p.Send(wstest.Pong(nil))
					case "record":
						if err := v.SetRecordLength(3); err != nil {
							t.Fatal(err)
						}
						fallthrough
					default:
						p.Send(wstest.Binary([]byte("some")), wstest.Binary([]byte("more")))
					}
					for {
						m, err := p.TryMessage()
						if err != nil || m.Op == wstest.OpText {
							break
						}
					}
					p.TryWrite(p.Encode(wstest.Close(1000, "")))
					time.Sleep(time.Minute)
					synctest.Wait()
					if i := l.ended(t); i.Code != tt.code || !tt.is(i.Cause) || i.Remote || calls != 1 {
						t.Errorf("%d calls, it ends with %v", calls, i)
					}
					if name := strings.Replace(where, "record", "OnMessage", 1); tt.how == "error" && !strings.Contains(l.info.Cause.Error(), name) {
						t.Errorf("the cause %v does not tell the event", l.info.Cause)
					}
					if err := srv.Shutdown(t.Context()); err != nil {
						t.Errorf("Shutdown = %v", err)
					}
					ended(t, srv)
				})
			})
		}
	}
}

// E-03, E-15, R-04: the events between the end of the connection and OnClientDisconnect may fail in
// every way: the last event comes, the place is given back, and the server ends.
func TestFailuresBehindTheEnd(t *testing.T) {
	for _, where := range []string{"OnDropped", "record"} {
		for name, fail := range map[string]func() error{
			"error":  func() error { return errBroken },
			"panic":  func() error { panic("oh") },
			"Goexit": func() error { runtime.Goexit(); return nil },
		} {
			t.Run(name+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(false)
					l.dropped = func(*visitor, client.Drop) error { return fail() }
					l.message = func(v *visitor, m client.Message) error {
						switch {
						case string(m.Data) != "go":
							return fail()
						case where == "record":
							return v.Close(4000, "")
						}
						if err := overfill(v); err != nil {
							return err
						}
						runtime.Goexit() // so that the notice is left to the end
						return nil
					}
					srv, v, p := l.visitNarrow(t, tight(), 5000)
					if err := v.SetRecordLength(10); err != nil {
						t.Fatal(err)
					}
					p.Send(wstest.Binary([]byte("rest")), wstest.Text("go"))
					time.Sleep(time.Minute)
					synctest.Wait()
					code, events := client.StatusCode(4000), []string{"OnClientConnect", "OnMessage", "OnMessage", "OnClientDisconnect"}
					if where == "OnDropped" {
						code, events[2] = 1011, "OnDropped"
					}
					if i := l.ended(t); i.Code != code {
						t.Errorf("it ends with %v", i)
					}
					l.want(t, events...)
					if n := wsserver.Places(srv); n != 0 || srv.ClientCount() != 0 {
						t.Errorf("%d places, %d clients", n, srv.ClientCount())
					}
					select {
					case <-v.Done():
					default:
						t.Error("the context is not done")
					}
					if err := srv.Shutdown(t.Context()); err != nil {
						t.Errorf("Shutdown = %v", err)
					}
					ended(t, srv)
				})
			})
		}
	}
}
