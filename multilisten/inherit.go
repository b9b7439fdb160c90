package multilisten

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The environment that says which descriptors a process is given. The first three are
// those of sd_listen_fds(3).
const (
	envFDs   = "LISTEN_FDS"     // how many, from number 3 on
	envNames = "LISTEN_FDNAMES" // their names, with colons between them
	envPID   = "LISTEN_PID"     // whom they are for
	envPIDFD = "LISTEN_PIDFDID" // the same, for who wants to be sure
	envReady = "ICSWS_READY_FD" // where to say that the new process is ready; ours
)

// firstFD is the number of the first descriptor (SD_LISTEN_FDS_START).
const firstFD = 3

// Inherited are listening sockets that this process was started with: by a service
// manager (socket activation) or by its predecessor ([Group.HandOver]). Its methods may
// be called concurrently, and on nil, which has none.
type Inherited struct {
	mu      sync.Mutex // guards the following
	rest    []*handed
	ready   *os.File    // nil if nobody waits
	awaited int         // those of Join that are not done
	files   []*Listener // whose socket files are ours from Ready on
}

// handed is a listening socket of another process.
type handed struct {
	name   string
	at     endpoint // where it listens
	socket socket
	ours   bool // the other process is our predecessor, what it had is ours
}

// Named is a listener with the name of its descriptor, "unknown" if it has none.
type Named struct {
	net.Listener
	Name string
}

// InheritError says what is wrong with a descriptor, or with the environment that
// announces it.
type InheritError struct {
	Env  string // the variable; empty if it is about a descriptor
	FD   int    // its number
	Name string // its name
	Err  error
}

// Error names the variable or the descriptor.
func (e *InheritError) Error() string {
	if e.Env != "" {
		return fmt.Sprintf("multilisten: %s: %v", e.Env, e.Err)
	}
	return fmt.Sprintf("multilisten: descriptor %d %q: %v", e.FD, e.Name, e.Err)
}

// Unwrap returns Err.
func (e *InheritError) Unwrap() error { return e.Err }

// Inherit takes the sockets that this process was started with, as its environment
// announces them: LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID, as in sd_listen_fds(3). If
// LISTEN_PID names another process they are not for this one. It may be missing, as a
// parent can not know it in advance; [Group.HandOver] leaves it out.
//
// The variables are removed from the environment and the descriptors are closed on
// exec, so that no child takes them for its own; a second call finds nothing. Call it
// once, early, and give the result to [Options]. Where nothing was announced it is
// empty. The errors are [*InheritError], joined: those of descriptors that are not
// listening sockets of TCP or Unix streams, which stay open, do not keep the others
// from being in the result. Only on Unix; elsewhere an announcement is an error.
func Inherit() (*Inherited, error) {
	env := make(map[string]string)
	for _, name := range []string{envFDs, envNames, envPID, envPIDFD, envReady} {
		env[name] = os.Getenv(name)
		_ = os.Unsetenv(name)
	}
	return inherit(env, firstFD)
}

// Activated is [Inherit] for a program that serves listeners by itself. It returns all
// of them, in the order of their descriptors.
func Activated() ([]Named, error) {
	in, err := Inherit()
	return in.Listeners(), err
}

func inherit(env map[string]string, first int) (*Inherited, error) {
	in := &Inherited{}
	if env[envFDs] == "" || env[envPID] != "" && env[envPID] != strconv.Itoa(os.Getpid()) {
		return in, nil
	}
	names, err := fdNames(env)
	if err != nil {
		return in, err
	}
	var errs []error
	for i, name := range names {
		h, err := takeFD(first+i, name)
		if err != nil {
			errs = append(errs, &InheritError{FD: first + i, Name: name, Err: err})
			continue
		}
		h.name, h.ours = name, env[envPID] == ""
		in.rest = append(in.rest, h)
	}
	if env[envReady] != "" {
		fd, err := strconv.Atoi(env[envReady])
		if err == nil {
			in.ready, err = takeReady(fd)
		}
		if err != nil {
			errs = append(errs, &InheritError{Env: envReady, Err: err})
		}
	}
	return in, errors.Join(errs...)
}

// fdNames returns a name for each descriptor.
func fdNames(env map[string]string) ([]string, error) {
	n, err := strconv.Atoi(env[envFDs])
	if err == nil && (n < 0 || n > 1<<16) {
		err = errors.New("out of range")
	}
	if err != nil {
		return nil, &InheritError{Env: envFDs, Err: fmt.Errorf("%q: %w", env[envFDs], err)}
	}
	if env[envNames] == "" {
		return slices.Repeat([]string{"unknown"}, n), nil
	}
	names := strings.Split(env[envNames], ":")
	if len(names) != n {
		return nil, &InheritError{Env: envNames, Err: fmt.Errorf("%d names for %d descriptors", len(names), n)}
	}
	return names, nil
}

// fdName is name as LISTEN_FDNAMES can have it: printable ASCII without colons, at most
// 255 bytes.
func fdName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == ':' || r > '~' {
			return '_'
		}
		return r
	}, name)
	return name[:min(len(name), 255)]
}

// fdName is the name under which the socket of a binding is handed on.
func (b *Binding) fdName() string {
	if b.Activated != "" {
		return b.Activated
	}
	return fdName(b.name())
}

// claim takes out the socket for a binding; nil if there is none.
func (in *Inherited) claim(b *Binding, at endpoint) *handed {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	i := slices.IndexFunc(in.rest, func(h *handed) bool {
		if b.Activated != "" {
			return h.name == b.Activated && (at.network == "" || h.fits(at, h.name))
		}
		return h.fits(at, b.fdName())
	})
	if i < 0 {
		return nil
	}
	h := in.rest[i]
	in.rest = slices.Delete(in.rest, i, i+1)
	return h
}

// fits reports whether h is what a binding called name would open. For any free port
// the name decides.
func (h *handed) fits(at endpoint, name string) bool {
	all4 := h.at.network == "tcp4" && h.at.ip.IsUnspecified()
	switch {
	case at.network == "unix" || h.at.network == "unix":
		return at.network == h.at.network && at.path == h.at.path
	case at.port != h.at.port && (at.port != 0 || name != h.name):
		return false
	case !at.ip.IsValid(): // both families; where there is one, that is all addresses
		return !h.at.ip.IsValid() || all4 && name == h.name
	}
	return at.ip == h.at.ip
}

// adopt makes the socket that of a binding. It closes it if that fails. refused is why
// it has not Options.InBufferSize.
func (h *handed) adopt(b *Binding, o *Options, refused *error) (socket, error) {
	if o.InBufferSize > 0 && h.at.network != "unix" {
		raw, err := h.socket.SyscallConn()
		if err == nil {
			err = setInBuffer(raw, o.InBufferSize)
		}
		*refused = err
	}
	if err := b.setBacklog(h.socket); err != nil {
		h.close()
		return nil, err
	}
	return h.socket, nil
}

// own makes the socket file of l, which takes h, ours. While our predecessor waits for
// Ready it is his: if we fail he goes on. That of an activated socket belongs to the
// service manager.
func (in *Inherited) own(l *Listener, h *handed) {
	if in == nil || !h.ours || l.binding.Activated != "" {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ready == nil {
		removeAtClose(h.socket, true)
		return
	}
	in.files = append(in.files, l)
}

// keepFile sets whether the file of a socket that was handed is left at close.
func (l *Listener) keepFile(keep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inherited && l.socket != nil {
		removeAtClose(l.socket, !keep)
	}
}

func (h *handed) close() {
	if h != nil {
		_ = h.socket.Close()
	}
}

// Names returns the names of the sockets that no binding has taken, in the order of
// their descriptors.
func (in *Inherited) Names() []string {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	var names []string
	for _, h := range in.rest {
		names = append(names, h.name)
	}
	return names
}

// Listeners takes the sockets that no binding has taken. The caller closes them.
func (in *Inherited) Listeners() []Named {
	if in == nil {
		return nil
	}
	var list []Named
	for _, h := range in.takeAll() {
		list = append(list, Named{Listener: h.socket, Name: h.name})
	}
	return list
}

// Close closes the sockets that no binding has taken: nobody else would. Until then
// clients may connect to them and wait.
func (in *Inherited) Close() error {
	if in == nil {
		return nil
	}
	var errs []error
	for _, h := range in.takeAll() {
		errs = append(errs, h.socket.Close())
	}
	return errors.Join(errs...)
}

func (in *Inherited) takeAll() []*handed {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.rest
	in.rest = nil
	return all
}

// Ready tells the process that called [Group.HandOver] that this one accepts now, so
// that it may stop. Closing a Unix binding before that leaves its socket file, which is
// still the other's. Where nobody waits, and the second time, there is nothing to do.
func (in *Inherited) Ready() error {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	f, files := in.ready, in.files
	in.ready, in.files = nil, nil
	in.mu.Unlock()
	if f == nil {
		return nil
	}
	_, err := f.Write([]byte{1})
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("multilisten: ready: %w", err)
	}
	for _, l := range files {
		l.keepFile(false)
	}
	return nil
}
