//go:build unix

package connect

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// resizes has one whenever the terminal has another size, until stop is called.
func resizes() (changed <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// obey makes the terminal take escape sequences.
func obey(*os.File) (undo func(), err error) { return func() {}, nil }
