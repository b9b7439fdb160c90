package acme

import "runtime/debug"

// guard calls f, which runs code of the program, and turns a panic into an error: a
// mistake in it must not end the server.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}
