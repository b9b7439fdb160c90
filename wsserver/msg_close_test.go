package wsserver_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
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
