package link

import (
	"io"
	"time"
)

// SendOptions are a client.SendOptions, checked.
type SendOptions struct {
	Policy  uint8 // a client.QueuePolicy; 0 = the client's
	Key     string
	Timeout time.Duration // 0 = the client's
	Plain   bool          // not compressed
	Try     bool          // TrySend
}

// StreamOptions are those of a message that is sent in pieces.
type StreamOptions struct {
	Plain    bool
	Progress func(sent, total int64) bool
}

// Stream is a message that is sent in pieces. One goroutine uses it at a time.
type Stream interface {
	io.Writer
	io.ReaderFrom
	Flush() error
	// Close ends the message.
	Close() error
	// Fail gives it up, and the connection if a part of it is sent.
	Fail(err error)
}

// Failed is a stream that has failed before it began.
func Failed(err error) Stream { return failed{err} }

type failed struct{ err error }

func (f failed) Write([]byte) (int, error)         { return 0, f.err }
func (f failed) ReadFrom(io.Reader) (int64, error) { return 0, f.err }
func (f failed) Flush() error                      { return f.err }
func (f failed) Close() error                      { return f.err }
func (f failed) Fail(error)                        {}
