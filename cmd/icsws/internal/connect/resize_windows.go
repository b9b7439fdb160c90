package connect

import (
	"os"

	"golang.org/x/sys/windows"
)

// resizes never has one: the console tells readers of its own kind of events only.
func resizes() (changed <-chan os.Signal, stop func()) { return nil, func() {} }

// obey makes the console take escape sequences.
func obey(f *os.File) (undo func(), err error) {
	h := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(h, &mode); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(h, mode) }, windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
}
