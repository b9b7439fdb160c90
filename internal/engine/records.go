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

// cutting is what next has found.
type cutting uint8

const (
	aRecord   cutting = iota
	noRecords         // they are off
	usedUp            // there is not enough for another one
)

// next takes a record off what is left of earlier data and data. When there is not
// enough it keeps what there is.
func (r *records) next(data []byte) (record, left []byte, how cutting) {
	for {
		n := int(r.n.Load())
		switch have := len(r.part); {
		case have > 0 && have >= n: // n may be smaller than it was
			return r.take(n), data, aRecord
		case n == 0:
			return nil, data, noRecords
		case have == 0 && len(data) >= n:
			return data[:n:n], data[n:], aRecord
		case len(data) == 0:
			return nil, nil, usedUp
		default:
			k := min(n-have, len(data))
			r.part = append(r.part, data[:k]...)
			data = data[k:]
		}
	}
}

// cut delivers data in records. What remains when an event has turned them off goes to
// rest; when one has attached the client to a loop it goes there, as what l says.
func (s *Session) cut(r *records, l letter, data []byte, rest func([]byte)) {
	for s.State() == link.Open {
		if m := s.mailbox(); m != nil {
			m.put(l, data)
			return
		}
		record, left, how := r.next(data)
		switch how {
		case noRecords:
			rest(left)
			return
		case usedUp:
			return
		}
		l.cut = l.cut || len(left) < len(data)
		data = left
		s.message(client.Message{Op: client.OpBinary, Data: record})
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
