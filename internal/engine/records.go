package engine

import (
	"errors"
	"sync/atomic"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/link"
)

// records are binary data cut to one length.
type records struct {
	n    atomic.Int64 // the length; 0: messages come as they are
	part []byte       // of a record, that has come; the reader's
}

// cut delivers data in records, together with what is left of earlier data. What
// remains when an event has turned records off goes to rest.
func (s *Session) cut(r *records, data []byte, rest func([]byte)) {
	for s.State() == link.Open {
		n := int(r.n.Load())
		switch have := len(r.part); {
		case have > 0 && have >= n: // n may be smaller than it was
			s.message(client.Message{Op: client.OpBinary, Data: r.take(n)})
		case n == 0:
			rest(data)
			return
		case have == 0 && len(data) >= n:
			record := data[:n:n]
			data = data[n:]
			s.message(client.Message{Op: client.OpBinary, Data: record})
		case len(data) == 0:
			return
		default:
			k := min(n-have, len(data))
			r.part = append(r.part, data[:k]...)
			data = data[k:]
		}
		s.Gate()
	}
}

// take returns n bytes of the part, or all of it if n is 0.
func (r *records) take(n int) []byte {
	if n == 0 {
		n = len(r.part)
	}
	record := r.part[:n:n]
	if r.part = r.part[n:]; len(r.part) == 0 {
		r.part = nil
	}
	return record
}

// lastRecord delivers what is left of a record when the connection has ended, unless
// an event has failed.
func (s *Session) lastRecord(info client.CloseInfo) {
	r := s.record.Load()
	if r == nil || len(r.part) == 0 {
		return
	}
	_, failed := errors.AsType[*client.EventError](info.Cause)
	_, panicked := errors.AsType[*client.PanicError](info.Cause)
	if last := r.take(0); !failed && !panicked {
		s.message(client.Message{Op: client.OpBinary, Data: last})
	}
}
