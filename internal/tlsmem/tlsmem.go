// Package tlsmem gives back the input buffers of an idle TLS connection, which
// crypto/tls keeps for the life of a connection and has no call for. It is a leaf.
//
// The buffers are private fields. They are found by name and exact type, and nothing is
// touched unless a rehearsal has shown that real connections do without them: see
// Supported. No memory is used again here, it is only forgotten: what crypto/tls still
// refers to stays what it was.
package tlsmem

import (
	"bytes"
	"crypto/tls"
	"errors"
	"reflect"
	"sync"
	"unsafe"
)

// Release drops the input buffers of c, client or server side, and returns how many
// bytes they had; the next Read makes new ones. It drops nothing and returns 0 when one
// of them is not empty, while a Read or Handshake of c runs, or where Supported is
// false. Other calls of c may run meanwhile. It never waits, save that the first use in
// a process runs the rehearsal.
func Release(c *tls.Conn) (freed int) {
	l := known()
	if l == nil || c == nil {
		return 0
	}
	return l.release(c)
}

// Supported reports whether this program's crypto/tls keeps its input where this package
// looks for it, and was seen to work without. The first call rehearses that, in about a
// millisecond; call it before there is traffic.
func Supported() bool { return known() != nil }

// known is the layout of tls.Conn, nil where it is not supported. Tests replace it.
var known = sync.OnceValue(func() *layout { return discover(reflect.TypeFor[tls.Conn](), rehearse) })

// discover returns the layout of conn if the rehearsal is content with it. It returns
// nil after any error or panic: then connections are only larger.
func discover(conn reflect.Type, rehearsal func(func(*tls.Conn) int) error) (found *layout) {
	defer func() {
		if recover() != nil {
			found = nil
		}
	}()
	l, err := layoutOf(conn)
	if err != nil || rehearsal(l.release) != nil {
		return nil
	}
	return l
}

// layout is where the fields are, from the start of a tls.Conn.
type layout struct {
	lock     uintptr // sync.Mutex, held by whoever reads
	rawInput uintptr // bytes.Buffer, ciphertext
	input    uintptr // bytes.Reader, plaintext in the memory of rawInput
	hand     uintptr // bytes.Buffer, handshake messages
}

var errLayout = errors.New("tlsmem: another layout of tls.Conn")

func layoutOf(conn reflect.Type) (*layout, error) {
	in, ok := conn.FieldByName("in")
	if !ok || len(in.Index) != 1 || in.Type.Kind() != reflect.Struct {
		return nil, errLayout
	}
	lock, ok1 := offset[sync.Mutex](in.Type, "Mutex")
	rawInput, ok2 := offset[bytes.Buffer](conn, "rawInput")
	input, ok3 := offset[bytes.Reader](conn, "input")
	hand, ok4 := offset[bytes.Buffer](conn, "hand")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, errLayout
	}
	return &layout{in.Offset + lock, rawInput, input, hand}, nil
}

// offset is where the struct t has a field of its own with this name and type.
func offset[T any](t reflect.Type, name string) (uintptr, bool) {
	f, ok := t.FieldByName(name)
	return f.Offset, ok && len(f.Index) == 1 && f.Type == reflect.TypeFor[T]()
}

func (l *layout) release(c *tls.Conn) (freed int) {
	p := unsafe.Pointer(c)
	lock := (*sync.Mutex)(unsafe.Add(p, l.lock))
	if !lock.TryLock() {
		return 0
	}
	defer lock.Unlock()
	rawInput := (*bytes.Buffer)(unsafe.Add(p, l.rawInput))
	input := (*bytes.Reader)(unsafe.Add(p, l.input))
	hand := (*bytes.Buffer)(unsafe.Add(p, l.hand))
	if rawInput.Len() != 0 || input.Len() != 0 || hand.Len() != 0 {
		return 0
	}
	freed = rawInput.Cap() + hand.Cap()
	*rawInput, *input, *hand = bytes.Buffer{}, bytes.Reader{}, bytes.Buffer{}
	return freed
}
