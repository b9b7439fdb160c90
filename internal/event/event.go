// Package event runs user code: it turns a panic into an error and lets a
// method such as Server.Shutdown find out that it was called by user code that
// an event is running, where waiting for that event to end would never end.
package event

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Runner is one call of user code. An interface in place of a closure keeps
// the message path free of allocations.
type Runner interface{ Run() error }

// Func adapts a function to [Runner].
type Func func() error

// Run calls f.
func (f Func) Run() error { return f() }

// Panic is a panic that user code raised.
type Panic struct {
	Value any
	Stack []byte
}

// Error tells the value that was given to panic.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Do runs r and returns its error, or a [*Panic]. [Inside] finds it on the stack.
//
//go:noinline
func Do(r Runner) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	return r.Run()
}

// Call is [Do] for a function without a result.
func Call(f func()) error {
	return Do(Func(func() error { f(); return nil }))
}

// name of Do as the runtime knows it.
const doName = "github.com/icsws/icsws/internal/event.Do"

// Inside reports whether the calling goroutine is inside [Do]: its stack is
// searched for the frame. It is meant for rare calls such as Shutdown.
func Inside() bool {
	var pcs [64]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		if n == 0 {
			return false
		}
		it := runtime.CallersFrames(pcs[:n])
		for {
			f, more := it.Next()
			if f.Function == doName {
				return true
			}
			if !more {
				break
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
