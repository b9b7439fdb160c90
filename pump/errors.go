package pump

import (
	"errors"
	"fmt"
)

// Errors of the methods of [Loop]; compare with errors.Is.
var (
	// ErrRunning: another goroutine runs the loop at this moment, or the caller is in an
	// event of it.
	ErrRunning = errors.New("pump: the loop is running already")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("pump: loop closed")
	// ErrFull: Options.MaxPosts functions wait already.
	ErrFull = errors.New("pump: too many functions wait")
)

// OptionError says which field of [Options] is wrong.
type OptionError struct {
	Field string // such as "MaxBytes"
	Value int
}

// Error names field and value.
func (e *OptionError) Error() string {
	return fmt.Sprintf("pump: Options.%s: %d is negative", e.Field, e.Value)
}

// PanicInfo is a panic in a function of [Loop.Post], [Loop.Tick] or [Loop.TickFixed]. One
// in an event of a client goes to Events.OnBgException of its server.
type PanicInfo struct {
	Where string // "Post" or "Tick"
	Value any    // what was given to panic
	Stack []byte
}
