package wsserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/multilisten"
)

// ServerError is an error that no caller was waiting for: of an accept loop, a
// handshake, an event, a certificate or the HTTP side. It goes to Events.OnError, the log
// and [Server.LastError] (E-12, E-13).
type ServerError struct {
	Op      string        // "accept", "listen", "http", "certificate", "handshake" or "event"
	Event   string        // the event or other code that failed, such as "OnMessage"; may be empty
	Binding string        // name of the binding concerned, or empty
	Client  client.Client // whose event failed; nil for none. It ends, and OnClientDisconnect follows
	Conn    uint64        // its number, Base.ID; 0 for none
	Err     error

	friendly bool
}

// Error tells operation, binding and error, or what Friendly does under
// Config.FriendlyErrors.
func (e *ServerError) Error() string {
	if e.friendly {
		return e.Friendly()
	}
	return e.technical()
}

func (e *ServerError) technical() string {
	on := ""
	switch {
	case e.Conn != 0:
		on = fmt.Sprintf(" of client %d", e.Conn)
	case e.Binding != "":
		on = " on " + e.Binding
	}
	return "wsserver: " + e.Op + on + ": " + e.Err.Error()
}

// Unwrap returns the error.
func (e *ServerError) Unwrap() error { return e.Err }

// Code is the stable code, such as "error/accept", for [Explain].
func (e *ServerError) Code() string {
	if code := "error/" + e.Op; e.Op != "" {
		if _, ok := Explain(code); ok {
			return code
		}
	}
	return "error/server"
}

// Friendly is a sentence without numbers and names of system calls, that says what to do
// in the common cases (O-04).
func (e *ServerError) Friendly() string {
	if inner, ok := e.Err.(*ServerError); ok {
		return inner.Friendly()
	}
	if list := joined(e.Err); e.Op == "listen" && len(list) > 0 {
		var parts []string
		for _, err := range list {
			parts = append(parts, (&ServerError{Op: e.Op, Binding: e.Binding, Err: err}).Friendly())
		}
		return strings.Join(parts, " ")
	}
	place := e.place()
	switch err := e.Err; {
	case isErrno(err, syscall.EADDRINUSE, 10048):
		return fmt.Sprintf("Another program, or this one, listens on %s already: stop it, or choose another port.", place)
	case errors.Is(err, fs.ErrPermission) || isErrno(err, syscall.EACCES, 10013):
		return fmt.Sprintf("This process may not listen on %s: ports below 1024 need a permission (root, CAP_NET_BIND_SERVICE), others may be kept by the system.", place)
	case isErrno(err, syscall.EADDRNOTAVAIL, 10049):
		return fmt.Sprintf("%s is no address of this machine: choose one that it has, or all with an empty host.", upper(withoutPort(place)))
	case isErrno(err, syscall.EMFILE, 10024), isErrno(err, syscall.ENFILE, 10024):
		return "Too many files and connections are open, so no client can be accepted for now: raise the limit of open files (LimitNOFILE= of systemd, ulimit -n), or lower Banner.MaxClients."
	case isErrno(err, syscall.ENOBUFS, 10055), isErrno(err, syscall.ENOMEM, 10055):
		return "The system has no memory left for connections: allow fewer clients, or give the machine more."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return upper(e.what()) + " took too long."
	}
	return upper(e.what()) + " failed: " + plainText(e.Err) + "."
}

// place is the address in words.
func (e *ServerError) place() string {
	if op, ok := errors.AsType[*net.OpError](e.Err); ok && op.Addr != nil {
		if a, ok := op.Addr.(*net.TCPAddr); ok {
			if len(a.IP) == 0 || a.IP.IsUnspecified() {
				return fmt.Sprintf("port %d of all addresses", a.Port)
			}
			return fmt.Sprintf("port %d of %v", a.Port, &net.IPAddr{IP: a.IP, Zone: a.Zone})
		}
		return op.Addr.String()
	}
	if l, ok := errors.AsType[*multilisten.ListenError](e.Err); ok {
		return l.Binding.Addr
	}
	if e.Binding != "" {
		return e.Binding
	}
	return "an address"
}

// withoutPort is what place says of the machine alone.
func withoutPort(place string) string {
	if port, host, ok := strings.Cut(place, " of "); ok && strings.HasPrefix(port, "port ") {
		return host
	}
	return place
}

// addr is the address concerned, for the log.
func (e *ServerError) addr() string {
	if op, ok := errors.AsType[*net.OpError](e.Err); ok && op.Addr != nil {
		return op.Addr.String()
	}
	return ""
}

// logged is what the log gets: the cause, or the sentence.
func (e *ServerError) logged() error {
	if e.friendly {
		return e
	}
	return e.Err
}

// what is the operation in words.
func (e *ServerError) what() string {
	switch {
	case e.Op == "event" && e.Event != "":
		return fmt.Sprintf("the event %s of client %d", e.Event, e.Conn)
	case e.Op == "handshake" && e.Event != "":
		return "the handshake, in " + e.Event + ","
	case e.Op == "accept" && e.Binding != "":
		return "accepting clients on " + e.Binding
	case e.Op == "listen":
		return "listening"
	case e.Op == "http":
		return "serving pages"
	case e.Op == "certificate":
		return "replacing a certificate"
	}
	return "the operation " + e.Op
}

// plainText is the text of the innermost error, without the names of packages and calls.
func plainText(err error) string {
	if l, ok := errors.AsType[*multilisten.ListenError](err); ok {
		return strings.TrimPrefix(l.Error(), "multilisten: ")
	}
	if e, ok := errors.AsType[*client.EventError](err); ok {
		return e.Err.Error()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	text := err.Error()
	for _, prefix := range []string{"wsserver: ", "multilisten: ", "hosts: ", "client: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return strings.TrimSuffix(text, ".")
}

// upper begins a sentence.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// isErrno compares with the number of Winsock where that is what the system says.
func isErrno(err error, unix syscall.Errno, winsock uintptr) bool {
	if runtime.GOOS == "windows" {
		return errors.Is(err, syscall.Errno(winsock))
	}
	return errors.Is(err, unix)
}

// joined are the errors that err joins.
func joined(err error) []error {
	for ; err != nil; err = errors.Unwrap(err) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			return many.Unwrap()
		}
	}
	return nil
}

// listenError is what Listen returns for err: a sentence, if that is wanted.
func (s *core) listenError(err error) error {
	if s.cfg.FriendlyErrors {
		return &ServerError{Op: "listen", Err: err, friendly: true}
	}
	return fmt.Errorf("wsserver: %w", err)
}
