package multilisten

import "errors"

// Join counts one more who takes sockets of in, such as a server that is going to open
// its bindings with it. done says that it has opened them; it counts once. When the last
// of those who joined is done, what no binding has taken is closed, as nobody would
// accept there, and [Inherited.Ready] is called. left are the names of what was closed.
//
// Who shares in with others joins before the first of them is done. On nil done does
// nothing.
func (in *Inherited) Join() (done func() (left []string, err error)) {
	if in == nil {
		return func() ([]string, error) { return nil, nil }
	}
	in.mu.Lock()
	in.awaited++
	in.mu.Unlock()
	counted := false // guarded by in.mu
	return func() ([]string, error) {
		in.mu.Lock()
		last := !counted && in.awaited == 1
		if !counted {
			counted = true
			in.awaited--
		}
		in.mu.Unlock()
		if !last {
			return nil, nil
		}
		left := in.Names()
		return left, errors.Join(in.Close(), in.Ready())
	}
}
