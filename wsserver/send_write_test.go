package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-04, S-05, S-06: Write sends in the format that was chosen and takes all or nothing;
// explicit methods do not look at the format.
func TestWriteSendsInItsFormat(t *testing.T) {
	for _, tt := range []struct {
		format client.Format
		data   string
		op     wstest.Opcode
		err    error
	}{
		{client.FormatAuto, "text", wstest.OpText, nil},
		{client.FormatAuto, "", wstest.OpText, nil},
		{client.FormatAuto, "\xff", wstest.OpBinary, nil},
		{client.FormatText, "text", wstest.OpText, nil},
		{client.FormatText, "\xff", 0, client.ErrInvalidUTF8},
		{client.FormatBinary, "text", wstest.OpBinary, nil},
		{client.FormatPing, "ping", wstest.OpPing, nil},
		{client.FormatPing, strings.Repeat("p", 126), 0, client.ErrTooLong},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, k, w := narrow(t, 0, &club{}, wsserver.Config{})
			k.SetFormat(tt.format)
			n, err := io.WriteString(k, tt.data)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil || n != len(tt.data) && err == nil || n != 0 && err != nil {
				t.Errorf("Write of %q as %d = %d, %v", tt.data, tt.format, n, err)
			}
			if err == nil {
				no(t, w.step())
				if f := w.frames[0]; f.Op != tt.op || string(f.Payload) != tt.data {
					t.Errorf("Write of %q as %d sends %+v", tt.data, tt.format, f)
				}
			}
			no(t, k.SendBinary([]byte("text")))
			if m := w.message(); m.Op != wstest.OpBinary {
				t.Errorf("SendBinary sends opcode %d", m.Op)
			}
			no(t, k.Close(1000, ""))
			if n, err := k.Write([]byte("late")); n != 0 || !errors.Is(err, client.ErrClosed) {
				t.Errorf("Write after Close = %d, %v", n, err)
			}
		})
	}
}

// S-04: the class is a writer that standard functions use, and Writer makes one message
// of many writes.
func TestWriterMakesOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, w := narrow(t, 0, &club{}, wsserver.Config{})
		fmt.Fprintf(k, "%d sheep", 3)
		w.want("3 sheep")
		m := k.Writer(client.OpText)
		fmt.Fprint(m, "one, ")
		fmt.Fprint(m, "two, ")
		no(t, m.Flush())
		no(t, m.Flush()) // with nothing to send
		if n, err := io.Copy(m, strings.NewReader("three")); n != 5 || err != nil {
			t.Errorf("Copy = %d, %v", n, err)
		}
		no(t, m.Close())
		w.want("one, two, three")
		if n := len(w.frames); n < 3 || n > 4 { // the whole and the fragments
			t.Errorf("%d frames", n)
		}
		for what, err := range map[string]error{"Close": m.Close(), "Flush": m.Flush()} {
			if !errors.Is(err, client.ErrClosed) {
				t.Errorf("%s after Close = %v", what, err)
			}
		}
		if _, err := m.Write([]byte("x")); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Write after Close = %v", err)
		}
		m.Abort(nil)
		no(t, k.Writer(client.OpText).Close())
		w.want("")
		m = k.Writer(client.OpText)
		io.WriteString(m, "given up before anything was sent")
		m.Abort(nil)
		if err := m.Close(); !errors.Is(err, client.ErrInterrupted) {
			t.Errorf("Close after Abort = %v", err)
		}
		no(t, k.SendText("still here"))
		w.want("still here")
	})
}

// S-08: the length that was announced is held, exactly.
func TestDeclaredLength(t *testing.T) {
	for _, mode := range modes {
		for _, tt := range []struct {
			total, writes int
			lost          bool
		}{
			{100_000, 100_000, false},
			{100_000, 99_999, true},
			{100_000, 100_001, false}, // one write, of which nothing is sent
			{10, 9, false},
			{10, 11, false},
			{0, 0, false},
			{0, 1, false},
		} {
			synctest.Test(t, func(t *testing.T) {
				c := &club{}
				_, k, w := narrow(t, 0, c, wsserver.Config{Compression: client.Compression{Mode: mode}})
				done := make(chan error, 1)
				go func() {
					m := k.NewMessage(client.OpBinary, int64(tt.total))
					_, err := io.WriteString(m, prose(1, tt.writes))
					if cerr := m.Close(); err == nil {
						err = cerr
					}
					done <- err
				}()
				if tt.total == tt.writes {
					w.want(prose(1, tt.writes))
					no(t, <-done)
					return
				}
				if tt.lost {
					if code := w.rest(); code != 1011 {
						t.Errorf("%v, %d of %d: closed with %d", mode, tt.writes, tt.total, code)
					}
				}
				if err := <-done; !errors.Is(err, client.ErrMessageLength) {
					t.Errorf("%v, %d of %d: %v", mode, tt.writes, tt.total, err)
				}
				if !tt.lost {
					no(t, k.SendText("costs nothing"))
					w.want("costs nothing")
					return
				}
				synctest.Wait()
				broken(t, c.ending(t), client.ErrMessageLength)
			})
		}
	}
}

// S-08: a message of a kind that does not exist, options that do not fit, a client that
// is not connected.
func TestStreamsThatCanNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, w := narrow(t, 0, &club{}, wsserver.Config{})
		for _, tt := range []struct {
			name string
			m    *client.MessageWriter
			want error
		}{
			{"opcode 9", k.NewMessage(9, -1), client.ErrBadOpcode},
			{"opcode 0", k.NewMessage(0, -1), client.ErrBadOpcode},
			{"a key", k.NewMessage(client.OpText, -1, client.SendOptions{Key: "k"}), client.ErrOptions},
			{"two options", k.NewMessage(client.OpText, -1, client.SendOptions{}, client.SendOptions{}), client.ErrOptions},
			{"not connected", new(keen).NewMessage(client.OpText, -1), client.ErrClosed},
		} {
			_, werr := tt.m.Write([]byte("x"))
			_, rerr := tt.m.ReadFrom(strings.NewReader("x"))
			for what, err := range map[string]error{"Write": werr, "ReadFrom": rerr, "Flush": tt.m.Flush(), "Close": tt.m.Close()} {
				if !errors.Is(err, tt.want) {
					t.Errorf("%s: %s = %v, want %v", tt.name, what, err, tt.want)
				}
			}
			tt.m.Abort(nil)
		}
		for _, o := range []client.SendOptions{
			{Policy: client.QueueClose, Key: "k"}, {Policy: 99}, {Timeout: -1}, {Progress: func(int64, int64) bool { return true }},
		} {
			if r := k.SendWith(t.Context(), client.Text("x"), o); !errors.Is(r.Err, client.ErrOptions) || r.WireSize != 0 {
				t.Errorf("SendWith %+v = %+v", o, r)
			}
		}
		if err := new(keen).SetSendQueue(client.SendQueue{MaxBytes: -1}); err == nil {
			t.Error("a queue of -1 bytes is taken")
		}
		no(t, k.SendText("nothing has happened"))
		w.want("nothing has happened")
	})
}

// S-26: Progress runs on the sender's goroutine with what is sent, up to the end; false
// ends the message.
func TestProgressOfAStream(t *testing.T) {
	for _, mode := range modes {
		for _, known := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				c := &club{}
				_, k, w := narrow(t, 0, c, wsserver.Config{Compression: client.Compression{Mode: mode}})
				const size = 200_000
				var src io.Reader = strings.NewReader(prose(1, size))
				want := int64(size)
				if !known {
					src, want = source{src}, -1
				}
				last := int64(0)
				done := make(chan error, 1)
				go func() {
					done <- k.SendReader(t.Context(), client.OpBinary, src, client.SendOptions{Progress: func(sent, total int64) bool {
						if sent < last || total != want {
							t.Errorf("Progress(%d, %d) behind %d", sent, total, last)
						}
						last = sent
						return true
					}})
				}()
				w.want(prose(1, size))
				no(t, <-done)
				if last != size {
					t.Errorf("the last Progress has %d", last)
				}
				go func() {
					done <- k.SendReader(t.Context(), client.OpBinary, strings.NewReader(prose(1, size)), client.SendOptions{
						Progress: func(sent, total int64) bool { return sent < size/2 },
					})
				}()
				if code := w.rest(); code != 1011 || len(w.messages) != 1 {
					t.Errorf("closed with %d", code)
				}
				if err := <-done; !errors.Is(err, client.ErrInterrupted) {
					t.Errorf("SendReader = %v", err)
				}
				synctest.Wait()
				broken(t, c.ending(t), client.ErrInterrupted)
			})
		}
	}
}

// S-07: frames on the wire for every size of frame and message, compressed or not, from
// Send, a broadcast, a handler and the queue.
func TestFramesHaveTheirSize(t *testing.T) {
	for _, mode := range modes {
		for _, max := range []int{1, 2, 125, 126, 127, 1000, 65535, 65536, 70_000} {
			t.Run(fmt.Sprint(mode, " ", max), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sizes := []int{0, 1, max - 1, max, max + 1, 2 * max, 3*max + 1, 5000}
					c := &club{message: func(k *keen, m client.Message) error {
						for _, n := range sizes {
							if n < 8000 || max > 1000 {
								if err := k.Send(client.Text(prose(n, n))); err != nil {
									return err
								}
							}
						}
						return nil
					}}
					srv, k, w := narrow(t, 0, c, wsserver.Config{Compression: client.Compression{Mode: mode}, MaxFrameSize: max})
					zip := func(n int) bool {
						return mode == client.CompressionMessage && n >= 200 || mode == client.CompressionContext && n >= 32
					}
					check := func(n int, wire int) {
						t.Helper()
						before := len(w.frames)
						w.want(prose(n, n))
						m := w.messages[len(w.messages)-1]
						frames := w.frames[before:]
						size := 0
						for i, f := range frames {
							if want := i == len(frames)-1; len(f.Payload) != max && !want || len(f.Payload) > max || f.More == want {
								t.Fatalf("%d bytes: frame %d of %d has %d", n, i, len(frames), len(f.Payload))
							}
							f.Unmasked = true
							size += len(f.Bytes())
						}
						if m.Compressed != zip(n) || !m.Compressed && len(frames) != max2(1, (n+max-1)/max) {
							t.Errorf("%d bytes: %d frames, compressed %v", n, len(frames), m.Compressed)
						}
						if wire >= 0 && size != wire {
							t.Errorf("%d bytes: WireSize %d, and %d on the wire", n, wire, size)
						}
					}
					for _, n := range sizes {
						r := k.SendWith(t.Context(), client.Text(prose(n, n)), client.SendOptions{})
						if r.Err != nil || r.PayloadSize != n || r.URI != "/" || r.ID != k.ID() {
							t.Errorf("%+v", r)
						}
						check(n, r.WireSize)
						r = srv.SendToWith(t.Context(), k.ID(), client.Text(prose(n, n)), client.SendOptions{})
						no(t, r.Err)
						check(n, r.WireSize)
						rs, err := srv.BroadcastWith(client.Text(prose(n, n)), client.SendOptions{})
						no(t, err)
						if zip(n) && rs[0].WireSize >= n { // which a broadcast sends as it is
							w.want(prose(n, n))
							continue
						}
						check(n, rs[0].WireSize)
					}
					w.p.Send(wstest.Text("go"))
					for _, n := range sizes {
						if n < 8000 || max > 1000 {
							check(n, -1)
						}
					}
					// In the queue, all of it waits.
					for _, n := range sizes {
						no(t, k.Send(client.Text(prose(n, n))))
					}
					for _, n := range sizes {
						check(n, -1)
					}
				})
			})
		}
	}
}

func max2(a, b int) int { return max(a, b) }

// S-07: NoCompression sends a message as it is, in its place among others.
func TestNoCompressionOfOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, k, w := narrow(t, 0, &club{}, wsserver.Config{Compression: client.Compression{Mode: client.CompressionContext}})
		plain := client.SendOptions{NoCompression: true}
		for i := range 6 {
			no(t, k.SendText(prose(1, 300)))
			no(t, k.SendWith(t.Context(), client.Text(prose(i, 310)), plain).Err)
			_, err := srv.BroadcastWith(client.Text(prose(i, 320)), plain)
			no(t, err)
			no(t, srv.SendToWith(t.Context(), k.ID(), client.Text(prose(i, 330)), plain).Err)
			no(t, k.SendReader(t.Context(), client.OpText, strings.NewReader(prose(i, 340)), plain))
			no(t, k.SendReader(t.Context(), client.OpText, strings.NewReader(prose(i, 350))))
			for n, zip := range map[int]bool{300: true, 310: false, 320: false, 330: false, 340: false, 350: true} {
				_, _ = n, zip
			}
			for j, zip := range []bool{true, false, false, false, false, true} {
				if m := w.message(); m.Compressed != zip || len(m.Data) != 300+10*j && j != 0 && len(m.Data) < 300+10*j-1 {
					t.Errorf("round %d: message %d has %d bytes, compressed %v", i, j, len(m.Data), m.Compressed)
				}
			}
		}
	})
}

// S-07: pings and pongs go between the frames of a message that waits in the queue, and
// the close frame does so when the queue is given up.
func TestControlFramesGoBetweenTheFramesOfAMessage(t *testing.T) {
	for _, mode := range []client.CompressionMode{client.CompressionOff, client.CompressionContext} {
		synctest.Test(t, func(t *testing.T) {
			_, k, w := narrow(t, 1000, &club{}, wsserver.Config{MaxFrameSize: 500, Compression: client.Compression{Mode: mode}, WriteTimeout: -1})
			var random []byte
			for i := range 50_000 {
				random = append(random, byte(i*i>>3), byte(i*7919>>5))
			}
			no(t, k.SendText("first"))
			no(t, k.SendBinary(random))
			no(t, k.SendText("last"))
			w.want("first")
			for i := range 10 {
				for range 10 {
					no(t, w.step())
				}
				no(t, k.Ping([]byte{byte(i)}))
				w.p.Send(wstest.Ping([]byte{'p', byte(i)}))
				synctest.Wait()
			}
			for len(w.messages) < 3 {
				no(t, w.step())
			}
			if m := w.messages[1]; !bytes.Equal(m.Data, random) || m.Frames < 150 {
				t.Errorf("%d bytes arrive in %d frames", len(m.Data), m.Frames)
			}
			if string(w.messages[2].Data) != "last" {
				t.Errorf("the last is %q", w.messages[2].Data)
			}
			pings, pongs := 0, 0
			inside := false
			for _, f := range w.frames {
				switch {
				case f.Op == wstest.OpPing && inside:
					pings++
				case f.Op == wstest.OpPong && inside:
					pongs++
				case !f.Op.IsControl():
					inside = f.More
				}
			}
			if pings != 10 || pongs != 10 {
				t.Errorf("%v: %d pings and %d pongs come between the frames of a message", mode, pings, pongs)
			}
		})
	}
}

// S-13: TrySend returns at once, with a full queue or an empty one, and costs nothing.
func TestTrySendNeverWaits(t *testing.T) {
	for _, policy := range []client.QueuePolicy{client.QueueClose, client.QueueBlock, client.QueueDropNewest, client.QueueDropOldest, client.QueueLatest} {
		for _, mode := range modes {
			synctest.Test(t, func(t *testing.T) {
				c := &club{}
				_, k, w := narrow(t, 1000, c, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 5000, Policy: policy}, WriteTimeout: -1, Compression: client.Compression{Mode: mode}})
				start, taken := time.Now(), 0
				var err error
				for err == nil && taken < 10_000 {
					if err = k.TrySend(client.Text(prose(taken, 20))); err == nil { // never compressed
						taken++
					}
				}
				if !errors.Is(err, client.ErrWouldBlock) || time.Since(start) != 0 || !k.Connected() {
					t.Errorf("%v: TrySend = %v after %v", policy, err, time.Since(start))
				}
				if err := k.TrySend(client.Text(prose(1, 4000))); !errors.Is(err, client.ErrWouldBlock) {
					t.Errorf("%v: TrySend of a long message = %v", policy, err)
				}
				if err := k.TrySend(client.Text("\xff")); !errors.Is(err, client.ErrInvalidUTF8) {
					t.Errorf("TrySend of what is no text = %v", err)
				}
				if s := k.Stats(); s.Buffered > 5000+30 || s.MessagesDropped != 0 || s.MessagesOut != uint64(taken) {
					t.Errorf("%v: %+v with %d taken", policy, s, taken)
				}
				ready := make(chan error, 1)
				go func() { ready <- k.WaitWritable(context.Background()) }()
				for i := range taken {
					w.want(prose(i, 20))
				}
				no(t, <-ready)
				synctest.Wait()
				if c.readys != 1 || len(c.told()) != 0 {
					t.Errorf("%v: OnReadyToSend came %d times, drops %v", policy, c.readys, c.told())
				}
				no(t, k.TrySend(client.Text(prose(1, 4000))))
				w.want(prose(1, 4000))
			})
		}
	}
}
