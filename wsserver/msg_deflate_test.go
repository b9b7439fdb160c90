package wsserver_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-01, S-18, S-27: own sends of several goroutines and broadcasts mixed, to peers
// with every kind of agreement at once. Each inflates with means of its own and
// has everything, in order.
func TestCompressedSendsAndBroadcastsMix(t *testing.T) {
	for _, mode := range []client.CompressionMode{client.CompressionOff, client.CompressionMessage, client.CompressionContext} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const senders, each, casts = 5, 40, 60
				srv := newServer(t, &desk{}, wsserver.Config{
					Compression: client.Compression{Mode: mode}, SendQueue: client.SendQueue{MaxBytes: 16 << 20},
				})
				l := serve(t, srv)
				l.SetBuffer(5000)
				var peers []*wstest.Peer
				for _, offer := range []string{"", "permessage-deflate", "permessage-deflate; server_max_window_bits=9",
					"permessage-deflate; server_no_context_takeover; client_max_window_bits", "permessage-deflate; client_max_window_bits=10; server_max_window_bits=15"} {
					p := raw(t, l)
					switch {
					case offer == "":
						wstest.Open(p, "/")
					case mode == client.CompressionOff:
						if wstest.Open(p, "/", "Sec-WebSocket-Extensions: "+offer); p.Agreement != nil {
							t.Errorf("%q is taken with compression off", offer)
						}
					default:
						wstest.OpenDeflate(p, "/", offer)
					}
					peers = append(peers, p)
				}
				synctest.Wait()
				var all sync.WaitGroup
				for c := range srv.Clients() {
					for id := range senders {
						all.Go(func() {
							for i := range each {
								if err := c.SendText(spoken(id, i)); err != nil {
									t.Errorf("SendText = %v", err)
								}
								time.Sleep(time.Duration(id) * time.Microsecond)
							}
						})
					}
				}
				all.Go(func() {
					for i := range casts {
						if n := srv.Broadcast(client.Text(spoken(senders, i))); n != len(peers) {
							t.Errorf("broadcast %d is taken by %d of %d", i, n, len(peers))
						}
						time.Sleep(3 * time.Microsecond)
					}
				})
				for n, p := range peers {
					var next [senders + 1]int
					zipped := 0
					for range senders*each + casts {
						m := p.ReadMessage()
						var id, i int
						fmt.Sscan(string(m.Data), &id, &i)
						if next[id] != i || string(m.Data) != spoken(id, i) {
							t.Fatalf("peer %d: message %q of sender %d, want number %d", n, m.Data, id, next[id])
						}
						next[id]++
						if m.Compressed {
							zipped++
						}
					}
					if want := p.Agreement != nil; want != (zipped > 0) {
						t.Errorf("peer %d: %d messages are compressed", n, zipped)
					}
				}
				all.Wait()
			})
		})
	}
}

// spoken is message i of sender id: sometimes short, sometimes long.
func spoken(id, i int) string {
	return fmt.Sprintf("%d %d %s", id, i, strings.Repeat("the quick brown fox jumps over the lazy dog ", (id*7+i)%40))
}

// S-27, R-06, R-07: what compressed peers send is echoed through both directions;
// bad data is 1007, bad text too, and a message over the limit is 1009.
func TestCompressedMessagesAreReceived(t *testing.T) {
	for _, mode := range []client.CompressionMode{client.CompressionMessage, client.CompressionContext} {
		for _, tt := range []struct {
			name string
			bad  func(p *wstest.Peer) wstest.Frame
			code int
		}{
			{"corrupt", func(*wstest.Peer) wstest.Frame {
				return wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1, Payload: []byte{0xff, 0xff}}
			}, 1007},
			{"not UTF-8", func(p *wstest.Peer) wstest.Frame { return p.Compressed(wstest.OpText, []byte("\xff")) }, 1007},
			{"a bomb", func(p *wstest.Peer) wstest.Frame { return p.Compressed(wstest.OpBinary, make([]byte, 101_000)) }, 1009},
			{"RSV2", func(p *wstest.Peer) wstest.Frame {
				return wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV1 | wstest.RSV2}
			}, 1002},
		} {
			t.Run(mode.String()+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{message: func(g *guest, m client.Message) error { return g.Send(m) }}
					end := d.ending()
					srv := newServer(t, d, wsserver.Config{Compression: client.Compression{Mode: mode}, MaxMessageSize: 100_000})
					p := wstest.OpenDeflate(raw(t, serve(t, srv)), "/", "permessage-deflate; client_max_window_bits")
					for i := range 30 {
						text := []byte(spoken(3, i))
						frames := p.Compressed(wstest.OpText, text).Split(i%3, i%2)
						p.SendChopped(1+i*3, frames...)
						p.WantMessage(wstest.OpText, text)
					}
					p.Send(wstest.Text("not compressed"))
					p.WantText("not compressed")
					p.Send(p.Compressed(wstest.OpBinary, make([]byte, 100_000)))
					p.WantMessage(wstest.OpBinary, make([]byte, 100_000))
					p.Send(tt.bad(p))
					p.WantClose(tt.code)
					p.WantEnd()
					synctest.Wait()
					pe, ok := errors.AsType[*client.ProtocolError](end.Cause)
					if !ok || int(pe.Code) != tt.code || int(end.Code) != tt.code || end.Remote {
						t.Errorf("the last event gets %v", end.CloseInfo)
					}
				})
			})
		}
	}
}

// S-12: the bound counts what travels, so that a compressed queue holds more
// messages.
func TestCompressedQueueCountsWhatTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		srv := newServer(t, d, wsserver.Config{
			Compression: client.Compression{Mode: client.CompressionMessage}, SendQueue: client.SendQueue{MaxBytes: 20_000},
		})
		l := serve(t, srv)
		l.SetBuffer(100)
		p := wstest.OpenDeflate(raw(t, l), "/", "permessage-deflate")
		synctest.Wait()
		text := strings.Repeat("again ", 1000)
		for i := range 50 {
			if err := g.SendText(text); err != nil {
				t.Fatalf("message %d, %d bytes wait: %v", i, g.BufferedAmount(), err)
			}
		}
		for range 50 {
			p.WantText(text)
		}
	})
}
