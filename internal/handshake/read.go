package handshake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// DefaultMaxHeader is the limit that [Read] takes when it is given none: 16 KiB.
const DefaultMaxHeader = 16 << 10

// firstBuffer holds the head of nearly every client. A longer head grows a
// buffer of its own.
const firstBuffer = 4 << 10

var buffers = sync.Pool{New: func() any { return new([firstBuffer]byte) }}

// Read reads from r until the head of one request is complete, and checks its
// syntax (RFC 9112). What came after the head is in Buffered.
//
// maxHeader limits the head in bytes, from the first byte to the empty line;
// zero or less means [DefaultMaxHeader]. Read never takes more than that from r.
// A request line that is wrong is refused when it is complete, without waiting
// for the rest.
//
// The caller bounds the time by a deadline on r. Read returns
//   - [*Error] with 400, 431 or 505 for a request that is wrong, and 408 when r
//     reports a timeout after the first byte;
//   - [ErrSilent] for the end or a timeout before the first byte;
//   - io.ErrUnexpectedEOF for an end inside the head;
//   - any other error of r, wrapped.
func Read(r io.Reader, maxHeader int) (*Request, error) {
	req := new(Request)
	if err := req.Receive(r, maxHeader); err != nil {
		return nil, err
	}
	return req, nil
}

// Receive is [Read] into r, whatever was in it. After an error it is worth
// nothing.
func (r *Request) Receive(src io.Reader, maxHeader int) error {
	if maxHeader <= 0 {
		maxHeader = DefaultMaxHeader
	}
	first := buffers.Get().(*[firstBuffer]byte)
	defer buffers.Put(first)
	h := headReader{buf: first[:0:min(firstBuffer, maxHeader)], max: maxHeader}
	end, err := h.read(src)
	if err != nil {
		return err
	}
	if refusal := r.parse(string(h.buf[:end])); refusal != nil {
		return refusal
	}
	if end < len(h.buf) {
		r.Buffered = slices.Clone(h.buf[end:])
	}
	return nil
}

// headReader collects bytes until an empty line.
type headReader struct {
	buf    []byte
	max    int
	line   int  // where the line begins that is not complete yet
	judged bool // the request line has been looked at
}

// read returns the length of the head.
func (h *headReader) read(r io.Reader) (int, error) {
	for idle := 0; idle < 100; idle++ {
		if len(h.buf) == cap(h.buf) && !h.grow() {
			return 0, &Error{
				Status:  http.StatusRequestHeaderFieldsTooLarge,
				Body:    fmt.Sprintf("the request head is longer than %d bytes", h.max),
				Setting: "MaxHeaderBytes",
			}
		}
		old := len(h.buf)
		n, err := r.Read(h.buf[old:cap(h.buf)])
		h.buf = h.buf[:old+n]
		if end := h.end(old); end > 0 {
			return end, nil
		}
		if refusal := h.judge(); refusal != nil {
			return 0, refusal
		}
		if err != nil {
			return 0, readError(err, len(h.buf) == 0)
		}
		if n > 0 {
			idle = 0
		}
	}
	return 0, fmt.Errorf("handshake: read request: %w", io.ErrNoProgress)
}

// end returns where the head ends, 0 if it is not there yet. Bytes before from
// have been searched.
func (h *headReader) end(from int) int {
	for {
		i := bytes.IndexByte(h.buf[from:], '\n')
		if i < 0 {
			return 0
		}
		line := h.buf[h.line : from+i]
		empty := len(line) == 0 || len(line) == 1 && line[0] == '\r'
		if empty && h.line > 0 {
			return from + i + 1
		}
		from += i + 1
		h.line = from
	}
}

// judge refuses what can be refused before the head is complete: a peer that
// speaks something else would be waited for in vain.
func (h *headReader) judge() *Error {
	switch {
	case h.judged || len(h.buf) == 0:
		return nil
	case h.line > 0:
		h.judged = true
		line, _ := cutLine(string(h.buf[:h.line]))
		return new(Request).parseLine(line)
	case charClass[h.buf[0]]&tokenChar == 0:
		return notHTTP(h.buf[0])
	}
	return nil
}

func (h *headReader) grow() bool {
	size := min(2*cap(h.buf), h.max)
	if size == cap(h.buf) {
		return false
	}
	grown := make([]byte, len(h.buf), size)
	copy(grown, h.buf)
	h.buf = grown
	return true
}

// readError says what the end of the reader means.
func readError(err error, silent bool) error {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	timeout := ok && t.Timeout()
	switch {
	case silent && (timeout || errors.Is(err, io.EOF)):
		return ErrSilent
	case timeout:
		return &Error{
			Status:  http.StatusRequestTimeout,
			Body:    "the request was not complete in time",
			Setting: "HandshakeTimeout",
			Err:     err,
		}
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("handshake: read request: %w", err)
}
