package multilisten

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// ErrNotReady is in the error of [Group.HandOver] when the new process ended, or closed
// its end, before it called [Inherited.Ready].
var ErrNotReady = errors.New("the new process did not get ready")

// Files returns a copy of the descriptor of each open socket, for another process that
// is to listen on them too. The name of a file is that of the binding, or
// Binding.Activated, as LISTEN_FDNAMES can have it: other than printable ASCII and
// colons become underscores. The caller closes the files. The group goes on listening; a
// connection goes to whichever process accepts it, and what waits in the backlog stays
// there as long as one of them has the socket.
//
// The error is net.ErrClosed if no socket is open, and errors.ErrUnsupported on systems
// other than Unix.
func (g *Group) Files() ([]*os.File, error) {
	var files []*os.File
	for _, l := range g.all {
		f, err := l.file()
		if err != nil {
			closeFiles(files)
			return nil, l.wrap(err)
		}
		if f != nil {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("multilisten: no socket to hand over: %w", net.ErrClosed)
	}
	return files, nil
}

// file is nil if the listener is closed.
func (l *Listener) file() (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return nil, nil
	}
	return dupFile(l.socket, l.binding.fdName())
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// Environ returns env with what announces files to a process that gets them as its
// descriptors 3, 4 and so on, in the place of what env says of such descriptors.
// LISTEN_PID is left out, as nobody knows it yet; see [Inherit].
func Environ(env []string, files []*os.File) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains([]string{envFDs, envNames, envPID, envPIDFD, envReady}, name)
	})
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return append(env, envFDs+"="+strconv.Itoa(len(files)), envNames+"="+strings.Join(names, ":"))
}

// HandOver starts cmd with the open sockets of the group and waits until it has called
// [Inherited.Ready]. The new process gets them through [Inherit]. After that both
// accept: end this one with [Group.Close], whose clients may stay. No connection is
// refused meanwhile, and none is lost that waits in the backlog.
//
// The sockets become descriptors 3 and up, then comes one for Ready, then cmd.ExtraFiles.
// cmd.Env, or the environment of this process if it is nil, gets the variables of
// [Environ]. The socket files of Unix bindings are left in place from then on, as by
// [Group.LeaveFiles].
//
// ctx bounds the wait. On an error the new process is killed and this one goes on as
// before; it is [ErrNotReady], that of ctx, of [Group.Files] or of starting cmd. If cmd
// was started (cmd.Process is set), its Wait is left to the caller in any case.
func (g *Group) HandOver(ctx context.Context, cmd *exec.Cmd) error {
	files, err := g.Files()
	if err != nil {
		return err
	}
	defer closeFiles(files)
	if err := startReady(ctx, cmd, files); err != nil {
		return fmt.Errorf("multilisten: hand over: %w", err)
	}
	g.LeaveFiles()
	return nil
}

// startReady starts cmd with files and waits until it is ready.
func startReady(ctx context.Context, cmd *exec.Cmd, files []*os.File) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Env = append(Environ(cmd.Environ(), files), envReady+"="+strconv.Itoa(firstFD+len(files)))
	cmd.ExtraFiles = slices.Concat(files, []*os.File{w}, cmd.ExtraFiles)
	err = cmd.Start()
	_ = w.Close() // so that the end of the process is the end of the pipe
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(longAgo) })
	defer stop()
	n, err := r.Read(make([]byte, 1))
	if n > 0 {
		return nil
	}
	_ = cmd.Process.Kill() // or both would accept
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return context.Cause(ctx)
	}
	return ErrNotReady
}

// LeaveFiles makes every later close leave the files of Unix sockets in place, as
// another process listens on them. A listener that is opened again has a new file, which
// it removes.
func (g *Group) LeaveFiles() {
	for _, l := range g.all {
		l.mu.Lock()
		removeAtClose(l.socket, false)
		l.mu.Unlock()
	}
}
