package multilisten

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Binding is an address to listen on, before it is open.
type Binding struct {
	// Name is for logs and for telling connections apart. It need not be unique.
	// Empty means Addr.
	Name string

	// Network is "tcp", "tcp4", "tcp6" or "unix". Empty means "tcp".
	Network string

	// Addr is "host:port", or the path of the socket file when Network is "unix"
	// (on Linux a leading @ makes it an abstract name). It must be set.
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
	if b.Name != "" {
		return b.Name
	}
	return b.Addr
}

// parse checks every field and splits Addr.
func (b Binding) parse() (endpoint, error) {
	if b.Addr == "" {
		return endpoint{}, &FieldError{Field: "Addr", Err: errNotSet}
	}
	if b.Backlog < 0 {
		return endpoint{}, &FieldError{Field: "Backlog", Err: fmt.Errorf("%d is negative", b.Backlog)}
	}
	switch b.Network {
	case "":
		return parseTCP("tcp", b.Addr)
	case "tcp", "tcp4", "tcp6":
		return parseTCP(b.Network, b.Addr)
	case "unix":
		return endpoint{network: "unix", path: cleanPath(b.Addr)}, nil
	}
	return endpoint{}, &FieldError{
		Field: "Network",
		Err:   fmt.Errorf("%q is not tcp, tcp4, tcp6 or unix", b.Network),
	}
}

// cleanPath makes equal files equal strings. An abstract name is not a path.
func cleanPath(name string) string {
	if name[0] == '@' {
		return name
	}
	return filepath.Clean(name)
}
