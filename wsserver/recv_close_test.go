package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// leavings are the ways to end a client, or all of them, from inside of an event.
var leavings = []struct {
	name string
	do   func(srv *wsserver.Server[visiting], v *visitor) error
	code client.StatusCode
	is   error
	ends bool // the server
}{
	{"Close", func(_ *wsserver.Server[visiting], v *visitor) error { return v.Close(4000, "why") }, 4000, client.ErrCloseCalled, false},
	{"CloseAfterFlush", func(_ *wsserver.Server[visiting], v *visitor) error { return v.CloseAfterFlush(4000, "why") }, 4000, client.ErrCloseCalled, false},
	{"Abort", func(_ *wsserver.Server[visiting], v *visitor) error { v.Abort(); return nil }, 1006, client.ErrAborted, false},
	{"Disconnect", func(s *wsserver.Server[visiting], v *visitor) error { return s.Disconnect(v.ID(), 4000, "why") }, 4000, client.ErrCloseCalled, false},
	{"DisconnectAll", func(s *wsserver.Server[visiting], _ *visitor) error {
		return s.DisconnectAll(context.Background(), 4000, "why")
	}, 4000, client.ErrCloseCalled, false},
	{"Shutdown", func(s *wsserver.Server[visiting], _ *visitor) error { return s.Shutdown(context.Background()) }, 1001, client.ErrServerShutdown, true},
	{"the server's Close", func(s *wsserver.Server[visiting], _ *visitor) error { return s.Close() }, 1001, client.ErrServerShutdown, true},
	{"the server's Abort", func(s *wsserver.Server[visiting], _ *visitor) error { return s.Abort() }, 1006, client.ErrServerShutdown, true},
}

// every way to end is legal in every event and returns at once;
// what follows is the last event, once, and no other of the peer's.
func TestLeavingInEveryEvent(t *testing.T) {
	for _, where := range []string{"OnClientConnect", "OnMessage", "OnFragment", "record", "OnPing", "OnPong", "OnReadyToSend", "OnDropped"} {
		for _, way := range leavings {
			t.Run(way.name+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(where == "OnFragment")
					var srv *wsserver.Server[visiting]
					left := 0
					leaving := func(event string, v *visitor) error {
						if event != where {
							return nil
						}
						left++
						start := time.Now()
						err := way.do(srv, v)
						if took := time.Since(start); took != 0 || !v.Closing() {
							t.Errorf("it takes %v, closing is %v", took, v.Closing())
						}
						if late := v.SendText("late"); !errors.Is(late, client.ErrClosed) {
							t.Errorf("Send = %v", late)
						}
						if again := v.Close(4001, ""); !errors.Is(again, client.ErrClosed) {
							t.Errorf("a second Close = %v", again)
						}
						return err
					}
					l.connect = func(v *visitor) error {
						if where == "record" {
							return v.SetRecordLength(4)
						}
						time.Sleep(time.Second) // the answer to the handshake is on its way
						return leaving("OnClientConnect", v)
					}
					l.fragment = func(v *visitor, _ client.Fragment) error { return leaving("OnFragment", v) }
					l.ping = func(v *visitor, _ []byte) error { return leaving("OnPing", v) }
					l.pong = func(v *visitor, _ []byte) error { return leaving("OnPong", v) }
					l.ready = func(v *visitor) error { return leaving("OnReadyToSend", v) }
					l.dropped = func(v *visitor, _ client.Drop) error { return leaving("OnDropped", v) }
					l.message = func(v *visitor, m client.Message) error {
						if where == "record" && len(m.Data) == 4 {
							return leaving("record", v)
						}
						return leaving("OnMessage", v)
					}
					cfg := tight()
					cfg.DisablePong = true
					srv = newServerOf(t, l, cfg)
					on := serve(t, srv)
					on.SetBuffer(5000)
					p := wstest.Open(raw(t, on), "/")
					p.Timeout = 1000 * time.Hour
					v := l.visitor(t)
					synctest.Wait()
					switch where {
					case "OnReadyToSend", "OnDropped":
						if err := overfill(v); err != nil {
							t.Error(err)
						}
					case "OnPing":
						p.TryWrite(p.Encode(wstest.Ping(nil), wstest.Ping(nil), wstest.Text("behind")))
					case "OnPong":
						p.TryWrite(p.Encode(wstest.Pong(nil), wstest.Ping(nil), wstest.Text("behind")))
					default:
						p.TryWrite(p.Encode(wstest.Binary([]byte("12345678")).Split(4)...))
						p.TryWrite(p.Encode(wstest.Ping(nil), wstest.Text("behind")))
					}
					code := 1006
					for {
						f, err := p.NextFrame()
						if err != nil {
							break
						}
						if f.Op == wstest.OpClose {
							code, _ = f.CloseCode()
							p.TryWrite(p.Encode(wstest.Close(code, "")))
						}
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					if i := l.ended(t); i.Code != way.code || !errors.Is(i.Cause, way.is) || i.Remote || left != 1 {
						t.Errorf("%d calls, it ends with %v", left, i)
					}
					if code != int(way.code) && !(way.name == "the server's Close" && code == 1006) {
						t.Errorf("the peer gets %d", code)
					}
					lines := l.lines()
					at := slices.Index(lines, strings.Replace(where, "record", "OnMessage", 1))
					if behind := lines[at+1:]; len(behind) != 1 && !(where == "OnDropped" && way.name == "CloseAfterFlush") || behind[len(behind)-1] != "OnClientDisconnect" {
						t.Errorf("events are %v", lines)
					}
					if way.ends {
						ended(t, srv)
					}
				})
			})
		}
	}
}

// X-02, E-03: in the last events it is too late to end.
func TestLeavingInTheLastEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(false)
		var srv *wsserver.Server[visiting]
		late := func(v *visitor) {
			v.Abort()
			for name, err := range map[string]error{
				"Close": v.Close(1000, ""), "CloseAfterFlush": v.CloseAfterFlush(1000, ""), "Ping": v.Ping(nil), "Flush": v.Flush(),
				"SetRecordLength": v.SetRecordLength(1), "TrySend": v.TrySend(client.Text("x")), "WaitWritable": v.WaitWritable(t.Context()),
			} {
				if !errors.Is(err, client.ErrClosed) {
					t.Errorf("%s = %v", name, err)
				}
			}
		}
		l.message = func(v *visitor, _ client.Message) error { late(v); return nil }
		l.disconnect = func(v *visitor, _ client.CloseInfo) {
			late(v)
			if err := srv.Disconnect(v.ID(), 1000, ""); !errors.Is(err, client.ErrNoClient) {
				t.Errorf("Disconnect = %v", err)
			}
		}
		srv, v, p := l.visit(t, wsserver.Config{})
		_ = srv
		if err := v.SetRecordLength(100); err != nil {
			t.Fatal(err)
		}
		p.Send(wstest.Binary([]byte("rest")), wstest.Close(4000, "bye"))
		p.WantClose(4000)
		synctest.Wait()
		if i := l.ended(t); i.Code != 4000 || !i.Remote || i.Reason != "bye" || l.count("OnMessage") != 1 {
			t.Errorf("it ends with %v, %v", i, l.lines())
		}
	})
}

// both sides close at the same time, in the middle of a message in pieces: each gets the other's
// close frame, and no piece comes behind ours.
func TestBothSidesCloseInsideOfPieces(t *testing.T) { onDrivers(t, testBothSidesCloseInsideOfPieces) }

func testBothSidesCloseInsideOfPieces(t *testing.T) {
	for run := range 60 {
		for _, wire := range []string{"memory", "tcp"} {
			if wire == "tcp" && run%6 > 0 {
				continue
			}
			l := newLobby(true)
			begun := make(chan struct{}, 100)
			l.fragment = func(v *visitor, _ client.Fragment) error {
				if v.Closing() && run%2 == 0 {
					return nil // it may have begun just before
				}
				begun <- struct{}{}
				return nil
			}
			_, v, p := l.visitOver(t, wire, wsserver.Config{})
			p.Send(wstest.Text("begun").Open())
			<-begun
			ours := make(chan error, 1)
			go func() { ours <- v.Close(4000, "ours") }()
			p.Send(wstest.Continuation([]byte("more")).Open(), wstest.Close(4001, "theirs"))
			code, _ := p.ReadClose()
			p.WantEnd()
			i, err := l.ended(t), <-ours
			switch {
			case code == 4000 && err == nil && i.Code == 4000 && !i.Remote:
			case code == 4001 && errors.Is(err, client.ErrClosed) && i.Code == 4001 && i.Remote:
			default:
				t.Errorf("the peer gets %d, Close = %v, the last event %v", code, err, i)
			}
		}
	}
}

// X-09, K-11: our close frame reaches a peer that is in the middle of a giant message. What it still sends is
// discarded; it may end its frame and answer, or the close ends without.
func TestCloseInsideOfAGiantMessage(t *testing.T) { onDrivers(t, testCloseInsideOfAGiantMessage) }

func testCloseInsideOfAGiantMessage(t *testing.T) {
	for _, wire := range wires {
		for _, answers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, answers %v", wire, answers), func(t *testing.T) {
				l := newLobby(true)
				closed := false
				l.fragment = func(v *visitor, _ client.Fragment) error {
					if closed {
						return errors.New("a piece comes behind the close")
					}
					closed = true
					return v.Close(4000, "")
				}
				cfg := wsserver.Config{CloseTimeout: 20 * time.Second}
				if !answers {
					cfg.CloseTimeout = 50 * time.Millisecond
				}
				_, _, p := l.visitOver(t, wire, cfg)
				const size = 40 << 20
				p.SendHeader(wstest.Frame{Op: wstest.OpBinary, ZeroKey: true}, size)
				some := make([]byte, 1<<20)
				p.Write(some[:1000])
				p.WantClose(4000)
				if !answers {
					if i := l.ended(t); i.Code != 4000 || !errors.Is(i.Cause, client.ErrCloseTimeout) {
						t.Errorf("it ends with %v", i)
					}
					return
				}
				for left := size - 1000; left > 0; left -= len(some) {
					p.Write(some[:min(len(some), left)])
				}
				p.Send(wstest.Close(4000, ""))
				p.WantEnd()
				if i := l.ended(t); i.Code != 4000 || i.Remote || errors.Is(i.Cause, client.ErrCloseTimeout) || !errors.Is(i.Cause, client.ErrCloseCalled) {
					t.Errorf("it ends with %v", i)
				}
				l.want(t, "OnClientConnect", "OnFragment", "OnClientDisconnect")
			})
		}
	}
}
