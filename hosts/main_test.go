package hosts

import (
	"bytes"
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet are options whose warnings nobody sees.
func quiet() Options { return Options{Logger: slog.New(slog.DiscardHandler)} }

// mustSet returns the set of hosts, which have to be right.
func mustSet(t testing.TB, opts Options, hosts ...Host) *Set {
	t.Helper()
	s, err := New(hosts, opts)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return s
}

// logged returns options whose warnings land in the buffer.
func logged() (Options, *bytes.Buffer) {
	var buf bytes.Buffer
	return Options{Logger: slog.New(slog.NewTextHandler(&buf, nil))}, &buf
}
