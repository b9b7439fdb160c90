package wsserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// counting is n bytes that can be told apart.
func counting(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i) ^ byte(i>>8)
	}
	return p
}

// binary data comes in records of n bytes, over the borders of messages and frames, and what is left at
// the end once, shorter, before the last event.
func TestRecordsOfALength(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 100, 1000, 70_000, 1 << 20} {
		for _, sizes := range [][]int{{n}, {1}, {n - 1, 1, n}, {n + 1}, {0, n, 0}, {3 * n}, {n / 2, n/2 + n%2}, {2*n + 1, n - 1}, {150_000}, {5, 0, 300, 1, 70_000}} {
			for _, pieces := range []bool{false, true} {
				total := 0
				for _, k := range sizes {
					total += k
				}
				if n < 7 && total > 1000 || total > 1<<20 {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(pieces)
					var got []int
					var all []byte
					l.connect = func(v *visitor) error { return v.SetRecordLength(n) }
					l.message = func(_ *visitor, m client.Message) error {
						if m.Op != client.OpBinary {
							t.Errorf("a record is %v", m.Op)
						}
						got, all = append(got, len(m.Data)), append(all, m.Data...)
						return nil
					}
					l.fragment = func(*visitor, client.Fragment) error { t.Error("a fragment of binary data comes"); return nil }
					_, _, p := l.visit(t, wsserver.Config{})
					data := counting(total)
					for rest, i := data, 0; i < len(sizes); i++ {
						f := wstest.Binary(rest[:sizes[i]])
						p.Send(f.Split(sizes[i]/3, sizes[i]/5)...)
						rest = rest[sizes[i]:]
					}
					synctest.Wait()
					if len(all) != total/n*n {
						t.Errorf("records of %d of %v: %d bytes before the end", n, sizes, len(all))
					}
					p.Send(wstest.Close(1000, ""))
					synctest.Wait()
					want := slices.Repeat([]int{n}, total/n)
					if total%n > 0 {
						want = append(want, total%n)
					}
					if !slices.Equal(got, want) || !bytes.Equal(all, data) {
						t.Errorf("records of %d of %v, pieces %v: %v, damaged: %v", n, sizes, pieces, got, !bytes.Equal(all, data))
					}
					if lines := l.lines(); lines[len(lines)-1] != "OnClientDisconnect" || lines[len(lines)-2] == "OnClientDisconnect" {
						t.Errorf("events are %v", lines)
					}
				})
			}
		}
	}
}

// text is not touched, in whatever part of a record it comes; pings neither.
func TestRecordsLeaveTextAlone(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLobby(pieces)
			l.connect = func(v *visitor) error { return v.SetRecordLength(5) }
			l.collect(func(_ *visitor, op client.Opcode, data []byte) error {
				l.add(fmt.Sprintf("%v %s", op, data))
				return nil
			})
			_, _, p := l.visit(t, wsserver.Config{})
			p.Send(wstest.Binary([]byte("abc")), wstest.Text("text"), wstest.Binary([]byte("defgh")), wstest.Text(""), wstest.Binary([]byte("ij")))
			p.Send(wstest.Text("a text of more than five bytes").Split(3, 5)...)
			p.Send(wstest.Binary(nil), wstest.Binary([]byte("k")), wstest.Close(1000, ""))
			synctest.Wait()
			got := slices.DeleteFunc(l.lines(), func(s string) bool { return strings.HasPrefix(s, "On") })
			want := []string{"text text", "binary abcde", "text ", "binary fghij", "text a text of more than five bytes", "binary k"}
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// the length may be changed by each event, to one that is larger, smaller or 0.
func TestRecordLengthChangesInsideTheEvent(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	for _, tt := range []struct {
		name    string
		lengths []int // before the first event, then behind each
		sizes   []int // of the messages; the last has the rest
		want    string
	}{
		{"larger", []int{2, 3, 4, 5, 6, 7}, nil, "ab cde fghi jklmn opqrst uvwxyz"},
		{"smaller", []int{7, 6, 5, 4, 3, 2}, nil, "abcdefg hijklm nopqr stuv wxy z"},
		{"smaller than what has come", []int{10, 2}, []int{3, 3, 13}, "abcdefghij kl mn op qr st uv wx yz"},
		{"up and down", []int{1, 5, 1, 5, 1, 5}, []int{4, 4, 4}, "a bcdef g hijkl m nopqr stuvw xyz"},
		{"a header and its body", []int{1, 2, 1, 3, 1, 4, 1, 5, 1, 3}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, "a bc d efg h ijkl m nopqr s tuv wxy z"},
		{"off with a rest of the message", []int{3, 3, 0}, []int{10, 8}, "abc def ghij klmnopqr stuvwxyz"},
		{"off at the end of a message", []int{5, 5, 0}, []int{10, 8}, "abcde fghij klmnopqr stuvwxyz"},
		{"off over a border", []int{4, 4, 4, 0}, []int{10, 8}, "abcd efgh ijkl mnopqr stuvwxyz"},
		{"off and on again", []int{3, 0, 2, 0}, []int{8, 8}, "abc defgh ij klmnop qrstuvwxyz"},
		{"on behind a message", []int{0, 4}, []int{5, 3}, "abcde fghi jklm nopq rstu vwxy z"},
	} {
		for _, pieces := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pieces %v", tt.name, pieces), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLobby(pieces)
					var got []string
					change := func(v *visitor) error {
						if len(got) < len(tt.lengths) {
							return v.SetRecordLength(tt.lengths[len(got)])
						}
						return nil
					}
					l.connect = change
					l.collect(func(v *visitor, _ client.Opcode, data []byte) error {
						got = append(got, string(data))
						return change(v)
					})
					_, _, p := l.visit(t, wsserver.Config{})
					rest := letters
					for _, n := range tt.sizes {
						p.Send(wstest.Binary([]byte(rest[:n])))
						rest = rest[n:]
					}
					p.Send(wstest.Binary([]byte(rest)), wstest.Close(1000, ""))
					synctest.Wait()
					if s := strings.Join(got, " "); s != tt.want {
						t.Errorf("records are %q, want %q", s, tt.want)
					}
				})
			})
		}
	}
}

// turned off from outside, what is left comes before the next message, or at the end.
func TestRecordsTurnedOffFromOutside(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		for _, next := range []string{"next", "", "none"} {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(pieces)
				var got []string
				l.collect(func(_ *visitor, _ client.Opcode, data []byte) error { got = append(got, string(data)); return nil })
				_, v, p := l.visit(t, wsserver.Config{})
				if err := v.SetRecordLength(10); err != nil {
					t.Fatal(err)
				}
				p.Send(wstest.Binary([]byte("rest")))
				synctest.Wait()
				if err := v.SetRecordLength(0); err != nil {
					t.Fatal(err)
				}
				want := []string{"rest", next}
				if next == "none" {
					want = want[:1]
				} else {
					p.Send(wstest.Binary([]byte(next)))
				}
				p.Send(wstest.Close(1000, ""))
				synctest.Wait()
				if !slices.Equal(got, want) {
					t.Errorf("pieces %v: %q, want %q", pieces, got, want)
				}
			})
		}
	}
}

// what is left of a message whose beginning was records comes in pieces of which the first is
// told as first, and the last as final; of a message that was records to its end no piece comes, compressed or not.
func TestPiecesBehindRecords(t *testing.T) {
	for _, zip := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLobby(true)
			l.message = func(v *visitor, m client.Message) error {
				l.add("record " + string(m.Data))
				return v.SetRecordLength(0)
			}
			l.fragment = func(v *visitor, f client.Fragment) error {
				l.add(fmt.Sprintf("piece %s, first %v, final %v", f.Data, f.First, f.Final))
				return nil
			}
			cfg := wsserver.Config{}
			srv := newServerOf(t, l, cfg)
			if zip {
				srv = newServerOf(t, l, wsserver.Config{Compression: client.Compression{Mode: client.CompressionMessage}})
			}
			p := raw(t, serve(t, srv))
			if zip {
				wstest.OpenDeflate(p, "/", "permessage-deflate")
			} else {
				wstest.Open(p, "/")
			}
			v := l.visitor(t)
			send := func(n int, parts ...string) {
				if err := v.SetRecordLength(n); err != nil {
					t.Fatal(err)
				}
				var cuts []int
				for _, s := range parts[:len(parts)-1] {
					cuts = append(cuts, len(s))
				}
				if !zip {
					p.Send(wstest.Binary([]byte(strings.Join(parts, ""))).Split(cuts...)...)
				} else {
					for i, s := range parts { // each is flushed, so that it comes before the next
						f := wstest.Frame{Op: wstest.OpContinuation, More: i+1 < len(parts), Payload: wstest.NewDeflater(15, false).Deflate([]byte(s))}
						if i == 0 {
							f.Op, f.RSV = wstest.OpBinary, wstest.RSV1
						}
						if f.More {
							f.Payload = append(f.Payload, 0, 0, 0xff, 0xff)
						}
						p.Send(f)
						synctest.Wait()
					}
				}
				synctest.Wait()
			}
			send(3, "abc", "def", "g")
			send(3, "abc")
			send(2, "ab", "c")
			send(0, "whole")
			got := slices.DeleteFunc(l.lines(), func(s string) bool { return strings.HasPrefix(s, "On") })
			want := []string{
				"record abc", "piece def, first true, final false", "piece g, first false, final true",
				"record abc",
				"record ab", "piece c, first true, final true",
				"piece whole, first true, final true",
			}
			if zip { // the end of a compressed message is a piece of its own
				want[2] = "piece g, first false, final false"
				want[5] = "piece c, first true, final false"
				want[6] = "piece whole, first true, final false"
				want = slices.Insert(want, 7, "piece , first false, final true")
				want = slices.Insert(want, 6, "piece , first false, final true")
				want = slices.Insert(want, 3, "piece , first false, final true")
			}
			if !slices.Equal(got, want) {
				t.Errorf("zip %v:\n%s\nwant\n%s", zip, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// the event owns its record, and may extend it.
func TestRecordsAreTheClassesOwn(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLobby(pieces)
			l.connect = func(v *visitor) error { return v.SetRecordLength(3) }
			var got []byte
			l.message = func(_ *visitor, m client.Message) error {
				got = append(got, m.Data...)
				m.Data = append(m.Data, "overwrites what is behind it"...)
				for i := range m.Data {
					m.Data[i] = '-'
				}
				return nil
			}
			_, v, p := l.visit(t, wsserver.Config{})
			want := counting(1000)
			for rest := want; len(rest) > 0; rest = rest[min(len(rest), 77):] {
				p.Send(wstest.Binary(rest[:min(len(rest), 77)]))
				synctest.Wait()
				// Half of the messages are gathered, and then cut.
				if err := v.SetRecordLength([]int{100, 3}[len(rest)%2]); err != nil {
					t.Fatal(err)
				}
			}
			p.Send(wstest.Close(1000, ""))
			synctest.Wait()
			if !bytes.Equal(got, want) {
				t.Error("records arrive damaged")
			}
		})
	}
}

// lengths that can not be, by default and with a limit, and when.
func TestImpossibleRecordLengths(t *testing.T) {
	if err := new(visitor).SetRecordLength(1); !errors.Is(err, client.ErrClosed) {
		t.Errorf("without a connection: %v", err)
	}
	for _, tt := range []struct {
		limit int64
		bad   []int
		good  []int
	}{
		{0, []int{-1, 1<<20 + 1, -1 << 31}, []int{0, 1, 1 << 20}},
		{100, []int{-1, 101}, []int{0, 100}},
	} {
		for _, pieces := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(pieces)
				l.disconnect = func(v *visitor, _ client.CloseInfo) {
					if err := v.SetRecordLength(1); !errors.Is(err, client.ErrClosed) {
						t.Errorf("behind the end: %v", err)
					}
				}
				_, v, p := l.visit(t, wsserver.Config{MaxMessageSize: tt.limit})
				for _, n := range tt.bad {
					if err := v.SetRecordLength(n); !errors.Is(err, client.ErrRecordLength) {
						t.Errorf("limit %d, pieces %v: SetRecordLength(%d) = %v", tt.limit, pieces, n, err)
					}
				}
				for _, n := range tt.good {
					if err := v.SetRecordLength(n); err != nil {
						t.Errorf("limit %d, pieces %v: SetRecordLength(%d) = %v", tt.limit, pieces, n, err)
					}
				}
				p.Conn.Close()
				synctest.Wait()
			})
		}
	}
}

// what is left is delivered however the connection ends, save by an event that failed;
// then too exactly one last event comes.
func TestLastRecordHoweverItEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(v *visitor, p *wstest.Peer)
		want bool
	}{
		{"the peer's close", func(_ *visitor, p *wstest.Peer) { p.Send(wstest.Close(1000, "")) }, true},
		{"the peer's end", func(_ *visitor, p *wstest.Peer) { p.Conn.Close() }, true},
		{"a reset", func(_ *visitor, p *wstest.Peer) { p.Drop() }, true},
		{"a violation", func(_ *visitor, p *wstest.Peer) { p.Send(wstest.Frame{Op: 3}) }, true},
		{"Close", func(v *visitor, p *wstest.Peer) { v.Close(4000, ""); p.Send(wstest.Close(4000, "")) }, true},
		{"Close in a pause", func(v *visitor, p *wstest.Peer) {
			v.SetAcceptData(false)
			synctest.Wait()
			v.Close(4000, "")
			p.Send(wstest.Close(4000, ""))
		}, true},
		{"an error", func(_ *visitor, p *wstest.Peer) { p.Send(wstest.Text("fail")) }, false},
		{"a panic", func(_ *visitor, p *wstest.Peer) { p.Send(wstest.Text("panic")) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(false)
				var got []string
				l.message = func(v *visitor, m client.Message) error {
					switch {
					case m.Op == client.OpBinary:
						got = append(got, string(m.Data))
						if err := v.SendText("x"); len(m.Data) < 4 && !errors.Is(err, client.ErrClosed) {
							t.Errorf("Send = %v", err)
						}
						return nil
					case string(m.Data) == "panic":
						panic("oh")
					}
					return errBroken
				}
				_, v, p := l.visit(t, wsserver.Config{})
				if err := v.SetRecordLength(4); err != nil {
					t.Fatal(err)
				}
				p.Send(wstest.Binary([]byte("abcdef")))
				synctest.Wait()
				tt.end(v, p)
				synctest.Wait()
				p.Conn.Close()
				synctest.Wait()
				l.ended(t)
				want := []string{"abcd", "ef"}
				if !tt.want {
					want = want[:1]
				}
				if !slices.Equal(got, want) {
					t.Errorf("records are %q, want %q", got, want)
				}
			})
		})
	}
}
