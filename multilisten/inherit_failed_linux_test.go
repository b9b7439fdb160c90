package multilisten

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

// A new process that can not open all of its bindings, or that ends before it is ready,
// leaves the socket files of the old one, which goes on as before.
func TestSocketFileStaysWithWhoIsNotReplaced(t *testing.T) { // L-37, L-15, handover
	const first = 260
	for _, tt := range []struct {
		name         string
		waits, ready bool // the old process for the new one; the new one is
		bad          []Binding
		gone         bool
	}{
		{"a binding fails", true, false, []Binding{{Addr: taken(t)}}, false},
		{"a binding fails, nobody waits", false, false, []Binding{{Addr: taken(t)}}, false},
		{"closed before it is ready", true, false, nil, false},
		{"ready", true, true, nil, true},
		{"nobody waits", false, false, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir() + "/s"
			parent := listenOn(t, "unix", path)
			env := handTo(t, first, path, parent.(syscall.Conn))
			env[envPID] = ""
			if tt.waits {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				defer w.Close()
				if err := syscall.Dup3(int(w.Fd()), first+1, 0); err != nil {
					t.Fatal(err)
				}
				env[envReady] = strconv.Itoa(first + 1)
			}
			in, err := inherit(env, first)
			if err != nil {
				t.Fatal(err)
			}
			list := append([]Binding{{Network: "unix", Addr: path}}, tt.bad...)
			g, err := Open(t.Context(), Options{Inherited: in}, list...)
			if (err != nil) != (tt.bad != nil) {
				t.Fatalf("Open = %v", err)
			}
			defer in.Close()
			if tt.ready {
				if err := in.Ready(); err != nil {
					t.Fatal(err)
				}
			}
			if g != nil {
				if err := g.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Lstat(path); (err != nil) != tt.gone {
				t.Errorf("the socket file: %v", err)
			}
		})
	}
}
