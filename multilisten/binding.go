package multilisten

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
)

// Binding is an address to listen on, before it is open.
type Binding struct {
	// Name is for logs and for telling connections apart. It need not be unique.
	// Empty means Addr.
	Name string

	// Network is "tcp", "tcp4", "tcp6" or "unix". Empty means "tcp".
	Network string

	// Addr is "host:port", or the path of the socket file when Network is "unix"
	// (on Linux a leading @ makes it an abstract name, which is no file and open
	// to every process). It must be set, unless Activated is.
	//
	// An empty host listens on all addresses: with "tcp" on one socket for IPv4
	// and IPv6, with "tcp4" or "tcp6" for that family alone. An IP literal binds
	// its own family only, so that 0.0.0.0:p and [::]:p can be open together. A
	// host name is looked up once, by Open; "tcp" prefers its IPv4 address.
	//
	// The port is a number, 0 for any free port, or a service name ("https").
	Addr string

	// TLS says that connections of this binding speak TLS. It is only carried: the
	// package does no TLS.
	TLS bool

	// Backlog is how many connections the kernel queues until they are accepted.
	// Zero means the most the system allows (Linux: net.core.somaxconn), which
	// also caps larger values. Negative is an error. Systems other than Unix keep
	// their own maximum, whatever is set here.
	Backlog int

	// Shared lets other sockets of the same user listen on the same address and port,
	// if they ask for it too (SO_REUSEPORT): on Linux the kernel spreads the
	// connections over them. Closing one of them resets what is in its own backlog.
	// Otherwise a second one is "already in use" (L-33). TCP only; an error that is
	// errors.ErrUnsupported on Windows.
	Shared bool

	// Exclusive makes Windows refuse also a socket of the same user that asks for
	// SO_REUSEADDR (SO_EXCLUSIVEADDRUSE). The price: while connections that were
	// accepted live on, the port can not be opened again. On Unix an address that
	// is not Shared is exclusive as it is. Not together with Shared.
	Exclusive bool

	// Mode is the mode of a Unix socket's file, within 0777; who may write may
	// connect. Zero leaves it to the umask. On Linux the file never has more, on
	// other Unix systems it has for a moment. The owner stays as it is. Not on Windows.
	Mode fs.FileMode

	// RemoveStale makes way for a Unix socket whose file is there already and on
	// which nobody listens: a process that crashed has left it. What is not a socket
	// is never removed ([ErrNotSocket]).
	RemoveStale bool

	// Activated is the name of a socket in Options.Inherited which this binding takes
	// instead of opening one, or [ErrNotActivated]. Of several with the name each
	// binding takes one. Network and Addr may be empty then; if Addr is set, the socket
	// must be the one for it. After Close there is no Reopen.
	Activated string

	// Proxy, if not nil, takes PROXY protocol headers from the peers that it names.
	// Open copies it.
	Proxy *ProxyPolicy
}

// Validate checks the bindings as far as that is possible without looking names
// up and without opening sockets. It returns all that is wrong as one
// [errors.Join] of [*ListenError], or nil. [Open] checks by itself.
func Validate(bindings ...Binding) error {
	var errs []error
	var seen []endpoint
	for i, b := range bindings {
		at, err := b.parse()
		if err == nil {
			err = at.conflict(seen)
		}
		if err != nil {
			errs = append(errs, &ListenError{Index: i, Binding: b, Err: err})
			at = endpoint{} // conflicts with nothing
		}
		seen = append(seen, at)
	}
	return errors.Join(errs...)
}

// name is what the binding is called in reports.
func (b Binding) name() string {
	switch {
	case b.Name != "":
		return b.Name
	case b.Addr != "":
		return b.Addr
	}
	return b.Activated
}

// parse checks every field and splits Addr. The endpoint of a binding that takes any
// address is zero.
func (b Binding) parse() (endpoint, error) {
	if b.Addr == "" && b.Activated == "" {
		return endpoint{}, &FieldError{Field: "Addr", Err: errNotSet}
	}
	for _, check := range []func() error{b.checkSocket, b.checkFile, b.checkActivated} {
		if err := check(); err != nil {
			return endpoint{}, err
		}
	}
	if b.Proxy != nil {
		if err := b.Proxy.check(b.Addr != "" && !b.isUnix()); err != nil {
			return endpoint{}, err
		}
	}
	if b.Addr == "" {
		return endpoint{}, nil
	}
	if b.isUnix() {
		return endpoint{network: "unix", path: cleanPath(b.Addr)}, nil
	}
	return parseTCP(cmp.Or(b.Network, "tcp"), b.Addr)
}

func (b *Binding) isUnix() bool { return b.Network == "unix" }

func (b *Binding) checkSocket() error {
	switch b.Network {
	case "", "tcp", "tcp4", "tcp6", "unix":
	default:
		return &FieldError{Field: "Network", Err: fmt.Errorf("%q is not tcp, tcp4, tcp6 or unix", b.Network)}
	}
	switch {
	case b.Backlog < 0:
		return &FieldError{Field: "Backlog", Err: fmt.Errorf("%d is negative", b.Backlog)}
	case b.Shared && b.isUnix():
		return &FieldError{Field: "Shared", Err: errors.New("a unix socket can not be shared")}
	case b.Shared && b.Exclusive:
		return &FieldError{Field: "Shared", Err: errors.New("set, together with Exclusive")}
	case b.Shared && !canShare:
		return &FieldError{Field: "Shared", Err: errors.ErrUnsupported}
	}
	return nil
}

// checkFile checks what is for socket files only.
func (b *Binding) checkFile() error {
	file := b.isUnix() && !isAbstract(b.Addr)
	switch {
	case b.Mode&^fs.ModePerm != 0:
		return &FieldError{Field: "Mode", Err: fmt.Errorf("%#o is not from 0 to 0777", uint32(b.Mode))}
	case b.Mode != 0 && !file:
		return &FieldError{Field: "Mode", Err: errNoFile}
	case b.Mode != 0 && runtime.GOOS == "windows":
		return &FieldError{Field: "Mode", Err: errors.ErrUnsupported}
	case b.RemoveStale && !file:
		return &FieldError{Field: "RemoveStale", Err: errNoFile}
	}
	return nil
}

func (b *Binding) checkActivated() error {
	if b.Activated != "" && b.Activated != fdName(b.Activated) {
		return &FieldError{Field: "Activated", Err: fmt.Errorf("%q is no name of a descriptor", b.Activated)}
	}
	return nil
}

// cleanPath makes equal files equal strings. An abstract name is not a path.
func cleanPath(name string) string {
	if name == "" || name[0] == '@' {
		return name
	}
	return filepath.Clean(name)
}
