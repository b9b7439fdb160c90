package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// which codes may be sent, on every way that sends one; what is refused
// costs nothing.
func TestCloseCodesThatMayBeSent(t *testing.T) {
	legal := func(code int) bool {
		return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
	}
	synctest.Test(t, func(t *testing.T) {
		srv, g, p := settled(t, &desk{}, wsserver.Config{})
		for _, code := range []int{1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535} {
			c := client.StatusCode(code)
			for what, err := range map[string]error{
				"Close": g.Close(c, ""), "CloseAfterFlush": g.CloseAfterFlush(c, ""), "Disconnect": srv.Disconnect(g.ID(), c, ""),
				"DisconnectAll": srv.DisconnectAll(t.Context(), c, ""),
			} {
				if !errors.Is(err, client.ErrBadCloseCode) || legal(code) {
					t.Errorf("%s(%d) = %v", what, code, err)
				}
			}
		}
		for what, err := range map[string]error{
			"Close": g.Close(1000, "\xff"), "CloseAfterFlush": g.CloseAfterFlush(0, "\xff"), "Disconnect": srv.Disconnect(g.ID(), 1000, "a\xc3"),
			"DisconnectAll": srv.DisconnectAll(t.Context(), 1000, "\xff"),
		} {
			if !errors.Is(err, client.ErrInvalidUTF8) {
				t.Errorf("%s with a bad reason = %v", what, err)
			}
		}
		p.WantSilence()
	})
	for code := range 5100 {
		if client.StatusCode(code).Sendable() != legal(code) {
			t.Errorf("%d may be sent: %v", code, !legal(code))
		}
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999} {
		synctest.Test(t, func(t *testing.T) {
			_, g, p := settled(t, &desk{}, wsserver.Config{})
			if err := g.Close(client.StatusCode(code), "why"); err != nil {
				t.Errorf("Close(%d) = %v", code, err)
			}
			if got, reason := p.ReadClose(); got != code || reason != "why" {
				t.Errorf("Close(%d) sends %d %q", code, got, reason)
			}
		})
	}
}

// a reason is cut to 123 bytes between runes, also one that an event returns
// and that of the server.
func TestReasonsAreCutBetweenRunes(t *testing.T) {
	for _, reason := range []string{
		strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("é", 62), "x" + strings.Repeat("é", 61),
		strings.Repeat("€", 41) + "x", strings.Repeat("€", 42), "x" + strings.Repeat("𝄞", 31), strings.Repeat("x", 5000),
	} {
		for _, way := range []string{"Close", "an event", "CloseReason"} {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				cfg := wsserver.Config{}
				d.message = func(g *guest, _ client.Message) error {
					switch way {
					case "Close":
						return g.Close(4000, reason)
					case "CloseReason":
						return g.Close(0, "")
					}
					return &client.CloseError{Code: 4000, Reason: reason}
				}
				if way == "CloseReason" {
					cfg.CloseCode, cfg.CloseReason = 4000, reason
				}
				_, _, p := settled(t, d, cfg)
				p.Send(wstest.Text("go"))
				_, got := p.ReadClose()
				next := len(got)
				if len(reason) > next {
					_, n := utf8.DecodeRuneInString(reason[next:])
					next += n
				} else {
					next = 124
				}
				if !strings.HasPrefix(reason, got) || len(got) > client.MaxReason || next <= client.MaxReason || !utf8.ValidString(got) {
					t.Errorf("%s: %d bytes %q of %d", way, len(got), got, len(reason))
				}
				p.Conn.Close()
				synctest.Wait()
				if end.Reason != got {
					t.Errorf("%s: the last event gets %q, the peer %q", way, end.Reason, got)
				}
			})
		}
	}
}

// closing is legal in every event and in every hook, and never waits
// there. Before the handshake is answered and after the end it is ErrClosed.
func TestCloseInEveryEvent(t *testing.T) {
	for _, where := range []string{"OnClientConnect", "OnMessage", "OnPing", "OnPong", "hook of OnClientConnect", "hook of OnClientMessage"} {
		for _, way := range []string{"Close", "CloseAfterFlush", "Disconnect"} {
			t.Run(way+" in "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					closing := func(c *listener) error {
						start, err := time.Now(), c.SendText("sent before")
						switch way {
						case "Close":
							err = errors.Join(err, c.Close(4000, where))
						case "CloseAfterFlush":
							err = errors.Join(err, c.CloseAfterFlush(4000, where))
						default:
							err = errors.Join(err, wsserver.ServerOf(c).Disconnect(c.ID(), 4000, where))
						}
						if took := time.Since(start); took != 0 {
							t.Errorf("closing takes %v", took)
						}
						if c.Connected() || !c.Closing() {
							t.Error("the client is open after Close")
						}
						for _, late := range []error{c.SendText("sent behind"), c.Close(1000, ""), c.CloseAfterFlush(1000, "")} {
							if !errors.Is(late, client.ErrClosed) {
								t.Errorf("after Close: %v", late)
							}
						}
						return err
					}
					in := func(event string) func(*listener, []byte) error {
						return func(c *listener, _ []byte) error {
							if where == event {
								return closing(c)
							}
							return nil
						}
					}
					f := &ears{listener: listener{message: in("OnMessage"), ping: in("OnPing"), pong: in("OnPong")}}
					f.connect = func(c *listener) error { return in("OnClientConnect")(c, nil) }
					hooks := wsserver.Hooks{
						OnClientCreate: func(c client.Client, _ *client.OpenRequest) error {
							if err := c.Close(1000, ""); !errors.Is(err, client.ErrClosed) {
								t.Errorf("Close before the handshake is answered = %v", err)
							}
							return nil
						},
						OnClientConnect: func(c client.Client) error { return in("hook of OnClientConnect")(c.(*listener), nil) },
						OnClientMessage: func(c client.Client, _ client.Message) error {
							return in("hook of OnClientMessage")(c.(*listener), nil)
						},
						OnClientDisconnect: func(c client.Client, _ client.CloseInfo) {
							if err := c.Close(1000, ""); !errors.Is(err, client.ErrClosed) {
								t.Errorf("Close after the end = %v", err)
							}
						},
					}
					p := hear(t, f, wsserver.Config{Hooks: []wsserver.Hooks{hooks}, DisablePong: true})
					p.TryWrite(p.Encode(wstest.Ping(nil), wstest.Pong(nil), wstest.Text("go"), wstest.Text("discarded")))
					p.WantText("sent before")
					if code, reason := p.ReadClose(); code != 4000 || reason != where {
						t.Errorf("closed with %d %q", code, reason)
					}
					p.Send(wstest.Close(4000, ""))
					p.WantEnd()
					synctest.Wait()
					if f.ends != 1 || f.end.Code != 4000 || f.end.Remote || !errors.Is(f.end.Cause, client.ErrCloseCalled) {
						t.Errorf("%d last events, %v", f.ends, f.end)
					}
				})
			})
		}
	}
}

// any close frame answers ours, one that may not be sent too, and ours
// is the one that counts; nothing is sent after it.
func TestAnyCloseFrameIsAnAnswer(t *testing.T) {
	for name, answer := range map[string]wstest.Frame{
		"the same": wstest.Close(4000, "ours"), "another code": wstest.Close(4001, "other"), "no code": wstest.EmptyClose(),
		"an illegal code": wstest.Close(1005, ""), "half a code": {Op: wstest.OpClose, Payload: []byte{1}}, "a bad reason": wstest.Close(1000, "\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				_, g, p := settled(t, d, wsserver.Config{})
				start := time.Now()
				if err := g.Close(4000, "ours"); err != nil {
					t.Fatal(err)
				}
				p.WantClose(4000)
				time.Sleep(2 * time.Second)
				p.Send(answer)
				p.WantEnd()
				p.Conn.Close()
				synctest.Wait()
				want := client.CloseInfo{Code: 4000, Reason: "ours", Cause: client.ErrCloseCalled}
				if end.CloseInfo != want || end.at.Sub(start) != 2*time.Second {
					t.Errorf("the last event gets %v after %v, want %v", end.CloseInfo, end.at.Sub(start), want)
				}
			})
		})
	}
}

// both sides close at once: each has sent a close frame and got one, and that
// is all; whose call came first is told to each event once.
func TestBothSidesCloseAtOnce(t *testing.T) {
	for run := range 50 {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			end := d.ending()
			_, g, p := settled(t, d, wsserver.Config{})
			ours := make(chan error, 1)
			go func() { ours <- g.Close(4000, "ours") }()
			if run%2 == 0 {
				synctest.Wait()
			}
			p.Send(wstest.Close(4001, "theirs"))
			code, _ := p.ReadClose()
			p.WantEnd()
			synctest.Wait()
			err := <-ours
			switch {
			case code == 4000 && err == nil && end.Code == 4000 && !end.Remote:
			case code == 4001 && errors.Is(err, client.ErrClosed) && end.Code == 4001 && end.Remote:
			default:
				t.Errorf("the peer gets %d, Close = %v, the last event %v", code, err, end.CloseInfo)
			}
			if d.count("disconnect") != 1 {
				t.Errorf("events are %v", d.lines())
			}
		})
	}
}

// what arrives behind our close frame is discarded, whatever it is: the end
// comes with the peer's close frame.
func TestDataBehindOurCloseIsDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, p := settled(t, d, wsserver.Config{MaxMessageSize: 1000})
		p.Send(wstest.Text("a message ").Open(), wstest.Ping(nil))
		p.WantPong(nil)
		if err := g.Close(4000, ""); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p.Send(wstest.Continuation([]byte("that ends")), wstest.Text("another"), wstest.Text("\xff"), wstest.Ping([]byte("p")),
			wstest.Binary(make([]byte, 50_000)), wstest.Text("half").Open())
		time.Sleep(3 * time.Second)
		p.Send(wstest.Continuation([]byte("an end")), wstest.Close(4000, ""))
		p.WantClose(4000)
		p.WantEnd()
		synctest.Wait()
		d.want(t, "new", "connect", "disconnect 4000")
		if took := end.at.Sub(start); took != 3*time.Second || errors.Is(end.Cause, client.ErrCloseTimeout) {
			t.Errorf("the end comes after %v with %v", took, end.CloseInfo)
		}
	})
}

// X-02, K-01: CloseAfterFlush delivers a full queue to a peer that reads a little
// at a time, however long that takes, and is bounded by the stall of a write.
func TestCloseAfterFlushToASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		l := serve(t, newServer(t, d, wsserver.Config{CloseTimeout: time.Second, PingInterval: -1}))
		l.SetBuffer(1000)
		p := wstest.Open(raw(t, l), "/")
		synctest.Wait()
		var want []byte
		for i := range 50 {
			data := bytes.Repeat([]byte{byte(i)}, 2000)
			if err := g.SendBinary(data); err != nil {
				t.Fatal(err)
			}
			want = append(want, data...)
		}
		if err := g.CloseAfterFlush(4000, "all of it"); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for len(got) < len(want) {
			time.Sleep(8 * time.Second) // less than WriteTimeout
			m := p.ReadMessage()
			got = append(got, m.Data...)
		}
		if !bytes.Equal(got, want) {
			t.Error("the queue arrives damaged")
		}
		p.WantClose(4000)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrCloseTimeout) || end.Code != 4000 {
			t.Errorf("without an answer the last event gets %v", end.CloseInfo)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, _ := stalled(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 5000}})
		start := time.Now()
		if err := g.CloseAfterFlush(4000, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if took := end.at.Sub(start); took < 10*time.Second || took > 12*time.Second || end.Code != 4000 {
			t.Errorf("to a peer that takes nothing it ends after %v with %v", took, end.CloseInfo)
		}
	})
}

// Shutdown sends its close frame behind what is queued, so that a peer
// that reads has all of it; a CloseAfterFlush that was begun goes on.
func TestShutdownDeliversTheQueue(t *testing.T) {
	for _, patient := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			var g *guest
			d.connect = func(c *guest) error { g = c; return nil }
			srv := newServer(t, d, wsserver.Config{})
			l := serve(t, srv)
			l.SetBuffer(1000)
			p := clienttest.Dial(t, l, "/")
			synctest.Wait()
			p.Pause()
			synctest.Wait()
			want := client.CloseError{Code: 1001, Reason: "server shuts down"}
			for i := range 5 {
				if err := g.SendText(fmt.Sprintf("%d %10000d", i, 0)); err != nil {
					t.Fatal(err)
				}
			}
			if patient {
				want = client.CloseError{Code: 4000, Reason: "before"}
				if err := g.CloseAfterFlush(want.Code, want.Reason); err != nil {
					t.Fatal(err)
				}
			}
			time.AfterFunc(3*time.Second, p.Resume)
			start := time.Now()
			if err := srv.Shutdown(context.Background()); err != nil || time.Since(start) != 3*time.Second {
				t.Errorf("Shutdown = %v after %v", err, time.Since(start))
			}
			if e := p.ReceiveClose(); e != want {
				t.Errorf("closed with %v, want %v", &e, &want)
			}
			if n := len(p.Received()); n != 5 {
				t.Errorf("%d of 5 messages arrive", n)
			}
		})
	}
}

// over a socket the peer of an abort sees a reset, and what is queued is lost.
func TestAbortResetsTheSocket(t *testing.T) {
	for _, where := range []string{"handler", "outside"} {
		d := &desk{}
		done := make(chan client.CloseInfo, 1)
		d.disconnect = func(_ *guest, i client.CloseInfo) { done <- i }
		d.message = func(g *guest, _ client.Message) error {
			if err := g.SendText("lost"); err != nil {
				return err
			}
			if where == "handler" {
				g.Abort()
			} else {
				go g.Abort()
			}
			<-g.Done()
			if err := g.SendText("x"); !errors.Is(err, client.ErrClosed) {
				return fmt.Errorf("Send after Abort = %w", err)
			}
			return nil
		}
		p := dialTCP(t, open(t, newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0"})), "/")
		p.SendText("go")
		if err := p.WaitEnd(); err == nil {
			t.Errorf("%s: the stream ends in order", where)
		}
		if i := <-done; i.Code != client.StatusAbnormal || i.Remote || i.Clean() || !errors.Is(i.Cause, client.ErrAborted) {
			t.Errorf("%s: the last event gets %v", where, i)
		}
	}
}
