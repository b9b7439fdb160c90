package multilisten

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
)

var (
	// ErrNoBindings is what [Open] returns when it is given none.
	ErrNoBindings = errors.New("multilisten: no bindings")

	// ErrDuplicate is in the error of a binding whose address and port are those
	// of an earlier binding, or overlap them: one is all addresses, the other one
	// of them. TLS makes no difference.
	ErrDuplicate = errors.New("already listened on")

	// ErrNotSocket is in the error of a binding with RemoveStale when what is at its
	// path is not a socket.
	ErrNotSocket = errors.New("not a socket")

	// ErrNotActivated is in the error of a binding with Activated when this process
	// was given no such socket.
	ErrNotActivated = errors.New("no socket of that name was handed to this process")

	// ErrNotListening is in the error of [Listener.Pause] and [Listener.Resume] when
	// the listener is closed, or not yet listening.
	ErrNotListening = errors.New("not listening")

	// ErrIndex is what the methods of a [Group] return that are given the index of no
	// binding.
	ErrIndex = errors.New("multilisten: no binding has this index")

	// ErrOpen is in the error of [Listener.Reopen] when the listener is not closed.
	ErrOpen = errors.New("listener is not closed")

	errNotSet = errors.New("not set")
	errNoPort = errors.New("port not set")
	errNoFile = errors.New("set, but the binding has no socket file")
)

// ListenError says which binding could not be opened. It unwraps to the
// *net.OpError of the system call, so that errors.Is(err, syscall.EADDRINUSE)
// works (on Windows the numbers are those of Winsock), or to a [*FieldError].
type ListenError struct {
	Index   int     // position among the bindings, from 0
	Binding Binding // as it was given
	Err     error
}

// Error names the binding. An address that is in use, not permitted or not of
// this machine gets a sentence with address and port.
func (e *ListenError) Error() string {
	name := ""
	if e.Binding.Name != "" {
		name = fmt.Sprintf(" %q", e.Binding.Name)
	}
	return fmt.Sprintf("multilisten: binding %d%s: %s", e.Index, name, e.reason())
}

// Unwrap returns Err.
func (e *ListenError) Unwrap() error { return e.Err }

func (e *ListenError) reason() string {
	switch {
	case isInUse(e.Err):
		return e.place() + " is already in use"
	case isDenied(e.Err) || errors.Is(e.Err, fs.ErrPermission):
		return "no permission to listen on " + e.place()
	case isNotHere(e.Err):
		place, what := e.place(), " is not an address of this machine"
		if port, addr, ok := strings.Cut(place, " of "); ok {
			return addr + what + ", so " + port + " of it can not be opened"
		}
		return place + what
	}
	return e.Err.Error()
}

// place is the address that was asked of the kernel, in words.
func (e *ListenError) place() string {
	if op, ok := errors.AsType[*net.OpError](e.Err); ok {
		if a, ok := op.Addr.(*net.TCPAddr); ok {
			if len(a.IP) == 0 {
				return fmt.Sprintf("port %d of all addresses", a.Port)
			}
			return fmt.Sprintf("port %d of %v", a.Port, &net.IPAddr{IP: a.IP, Zone: a.Zone})
		}
	}
	return e.Binding.Addr
}

// FieldError says what is wrong with one field of a [Binding].
type FieldError struct {
	Field string // its name: "Addr", "Mode", "Proxy.Trusted"
	Err   error
}

// Error is "field: what is wrong"; the [ListenError] around it names the binding.
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }
