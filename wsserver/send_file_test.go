package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

var modes = []client.CompressionMode{client.CompressionOff, client.CompressionMessage, client.CompressionContext}

// S-03, S-07, S-08: over every road, compressed or not, in frames of any size: a file, a
// reader or a writer is one message, in its place: behind what was sent before, ahead of
// what is sent meanwhile.
func TestStreamsArriveInTheirPlace(t *testing.T) { onDrivers(t, testStreamsArriveInTheirPlace) }

func testStreamsArriveInTheirPlace(t *testing.T) {
	data := verse("Wörter für 3 € und 😀 number ", 1, 700_000) + "."
	if data = strings.ToValidUTF8(data, ""); len(data) < 699_990 {
		t.Fatal(len(data))
	}
	name := fileOf(t, []byte(data))
	for i, road := range []string{"memory", "TCP", "TLS"} {
		for j, mode := range modes {
			max := []int{0, 1000, 40_000}[(i+j)%3] // so each pair of the three is there
			t.Run(fmt.Sprint(road, " ", mode, " ", max), func(t *testing.T) {
				srv, k, w := reach(t, road, &club{}, wsserver.Config{Compression: client.Compression{Mode: mode}, MaxFrameSize: max})
				meanwhile := 0
				send := client.SendOptions{Progress: func(sent, total int64) bool {
					if sent < 300_000 && meanwhile < 20 { // the message is under way
						meanwhile++
						no(t, k.SendText(prose(meanwhile, 400)))
						if n := srv.Broadcast(client.Text(prose(meanwhile, 401))); n != 1 {
							t.Errorf("a broadcast is taken by %d", n)
						}
					}
					return true
				}}
				streams := []struct {
					op   wstest.Opcode
					send func() error
				}{
					{wstest.OpBinary, func() error { return k.SendFile(t.Context(), name, send) }},
					{wstest.OpText, func() error { return k.SendReader(t.Context(), client.OpText, strings.NewReader(data), send) }},
					{wstest.OpBinary, func() error {
						return k.SendReader(t.Context(), client.OpBinary, source{strings.NewReader(data)}, send)
					}},
					{wstest.OpText, func() error {
						m := k.NewMessage(client.OpText, int64(len(data)), send)
						for rest := data; rest != ""; rest = rest[min(70_001, len(rest)):] {
							if _, err := m.WriteString(rest[:min(70_001, len(rest))]); err != nil {
								return err
							}
						}
						return m.Close()
					}},
				}
				done := make(chan error, 1)
				go func() {
					for i, s := range streams {
						if err := k.SendText(fmt.Sprint("before ", i)); err != nil {
							done <- err
							return
						}
						meanwhile = 0
						if err := s.send(); err != nil {
							done <- fmt.Errorf("stream %d: %w", i, err)
							return
						}
						if err := k.SendText(fmt.Sprint("behind ", i, " ", meanwhile)); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
				for i, s := range streams {
					w.want(fmt.Sprint("before ", i))
					m := w.message()
					if string(m.Data) != data || m.Op != s.op || m.Frames < 3 {
						t.Fatalf("stream %d arrives with %d bytes in %d frames", i, len(m.Data), m.Frames)
					}
					if zip := mode != client.CompressionOff; m.Compressed != zip || zip && m.Wire > len(data)/4 {
						t.Errorf("stream %d: compressed %v, %d bytes", i, m.Compressed, m.Wire)
					}
					for n := 1; ; n++ {
						m := w.message()
						if string(m.Data) == fmt.Sprintf("behind %d %d", i, n-1) {
							if n == 1 {
								t.Errorf("nothing was sent during stream %d", i)
							}
							break
						}
						if string(m.Data) != prose(n, 400) {
							t.Fatalf("behind stream %d: message %.50q", i, m.Data)
						}
						w.want(prose(n, 401))
					}
				}
				no(t, <-done)
				for _, f := range w.frames {
					if max > 0 && len(f.Payload) > max {
						t.Fatalf("a frame of %d bytes", len(f.Payload))
					}
				}
				eventually(t, "what has arrived to be booked", func() bool { return k.Stats().Buffered == 0 })
				if s := k.Stats(); s.MessagesOut != uint64(len(w.messages)) || s.MessagesDropped != 0 {
					t.Errorf("the counters are %+v behind %d messages", s, len(w.messages))
				}
			})
		}
	}
}

// S-03: files and readers of sizes around the buffers.
func TestStreamsOfAnySize(t *testing.T) { onDrivers(t, testStreamsOfAnySize) }

func testStreamsOfAnySize(t *testing.T) {
	for _, road := range []string{"memory", "TCP"} {
		for _, mode := range modes {
			_, k, w := reach(t, road, &club{}, wsserver.Config{Compression: client.Compression{Mode: mode}})
			for _, n := range []int{0, 1, 125, 126, 32<<10 - 1, 32 << 10, 32<<10 + 1, 64 << 10, 256 << 10, 256<<10 + 1, 512 << 10} {
				data := prose(n, n)
				done := make(chan error, 1)
				go func() {
					err := k.SendFile(t.Context(), fileOf(t, []byte(data)))
					if err == nil {
						err = k.SendReader(t.Context(), client.OpText, strings.NewReader(data))
					}
					done <- err
				}()
				w.want(data)
				w.want(data)
				if err := <-done; err != nil {
					t.Errorf("%s, %v, %d bytes: %v", road, mode, n, err)
				}
			}
		}
	}
}

// S-03: what can not be opened is an error and nothing else.
func TestMissingFileCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, w := narrow(t, 0, &club{}, wsserver.Config{})
		if err := k.SendFile(t.Context(), t.TempDir()+"/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("SendFile of nothing = %v", err)
		}
		if err := k.SendFile(t.Context(), t.TempDir()); err == nil {
			t.Error("SendFile of a directory = nil")
		}
		no(t, k.SendText("here"))
		w.want("here")
		if s := k.Stats(); s.MessagesOut != 1 || len(w.frames) != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// S-03: so is a file that may not be read, over memory and where the kernel would copy it.
func TestUnreadableFileCostsNothing(t *testing.T) { onDrivers(t, testUnreadableFileCostsNothing) }

func testUnreadableFileCostsNothing(t *testing.T) {
	for _, road := range []string{"memory", "TCP"} {
		_, k, w := reach(t, road, &club{}, wsserver.Config{})
		f, err := os.OpenFile(fileOf(t, make([]byte, 1<<20)), os.O_WRONLY, 0)
		no(t, err)
		if err := k.SendReadCloser(t.Context(), client.OpBinary, f); err == nil {
			t.Errorf("%s: SendReadCloser of a file that is open for writing = nil", road)
		}
		no(t, k.SendText("here"))
		w.want("here")
	}
}

// S-03: the source fails: before the first byte an error and nothing else, later 1011,
// and the caller gets the reason in both cases.
func TestSourceFails(t *testing.T) {
	gone := errors.New("disk is gone")
	failing := func(n int) io.Reader {
		return io.MultiReader(strings.NewReader(prose(1, n)), sourceFunc(func([]byte) (int, error) { return 0, gone }))
	}
	for _, mode := range modes {
		for _, tt := range []struct {
			name string
			op   client.Opcode
			src  io.Reader
			want error
			lost bool
		}{
			{"at once", client.OpBinary, failing(0), gone, false},
			{"later", client.OpBinary, failing(100_000), gone, true},
			{"text that is none", client.OpText, strings.NewReader("\xff"), client.ErrInvalidUTF8, false},
			{"text that is none later", client.OpText, strings.NewReader(prose(1, 100_000) + "\xff"), client.ErrInvalidUTF8, true},
			{"text that ends in a rune", client.OpText, strings.NewReader(prose(1, 100_000) + "\xe2\x82"), client.ErrInvalidUTF8, true},
		} {
			t.Run(mode.String()+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := &club{}
					_, k, w := narrow(t, 0, c, wsserver.Config{Compression: client.Compression{Mode: mode}})
					no(t, k.SendText(prose(3, 500)))
					done := make(chan error, 1)
					go func() { done <- k.SendReader(t.Context(), tt.op, tt.src) }()
					w.want(prose(3, 500))
					if !tt.lost {
						if err := <-done; !errors.Is(err, tt.want) {
							t.Errorf("SendReader = %v", err)
						}
						no(t, k.SendText(prose(1, 500)))
						w.want(prose(1, 500))
						return
					}
					if code := w.rest(); code != 1011 || len(w.messages) != 1 {
						t.Errorf("closed with %d behind %d messages", code, len(w.messages))
					}
					if err := <-done; !errors.Is(err, tt.want) {
						t.Errorf("SendReader = %v", err)
					}
					synctest.Wait()
					broken(t, c.ending(t), tt.want)
				})
			})
		}
	}
}

// S-03: ctx ends a stream: before the first byte an error and nothing else, while it is
// under way 1011.
func TestContextEndsAStream(t *testing.T) {
	enough := errors.New("enough")
	for _, mode := range modes {
		synctest.Test(t, func(t *testing.T) {
			c := &club{}
			_, k, w := narrow(t, 5000, c, wsserver.Config{Compression: client.Compression{Mode: mode, Threshold: -1}, WriteTimeout: -1})
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(enough)
			if err := k.SendReader(ctx, client.OpBinary, strings.NewReader("x")); !errors.Is(err, enough) {
				t.Errorf("SendReader with a context that is done = %v", err)
			}
			ctx, cancel = context.WithCancelCause(t.Context())
			reads := sourceFunc(func(p []byte) (int, error) {
				cancel(enough)
				return copy(p, prose(1, 3000)), nil
			})
			if err := k.SendReader(ctx, client.OpBinary, reads); !errors.Is(err, enough) {
				t.Errorf("SendReader whose source cancels = %v", err)
			}
			no(t, k.SendText(prose(1, 3000))) // that the peer can still read
			w.want(prose(1, 3000))
			ctx, cancel = context.WithCancelCause(t.Context())
			time.AfterFunc(time.Minute, func() { cancel(enough) })
			start := time.Now()
			random := bytes.NewReader(bytes.Repeat([]byte{0x55, 0x12, 0x9a}, 3_000_000))
			if err := k.SendReader(ctx, client.OpBinary, random); !errors.Is(err, enough) || time.Since(start) != time.Minute {
				t.Errorf("%v: SendReader to a peer that does not read = %v after %v", mode, err, time.Since(start))
			}
			if code := w.rest(); code != 1011 {
				t.Errorf("closed with %d", code)
			}
			synctest.Wait()
			broken(t, c.ending(t), enough)
		})
	}
}

// S-03: a file that shrinks is told, and one that grows is sent as it was; over memory
// and over TCP, where the kernel copies it.
func TestFileChangesWhileItIsSent(t *testing.T) { onDrivers(t, testFileChangesWhileItIsSent) }

func testFileChangesWhileItIsSent(t *testing.T) {
	const size = 2 << 20
	for _, road := range []string{"memory", "TCP", "TLS"} {
		for _, shrink := range []bool{true, false} {
			t.Run(fmt.Sprint(road, " shrinks ", shrink), func(t *testing.T) {
				c := &club{}
				_, k, w := reach(t, road, c, wsserver.Config{})
				data := prose(5, size)
				name := fileOf(t, []byte(data))
				changed := false
				change := client.SendOptions{Progress: func(int64, int64) bool {
					if !changed && shrink {
						no(t, os.Truncate(name, size/4))
					} else if !changed {
						f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
						no(t, err)
						f.WriteString("and more")
						f.Close()
					}
					changed = true
					return true
				}}
				done := make(chan error, 1)
				go func() { done <- k.SendFile(t.Context(), name, change) }()
				if shrink {
					if code := w.rest(); code != 1011 || len(w.messages) != 0 {
						t.Errorf("closed with %d behind %d messages", code, len(w.messages))
					}
					want := map[string]error{"memory": client.ErrMessageLength, "TCP": io.ErrUnexpectedEOF, "TLS": client.ErrMessageLength}[road]
					if err := <-done; !errors.Is(err, want) {
						t.Errorf("SendFile = %v", err)
					}
					eventually(t, "the end", c.ended)
					broken(t, c.ending(t), want)
					return
				}
				w.want(data)
				no(t, <-done)
			})
		}
	}
}

// S-03: a file that says it has no size, and pipes, are read to their end.
func TestFileWithoutASize(t *testing.T) { onDrivers(t, testFileWithoutASize) }

func testFileWithoutASize(t *testing.T) {
	_, k, w := reach(t, "TCP", &club{}, wsserver.Config{})
	if want, err := os.ReadFile("/proc/version"); err == nil {
		no(t, k.SendFile(t.Context(), "/proc/version"))
		w.want(string(want))
	}
	r, pw, err := os.Pipe()
	no(t, err)
	defer r.Close()
	go func() {
		pw.WriteString(prose(1, 100_000))
		pw.Close()
	}()
	done := make(chan error, 1)
	go func() { done <- k.SendReader(t.Context(), client.OpBinary, r) }()
	w.want(prose(1, 100_000))
	no(t, <-done)
}

// S-03: a reader of a part of a file, from where it stands.
func TestPartOfAFile(t *testing.T) { onDrivers(t, testPartOfAFile) }

func testPartOfAFile(t *testing.T) {
	_, k, w := reach(t, "TCP", &club{}, wsserver.Config{})
	data := prose(1, 400_000)
	f, err := os.Open(fileOf(t, []byte(data)))
	no(t, err)
	defer f.Close()
	_, err = f.Seek(1000, io.SeekStart)
	no(t, err)
	done := make(chan error, 1)
	go func() { done <- k.SendReader(t.Context(), client.OpBinary, io.LimitReader(f, 200_000)) }()
	w.want(data[1000:201_000])
	no(t, <-done)
	go func() { done <- k.SendReader(t.Context(), client.OpBinary, f) }()
	w.want(data[201_000:])
	no(t, <-done)
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != int64(len(data)) {
		t.Errorf("the file is read up to %d, %v", at, err)
	}
}

// S-15: SendReader leaves its source open; SendReadCloser closes it, once, whatever
// happens.
func TestSourceIsClosedByWhoSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, w := narrow(t, 0, &club{}, wsserver.Config{})
		src := &closeCounter{Reader: strings.NewReader("one")}
		no(t, k.SendReader(t.Context(), client.OpText, src))
		w.want("one")
		if src.closes != 0 {
			t.Errorf("SendReader closes its source")
		}
		src = &closeCounter{Reader: strings.NewReader("two")}
		no(t, k.SendReadCloser(t.Context(), client.OpText, src))
		w.want("two")
		if src.closes != 1 {
			t.Errorf("%d closes", src.closes)
		}
		unhappy := errors.New("can not close")
		src = &closeCounter{Reader: strings.NewReader("three"), err: unhappy}
		if err := k.SendReadCloser(t.Context(), client.OpText, src); !errors.Is(err, unhappy) || src.closes != 1 {
			t.Errorf("SendReadCloser = %v, %d closes", err, src.closes)
		}
		w.want("three")
		for _, o := range []client.SendOptions{{Key: "k"}, {Policy: client.QueueBlock}, {Timeout: 1}} {
			src = &closeCounter{Reader: strings.NewReader("never")}
			if err := k.SendReadCloser(t.Context(), client.OpText, src, o); !errors.Is(err, client.ErrOptions) || src.closes != 1 {
				t.Errorf("SendReadCloser with %+v = %v, %d closes", o, err, src.closes)
			}
		}
		no(t, k.Close(1000, ""))
		src = &closeCounter{Reader: strings.NewReader("late")}
		if err := k.SendReadCloser(t.Context(), client.OpText, src); !errors.Is(err, client.ErrClosed) || src.closes != 1 {
			t.Errorf("SendReadCloser after Close = %v, %d closes", err, src.closes)
		}
	})
}

// S-03: two streams at once follow each other, however many want to go.
func TestStreamsFollowEachOther(t *testing.T) {
	for _, mode := range modes {
		synctest.Test(t, func(t *testing.T) {
			_, k, w := narrow(t, 3000, &club{}, wsserver.Config{Compression: client.Compression{Mode: mode}})
			const streams = 8
			done := make(chan error, streams)
			for id := range streams {
				go func() {
					done <- k.SendReader(t.Context(), client.OpText, source{strings.NewReader(prose(id, 100_000))})
				}()
			}
			seen := map[string]bool{}
			for range streams {
				seen[string(w.message().Data)] = true
			}
			for id := range streams {
				no(t, <-done)
				if !seen[prose(id, 100_000)] {
					t.Errorf("%v: stream %d does not arrive", mode, id)
				}
			}
		})
	}
}

// S-03: a handler sends a text and then a file: they arrive in that order.
func TestHandlerSendsAFile(t *testing.T) { onDrivers(t, testHandlerSendsAFile) }

func testHandlerSendsAFile(t *testing.T) {
	for _, road := range []string{"memory", "TCP", "TLS"} {
		name := fileOf(t, []byte(prose(1, 100_000)))
		c := &club{message: func(k *keen, m client.Message) error {
			if err := k.SendText("comes a file"); err != nil {
				return err
			}
			if err := k.SendFile(context.Background(), name); err != nil {
				return err
			}
			return k.SendText("that was it")
		}}
		_, _, w := reach(t, road, c, wsserver.Config{})
		w.p.Send(wstest.Text("go"))
		w.want("comes a file")
		w.want(prose(1, 100_000))
		w.want("that was it")
	}
}

// A source that panics ends its stream, not the server.
func TestSourcePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &club{message: func(k *keen, m client.Message) error {
			n := 0
			return k.SendReader(context.Background(), client.OpBinary, sourceFunc(func(p []byte) (int, error) {
				if n++; n > 2 {
					panic("source")
				}
				return len(p), nil
			}))
		}}
		_, k, w := narrow(t, 0, c, wsserver.Config{})
		w.p.Send(wstest.Text("go"))
		if code := w.rest(); code != 1011 {
			t.Errorf("closed with %d", code)
		}
		if err := k.SendText("x"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Send = %v", err)
		}
		synctest.Wait()
		c.ending(t)
	})
}
