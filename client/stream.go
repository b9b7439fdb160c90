package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/icsws/icsws/internal/link"
)

// SendFile sends a regular file as one binary message, without ever having it in
// memory (S-03). It returns when the last of it is handed to the kernel. A file that
// can not be opened, and one that is a directory or a pipe, is an error and nothing
// else. See [Base.SendReader].
func (b *Base) SendFile(ctx context.Context, name string, o ...SendOptions) error {
	// Opening a pipe would wait for its other end.
	if i, err := os.Stat(name); err == nil && !i.Mode().IsRegular() {
		return fmt.Errorf("client: %w", &os.PathError{Op: "send", Path: name, Err: errNotRegular})
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return b.SendReadCloser(ctx, OpBinary, f, o...)
}

var errNotRegular = errors.New("not a regular file")

// SendReader sends everything that r has as one message of kind op, in fragments (RFC
// 6455 section 5.4), with a buffer of fixed size. It waits for the peer, and returns
// when the last of it is handed to the kernel. Meanwhile other messages wait behind it,
// in the queue and under its policy; pings, pongs and the close frame pass between its
// fragments. Text must be UTF-8, though a rune may be cut by the end of a read. A
// regular file goes from file to socket inside the kernel where the system can and the
// connection is plain TCP.
//
// A file that grows meanwhile is sent as long as it was; one that shrinks is an error.
//
// It ends early, with that error, when r fails, ctx is done (its cause),
// [Base.Interrupt] is called or Progress says so ([ErrInterrupted]), or the connection
// ends. If nothing of the message was sent, that is all. Otherwise the connection ends
// with 1011, as a message can not be taken back, and its cause is a [*StreamError]. Once
// the whole of it is queued it arrives, and only the call ends early. A Read of r that
// waits is not interrupted.
//
// r is not closed; [Base.SendReadCloser] does that (S-15). In an event SendReader holds
// up everything that the peer sends: there it wants a goroutine of its own.
func (b *Base) SendReader(ctx context.Context, op Opcode, r io.Reader, o ...SendOptions) error {
	total := sizeOf(r)
	if f, ok := r.(*os.File); ok && total > 0 {
		r = io.LimitReader(f, total) // it may grow
	}
	w := b.stream(ctx, op, total, o)
	defer w.s.Fail(ErrInterrupted) // if r panics; after Close it does nothing
	if _, err := w.s.ReadFrom(r); err != nil {
		w.s.Fail(err)
		return err
	}
	return w.s.Close()
}

// SendReadCloser is [Base.SendReader] that closes r in any case (S-15).
func (b *Base) SendReadCloser(ctx context.Context, op Opcode, r io.ReadCloser, o ...SendOptions) (err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	return b.SendReader(ctx, op, r, o...)
}

// NewMessage returns a writer of one message of total bytes that is sent in fragments
// while it is written (S-08). A total below 0 means that the length is not known.
// Writing more than total, or closing before total, is [ErrMessageLength] and ends the
// connection with 1011 once a part is sent. See [Base.SendReader] for the rest.
func (b *Base) NewMessage(op Opcode, total int64, o ...SendOptions) *MessageWriter {
	return b.stream(context.Background(), op, total, o)
}

// Writer returns a writer of one message of unknown length: [Base.NewMessage] without
// total.
func (b *Base) Writer(op Opcode) *MessageWriter { return b.NewMessage(op, -1) }

func (b *Base) stream(ctx context.Context, op Opcode, total int64, o []SendOptions) *MessageWriter {
	lo, err := streamOptions(o)
	if err != nil {
		return &MessageWriter{link.Failed(err)}
	}
	return &MessageWriter{b.link().Ops.Stream(ctx, byte(op), total, lo)}
}

func streamOptions(list []SendOptions) (link.StreamOptions, error) {
	if len(list) == 0 {
		return link.StreamOptions{}, nil
	}
	o := list[0]
	if len(list) > 1 || o.Policy != QueueDefault || o.Key != "" || o.Timeout != 0 {
		return link.StreamOptions{}, ErrOptions
	}
	return link.StreamOptions{Plain: o.NoCompression, Progress: o.Progress}, nil
}

// sizeOf is the length of what r still has, -1 if nobody knows.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case *bytes.Buffer:
		return int64(r.Len())
	case *bytes.Reader:
		return int64(r.Len())
	case *strings.Reader:
		return int64(r.Len())
	case *os.File:
		i, err := r.Stat()
		if err != nil || !i.Mode().IsRegular() {
			return -1
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil || at >= i.Size() { // such as a file of /proc, which has no size and bytes
			return -1
		}
		return i.Size() - at
	}
	return -1
}

// MessageWriter writes one message in fragments; [Base.NewMessage] and [Base.Writer]
// make it. One goroutine uses it at a time. Whoever begins to write must end with Close
// or Abort: until then every other message waits. A deferred Abort(nil) is the way to be
// sure: after Close it does nothing, where a deferred Close would make a whole message of
// what a panic has cut.
type MessageWriter struct{ s link.Stream }

var _ interface {
	io.WriteCloser
	io.StringWriter
	io.ReaderFrom
} = (*MessageWriter)(nil)

// Write adds p to the message. It waits for the peer where it must. Small writes are
// gathered; Flush sends them.
func (w *MessageWriter) Write(p []byte) (int, error) { return w.s.Write(p) }

// WriteString is Write of a string.
func (w *MessageWriter) WriteString(s string) (int, error) { return w.s.Write(bytesOf(s)) }

// ReadFrom adds all that r has to the message, see [Base.SendReader].
func (w *MessageWriter) ReadFrom(r io.Reader) (int64, error) { return w.s.ReadFrom(r) }

// Flush sends what is gathered as a fragment.
func (w *MessageWriter) Flush() error { return w.s.Flush() }

// Close ends the message. It returns the first error of the writer, if there was one; a
// second Close returns [ErrClosed].
func (w *MessageWriter) Close() error { return w.s.Close() }

// Abort gives the message up: the cause is err, or ErrInterrupted if it is nil. If a
// part of it is sent the connection ends with 1011. After Close it does nothing.
func (w *MessageWriter) Abort(err error) {
	if err == nil {
		err = ErrInterrupted
	}
	w.s.Fail(err)
}

// StreamError is the cause of an end by a message that was broken off; the peer got
// 1011.
type StreamError struct {
	Sent int64 // bytes of it that were sent, before compression
	Err  error // why
}

// Error tells how far it came and why.
func (e *StreamError) Error() string {
	return fmt.Sprintf("client: message broken off after %d bytes: %v", e.Sent, e.Err)
}

// Unwrap returns the reason.
func (e *StreamError) Unwrap() error { return e.Err }
