package clienttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/icsws/icsws/client"
)

// S-03, S-08: a message in pieces is recorded when it is whole.
func TestStreamIsOneMessage(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	w := c.NewMessage(client.OpText, 7)
	for _, s := range []string{"a\xc3", "\xa4b", "", "cd", "e"} { // "ä" is cut
		if _, err := w.WriteString(s); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil || len(rec.Sent()) > 0 {
			t.Fatalf("Flush = %v, %d messages", err, len(rec.Sent()))
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(texts(rec.Sent())); got != `[text "aäbcde"]` {
		t.Errorf("sent %s", got)
	}
	if s := c.Stats(); s.MessagesOut != 1 || s.BytesOut != 4+4+4+3+2 || s.Buffered != 0 {
		t.Errorf("stats %+v", s)
	}
	if err := w.Close(); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the second Close = %v", err)
	}
	w.Abort(nil)
	if _, err := w.Write([]byte("x")); !errors.Is(err, client.ErrClosed) || rec.Closed() != nil {
		t.Errorf("Write after Close = %v", err)
	}
	if err := c.NewMessage(client.OpBinary, 0).Close(); err != nil {
		t.Error(err)
	}
	rec.has(t, "aäbcde", "")
}

// S-26: progress comes after each fragment of 32 KiB.
func TestStreamTellsItsProgress(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	var told []string
	o := client.SendOptions{Progress: func(sent, total int64) bool {
		told = append(told, fmt.Sprint(sent, "/", total))
		return true
	}}
	p := bytes.Repeat([]byte("x"), 70<<10)
	if err := c.SendReader(t.Context(), client.OpBinary, bytes.NewReader(p), o); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, " "); got != "32768/71680 65536/71680 71680/71680 71680/71680" {
		t.Errorf("progress %s", got)
	}
	told = nil
	w := c.NewMessage(client.OpBinary, -1, o)
	if n, err := w.Write(p); n != len(p) || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(told, " "); got != "32768/-1 65536/-1 71680/-1" {
		t.Errorf("progress %s", got)
	}
	if m := rec.Sent(); len(m) != 2 || !bytes.Equal(m[0].Data, p) || !bytes.Equal(m[1].Data, p) {
		t.Error("the message has changed")
	}
}

// S-08, S-26: what breaks a message off, before and after a part of it is sent.
func TestBrokenStreamEndsTheConnection(t *testing.T) {
	broken, gone := errors.New("broken"), errors.New("gone")
	cancelled := func() context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(gone)
		return ctx
	}
	stop := client.SendOptions{Progress: func(int64, int64) bool { return false }}
	for _, tt := range []struct {
		name string
		send func(c *patient) error
		want error
		sent int64 // -1: nothing, the connection stays
	}{
		{"bad opcode", func(c *patient) error { _, err := c.Writer(9).WriteString("x"); return err }, client.ErrBadOpcode, -1},
		{"bad opcode at the end", func(c *patient) error { return c.Writer(0).Close() }, client.ErrBadOpcode, -1},
		{"too long at once", func(c *patient) error { _, err := c.NewMessage(2, 2).WriteString("xyz"); return err }, client.ErrMessageLength, -1},
		{"too long later", func(c *patient) error {
			w := c.NewMessage(2, 2)
			_, _ = w.WriteString("x")
			_ = w.Flush()
			_, err := w.ReadFrom(strings.NewReader("yz"))
			return err
		}, client.ErrMessageLength, 1},
		{"too short", func(c *patient) error { return c.NewMessage(2, 2).Close() }, client.ErrMessageLength, -1},
		{"too short later", func(c *patient) error {
			w := c.NewMessage(2, 2)
			_, _ = w.WriteString("x")
			_ = w.Flush()
			return w.Close()
		}, client.ErrMessageLength, 1},
		{"not UTF-8", func(c *patient) error { return c.SendReader(c.Context(), 1, strings.NewReader("\xff")) }, client.ErrInvalidUTF8, -1},
		{"a rune is cut at the end", func(c *patient) error { return c.SendReader(c.Context(), 1, strings.NewReader("a\xc3")) }, client.ErrInvalidUTF8, 2},
		{"source", func(c *patient) error { return c.SendReader(c.Context(), 1, iotest.ErrReader(broken)) }, broken, -1},
		{"source later", func(c *patient) error {
			return c.SendReader(c.Context(), 1, io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)))
		}, broken, 3},
		{"impossible source", func(c *patient) error { return c.SendReader(c.Context(), 1, negative{}) }, nil, -1},
		{"idle source", func(c *patient) error {
			return c.SendReader(c.Context(), 1, readerFunc(func([]byte) (int, error) { return 0, nil }))
		}, io.ErrNoProgress, -1},
		{"context", func(c *patient) error { return c.SendReader(cancelled(), 1, strings.NewReader("abc")) }, gone, -1},
		{"context ends meanwhile", func(c *patient) error {
			ctx, cancel := context.WithCancelCause(t.Context())
			return c.SendReader(ctx, 1, readerFunc(func(p []byte) (int, error) { cancel(gone); return copy(p, "abc"), nil }))
		}, gone, -1},
		{"progress", func(c *patient) error { return c.SendReader(c.Context(), 1, strings.NewReader("abc"), stop) }, client.ErrInterrupted, 3},
		{"Interrupt", func(c *patient) error {
			w := c.Writer(1)
			_, _ = w.WriteString("abc")
			_ = w.Flush()
			c.Interrupt()
			return w.Close()
		}, client.ErrInterrupted, 3},
		{"Interrupt with nothing sent", func(c *patient) error {
			w := c.Writer(1)
			_, _ = w.WriteString("abc")
			c.Interrupt()
			return w.Close()
		}, client.ErrInterrupted, -1},
		{"Abort with nothing sent", func(c *patient) error {
			w := c.Writer(1)
			_, _ = w.WriteString("abc")
			w.Abort(broken)
			return w.Close()
		}, broken, -1},
		{"Abort", func(c *patient) error {
			w := c.Writer(1)
			_, _ = w.WriteString("abc")
			_ = w.Flush()
			w.Abort(nil)
			return w.Flush()
		}, client.ErrInterrupted, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := slow(t, client.SendQueue{})
			err := tt.send(c)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			rec.has(t)
			if tt.sent < 0 {
				if err := c.SendText("still there"); err != nil {
					t.Errorf("the connection has ended: %v", err)
				}
				rec.has(t, "still there")
				return
			}
			if got := rec.Closed(); got == nil || *got != (client.CloseError{Code: 1011, Reason: "message broken off"}) {
				t.Errorf("Closed = %v", got)
			}
			cause := rec.Disconnect(client.CloseInfo{}).Cause
			if e, ok := errors.AsType[*client.StreamError](cause); !ok || e.Sent != tt.sent || !errors.Is(e, tt.want) {
				t.Errorf("cause %v, want %d bytes sent", cause, tt.sent)
			}
		})
	}
}

// negative is a source with a fault.
type negative struct{}

func (negative) Read([]byte) (int, error) { return -1, nil }

// Interrupt concerns what is under way, not what comes afterwards.
func TestInterruptIsHarmlessBetweenMessages(t *testing.T) { // S-14
	c, rec := slow(t, client.SendQueue{})
	w := c.Writer(client.OpText)
	c.Interrupt()
	_, err := w.WriteString("x")
	if err := errors.Join(err, w.Close(), c.SendText("y")); err != nil {
		t.Error(err)
	}
	rec.has(t, "x", "y")
}

// S-08: others wait behind a message in pieces, in the queue and under its policy.
func TestOthersWaitBehindAStream(t *testing.T) {
	c, rec := slow(t, client.SendQueue{MaxMessages: 2, Policy: client.QueueDropOldest})
	w := c.Writer(client.OpText)
	_, _ = w.WriteString("long")
	_ = c.SendText("before") // nothing of it is sent yet
	_ = w.Flush()
	for _, s := range []string{"1", "2", "3"} {
		if err := c.SendText(s); err != nil {
			t.Error(err)
		}
	}
	rec.has(t, "before")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	rec.has(t, "before", "long", "2", "3")
	_ = rec.Wake()
	c.hears(t, "dropped 1 messages, 3 bytes: queue full, oldest dropped")
}

func TestStreamsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, rec := slow(t, client.SendQueue{})
		first := c.Writer(client.OpText)
		_, _ = first.WriteString("first")
		_ = first.Flush()
		done := make(chan error)
		go func() { done <- c.SendReader(t.Context(), client.OpText, strings.NewReader("second")) }()
		synctest.Wait()
		_ = first.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		rec.has(t, "first", "second")
	})
}

// A message in pieces waits for a peer that takes nothing.
func TestStreamWaitsForThePeer(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *patient, rec *Recorder)
		want error
	}{
		{"Resume", func(_ *patient, rec *Recorder) { _ = rec.Resume() }, nil},
		{"Interrupt", func(c *patient, _ *Recorder) { c.Interrupt() }, client.ErrInterrupted},
		{"Close", func(c *patient, _ *Recorder) { _ = c.Close(0, "") }, client.ErrClosed},
		{"CloseAfterFlush", func(c *patient, rec *Recorder) { _ = c.CloseAfterFlush(4000, ""); _ = rec.Resume() }, nil},
		{"CloseAfterFlush and Interrupt", func(c *patient, _ *Recorder) { _ = c.CloseAfterFlush(4000, ""); c.Interrupt() }, client.ErrInterrupted},
		{"Abort", func(c *patient, _ *Recorder) { c.Abort() }, client.ErrClosed},
		{"the end", func(_ *patient, rec *Recorder) { rec.Disconnect(client.CloseInfo{}) }, client.ErrClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, rec := slow(t, client.SendQueue{})
				rec.Stall(-1)
				_ = c.SendText("early")
				read := 0
				src := readerFunc(func(p []byte) (int, error) {
					if read++; read > 5 {
						return 0, io.EOF
					}
					return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
				})
				done := make(chan error, 1)
				go func() { done <- c.SendReader(t.Context(), client.OpBinary, src) }()
				synctest.Wait()
				if read != 2 || c.BufferedAmount() != 2*(32<<10+4)+7 {
					t.Errorf("%d chunks read, %d bytes buffered", read, c.BufferedAmount())
				}
				_ = c.SendText("late")
				tt.end(c, rec)
				if err := <-done; !errors.Is(err, tt.want) {
					t.Errorf("SendReader = %v, want %v", err, tt.want)
				}
				if tt.want == nil {
					m := rec.Sent()
					if len(m) != 3 || len(m[1].Data) != 5*32<<10 || string(m[2].Data) != "late" {
						t.Errorf("%d messages", len(m))
					}
				}
				switch got := rec.Closed(); tt.name {
				case "CloseAfterFlush":
					if got.Code != 4000 {
						t.Errorf("Closed = %v", got)
					}
				case "CloseAfterFlush and Interrupt":
					info := rec.Disconnect(client.CloseInfo{})
					if got.Code != 1011 || info.Code != 4000 || info.Unsent != 2*(32<<10+4)+7+6 {
						t.Errorf("Closed = %v, info %v, %d bytes unsent", got, info, info.Unsent)
					}
				}
			})
		})
	}
}

// readerFunc is a source.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// The last fragment waits too: Close returns when the peer has it.
func TestCloseOfAStreamWaitsForThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, rec := slow(t, client.SendQueue{})
		rec.Stall(-1)
		done := make(chan error, 1)
		go func() {
			w := c.Writer(client.OpText)
			_, _ = w.WriteString("short")
			done <- w.Close()
		}()
		synctest.Wait()
		_ = c.SendText("next")
		if n := c.BufferedAmount(); n != 7+6 || len(done) > 0 {
			t.Errorf("%d bytes buffered, Close has returned %d times", n, len(done))
		}
		// It can not be dropped, and leaves the others their room.
		if err := c.SetSendQueue(client.SendQueue{MaxBytes: 12, Policy: client.QueueDropOldest}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.SendText("1234"), c.SendText("5678")); err != nil {
			t.Error(err)
		}
		_ = rec.Resume()
		if err := <-done; err != nil {
			t.Error(err)
		}
		rec.has(t, "short", "1234", "5678")
	})
}

func TestClosedClientBeginsNoStream(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	w := c.Writer(client.OpText)
	_ = c.Close(0, "")
	for name, err := range map[string]error{
		"a writer from before": w.Close(),
		"a writer":             c.Writer(client.OpText).Close(),
		"SendReader":           c.SendReader(t.Context(), client.OpText, strings.NewReader("x")),
	} {
		if !errors.Is(err, client.ErrClosed) {
			t.Errorf("%s = %v", name, err)
		}
	}
	if got := rec.Closed(); got.Code != 1000 {
		t.Errorf("Closed = %v", got)
	}
}

// S-06: Write sends in the format that was set.
func TestWriteIsRecordedInItsFormat(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	_, err1 := fmt.Fprint(c, "ä")
	_, err2 := c.Write([]byte{0xff})
	c.SetFormat(client.FormatPing)
	_, err3 := fmt.Fprint(c, "ping")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(texts(rec.Sent())); got != `[text "ä" binary "\xff"]` {
		t.Errorf("sent %s", got)
	}
}
