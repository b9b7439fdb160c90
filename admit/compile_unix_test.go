//go:build unix

package admit

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe in place of a file is an error: opening it could wait forever.
func TestPipeIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(t.Context(), Policy{DeniedFile: path}, Options{})
	if e, ok := errors.AsType[*PolicyError](err); !ok || e.Field != "DeniedFile" {
		t.Errorf("New = %v", err)
	}
}
