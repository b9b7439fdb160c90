package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// fakeStream takes a message in pieces of three bytes.
type fakeStream struct {
	op       byte
	total    int64
	o        link.StreamOptions
	ctx      context.Context
	source   io.Reader // of ReadFrom
	data     []byte
	calls    []string
	ended    bool
	failure  error // from Fail
	closeErr error
}

func (o *fakeOps) Stream(ctx context.Context, op byte, total int64, so link.StreamOptions) link.Stream {
	o.note("stream")
	if o.err != nil {
		return link.Failed(o.err)
	}
	o.stream = &fakeStream{op: op, total: total, o: so, ctx: ctx, closeErr: o.stream.closes()}
	return o.stream
}

// closes is the error that the next stream's Close returns.
func (s *fakeStream) closes() error {
	if s == nil {
		return nil
	}
	return s.closeErr
}

func (s *fakeStream) Write(p []byte) (int, error) {
	s.data = append(s.data, p...)
	return len(p), nil
}

func (s *fakeStream) ReadFrom(r io.Reader) (n int64, err error) {
	s.source = r
	for buf := make([]byte, 3); ; {
		k, err := r.Read(buf)
		s.data = append(s.data, buf[:k]...)
		if n += int64(k); k > 0 && s.o.Progress != nil && !s.o.Progress(int64(len(s.data)), s.total) {
			return n, ErrInterrupted
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (s *fakeStream) Flush() error {
	s.calls = append(s.calls, "flush")
	return nil
}

func (s *fakeStream) Close() error {
	s.calls = append(s.calls, "close")
	s.ended = true
	return s.closeErr
}

func (s *fakeStream) Fail(err error) {
	if !s.ended {
		s.ended, s.failure = true, err
	}
}

// file makes a file with that content.
func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// isClosed looks at what the connection was given of a file. It must see the file, or
// the kernel could not copy it.
func isClosed(t *testing.T, r io.Reader) {
	t.Helper()
	if l, ok := r.(*io.LimitedReader); ok {
		r = l.R
	}
	f, ok := r.(*os.File)
	if !ok {
		t.Fatalf("the connection sees a %T", r)
	}
	if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is open: %v", err)
	}
}

// S-03: what is added to a file while it is sent does not belong to the message.
func TestFileMayGrowWhileItIsSent(t *testing.T) {
	name := file(t, "abcdef")
	log, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c, o := faked(t)
	err = c.SendFile(t.Context(), name, SendOptions{Progress: func(int64, int64) bool {
		_, err := log.WriteString("more")
		return err == nil
	}})
	if err != nil || string(o.stream.data) != "abcdef" || o.stream.total != 6 {
		t.Errorf("SendFile = %v, sent %q of %d bytes", err, o.stream.data, o.stream.total)
	}
}

func TestSendFileIsOneBinaryMessage(t *testing.T) { // S-03
	c, o := faked(t)
	if err := c.SendFile(t.Context(), file(t, "content"), SendOptions{NoCompression: true}); err != nil {
		t.Fatal(err)
	}
	s := o.stream
	if s.op != byte(OpBinary) || s.total != 7 || string(s.data) != "content" || !s.o.Plain || s.ctx != t.Context() || s.failure != nil {
		t.Errorf("%+v", s)
	}
	isClosed(t, s.source)
}

// S-03: a file that can not be opened is an error and nothing else.
func TestSendFileThatIsNone(t *testing.T) {
	c, o := faked(t)
	dir := t.TempDir()
	for name, want := range map[string]error{"missing": fs.ErrNotExist, "": nil} {
		name = filepath.Join(dir, name)
		err := c.SendFile(t.Context(), name)
		if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != name || want != nil && !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "client: ") {
			t.Errorf("SendFile(%s) = %v", name, err)
		}
	}
	o.asked(t)
}

// S-15: whatever becomes of the message, the source is closed once.
func TestSendReadCloserCloses(t *testing.T) {
	broken, stuck := errors.New("broken"), errors.New("stuck")
	for _, tt := range []struct {
		name    string
		ops     fakeOps
		source  io.Reader
		options []SendOptions
		want    []error
	}{
		{"sent", fakeOps{}, strings.NewReader("x"), nil, nil},
		{"source fails", fakeOps{}, iotest.ErrReader(broken), nil, []error{broken}},
		{"no connection", fakeOps{err: ErrClosed}, strings.NewReader("x"), nil, []error{ErrClosed}},
		{"wrong options", fakeOps{}, strings.NewReader("x"), []SendOptions{{Key: "k"}}, []error{ErrOptions}},
		{"the end fails", fakeOps{stream: &fakeStream{closeErr: ErrInterrupted}}, strings.NewReader("x"), nil, []error{ErrInterrupted}},
	} {
		for _, closeErr := range []error{nil, stuck} {
			c := new(quiet)
			link.Bind(c, &link.Conn{Ops: &tt.ops})
			src := &closer{Reader: tt.source, err: closeErr}
			err := c.SendReadCloser(t.Context(), OpText, src, tt.options...)
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", tt.name, err, want)
				}
			}
			if src.closed != 1 || errors.Is(err, stuck) != (closeErr != nil) || err != nil && len(tt.want) == 0 && closeErr == nil {
				t.Errorf("%s: closed %d times, %v", tt.name, src.closed, err)
			}
		}
	}
	c, o := faked(t)
	src := &closer{Reader: strings.NewReader("x")}
	if err := c.SendReader(t.Context(), OpText, src); err != nil || src.closed != 0 || o.stream.total != -1 {
		t.Errorf("SendReader = %v, closed %d times", err, src.closed)
	}
	if err := c.SendFile(t.Context(), file(t, "x"), SendOptions{Progress: func(int64, int64) bool { return false }}); !errors.Is(err, ErrInterrupted) {
		t.Errorf("SendFile = %v", err)
	}
	isClosed(t, o.stream.source)
}

type closer struct {
	io.Reader
	err    error
	closed int
}

func (c *closer) Close() error { c.closed++; return c.err }

// S-08, S-26: the length of a source that has one is known, from where it stands.
func TestProgressKnowsTheTotal(t *testing.T) {
	short := strings.NewReader("0123456789")
	_, _ = short.Seek(4, io.SeekStart)
	open := func(at int64) *os.File {
		f, err := os.Open(file(t, "0123456789"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		_, _ = f.Seek(at, io.SeekStart)
		return f
	}
	shut := open(0)
	_ = shut.Close()
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = pw.WriteString("abcd")
	_ = pw.Close()
	defer pr.Close()
	for _, tt := range []struct {
		name   string
		source io.Reader
		want   string
	}{
		{"bytes", bytes.NewReader([]byte("abcd")), "3/4 4/4"},
		{"buffer", bytes.NewBufferString("abcd"), "3/4 4/4"},
		{"nothing", bytes.NewReader(nil), ""},
		{"string, partly read", short, "3/6 6/6"},
		{"file", open(0), "3/10 6/10 9/10 10/10"},
		{"file, partly read", open(6), "3/4 4/4"},
		{"file at its end", open(10), ""},
		{"file behind its end", open(11), ""},
		{"pipe", pr, "3/-1 4/-1"},
		{"a length of something else", buffered{strings.NewReader("abcd")}, "3/-1 4/-1"},
		{"reader", io.LimitReader(strings.NewReader("abcd"), 9), "3/-1 4/-1"},
	} {
		var told []string
		c, o := faked(t)
		err := c.SendReader(t.Context(), OpText, tt.source, SendOptions{Progress: func(sent, total int64) bool {
			told = append(told, fmt.Sprint(sent, "/", total))
			return true
		}})
		if got := strings.Join(told, " "); err != nil || got != tt.want || !o.stream.ended || o.stream.failure != nil {
			t.Errorf("%s: %v, progress %q, want %q", tt.name, err, got, tt.want)
		}
	}
	c, o := faked(t)
	if err := c.SendReader(t.Context(), OpText, shut); !errors.Is(err, os.ErrClosed) || o.stream.total != -1 {
		t.Errorf("a closed file: %v, total %d", err, o.stream.total)
	}
}

// buffered is a source whose Len is not what it still has.
type buffered struct{ io.Reader }

func (buffered) Len() int { return 2 }

// Whatever ends SendReader, it leaves no message open.
func TestSendReaderLeavesNoMessageOpen(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name    string
		source  io.Reader
		options []SendOptions
		want    error
	}{
		{"source fails", io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(broken)), nil, broken},
		{"Progress says so", strings.NewReader("abcd"), []SendOptions{{Progress: func(int64, int64) bool { return false }}}, ErrInterrupted},
	} {
		c, o := faked(t)
		if err := c.SendReader(t.Context(), OpText, tt.source, tt.options...); err != tt.want || o.stream.failure != tt.want || len(o.stream.calls) > 0 {
			t.Errorf("%s: %v, %+v", tt.name, err, o.stream)
		}
	}
	for name, o := range map[string]SendOptions{"source": {}, "Progress": {Progress: func(int64, int64) bool { panic("boom") }}} {
		c, ops := faked(t)
		func() {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("%s: panic %v", name, v)
				}
			}()
			_ = c.SendReader(t.Context(), OpText, io.MultiReader(strings.NewReader("abcd"), panicking{}), o)
		}()
		if s := ops.stream; !s.ended || s.failure == nil || len(s.calls) > 0 {
			t.Errorf("%s: after the panic the message is open: %+v", name, s)
		}
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("boom") }

// S-08: options of a message in pieces; what does not fit is told by every method.
func TestStreamOptionsThatDoNotFit(t *testing.T) {
	for _, list := range [][]SendOptions{
		{{}, {}}, {{Policy: QueueBlock}}, {{Policy: QueueClose}}, {{Key: "k"}}, {{Timeout: time.Second}}, {{Timeout: -1}},
	} {
		c, o := faked(t)
		w := c.NewMessage(OpText, 3, list...)
		_, werr := w.Write([]byte("abc"))
		_, serr := w.WriteString("abc")
		_, rerr := w.ReadFrom(strings.NewReader("abc"))
		for name, err := range map[string]error{
			"Write": werr, "WriteString": serr, "ReadFrom": rerr, "Flush": w.Flush(), "Close": w.Close(),
			"SendReader": c.SendReader(t.Context(), OpText, strings.NewReader("abc"), list...),
			"SendFile":   c.SendFile(t.Context(), file(t, "abc"), list...),
		} {
			if !errors.Is(err, ErrOptions) {
				t.Errorf("%s with %+v = %v", name, list, err)
			}
		}
		w.Abort(nil)
		o.asked(t)
	}
}

func TestMessageWriterWritesAMessage(t *testing.T) { // S-08
	c, o := faked(t)
	o.stream = &fakeStream{closeErr: ErrMessageLength}
	w := c.NewMessage(OpBinary, 9, SendOptions{NoCompression: true})
	n1, err1 := w.Write([]byte("ab"))
	n2, err2 := w.WriteString("cd")
	n3, err3 := w.ReadFrom(strings.NewReader("efgh"))
	if err := errors.Join(err1, err2, err3, w.Flush()); err != nil || n1 != 2 || n2 != 2 || n3 != 4 {
		t.Errorf("wrote %d, %d, %d, %v", n1, n2, n3, err)
	}
	if err := w.Close(); err != ErrMessageLength {
		t.Errorf("Close = %v", err)
	}
	w.Abort(nil)
	s := o.stream
	if string(s.data) != "abcdefgh" || strings.Join(s.calls, " ") != "flush close" || s.op != byte(OpBinary) || s.total != 9 || !s.o.Plain || s.failure != nil {
		t.Errorf("%+v", s)
	}
	if c.Writer(OpText); o.stream.total != -1 || o.stream.op != byte(OpText) || o.stream.ctx.Done() != nil {
		t.Errorf("Writer: %+v", o.stream)
	}
	if c.NewMessage(OpText, -5); o.stream.total >= 0 {
		t.Errorf("a total below 0: %+v", o.stream)
	}
}

func TestAbortHasACause(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct{ err, want error }{{nil, ErrInterrupted}, {broken, broken}} {
		c, o := faked(t)
		c.Writer(OpText).Abort(tt.err)
		if o.stream.failure != tt.want {
			t.Errorf("Abort(%v): the message failed with %v", tt.err, o.stream.failure)
		}
	}
}

func TestStreamErrorTellsHowFarItCame(t *testing.T) {
	err := &StreamError{Sent: 12, Err: ErrInterrupted}
	if !errors.Is(err, ErrInterrupted) || err.Error() != "client: message broken off after 12 bytes: client: interrupted" {
		t.Errorf("text %q", err)
	}
}
