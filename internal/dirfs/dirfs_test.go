package dirfs

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// named is a string that is a file system, but not that of os.DirFS.
type named string

func (named) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

func TestFolder(t *testing.T) {
	for _, tt := range []struct {
		name string
		fs   fs.FS
		dir  string
		ok   bool
	}{
		{"none", nil, "", true},
		{"a folder", os.DirFS("/srv/well-known"), "/srv/well-known", true},
		{"a relative one", os.DirFS("a"), "a", true},
		{"no name", os.DirFS(""), "", false},
		{"in memory", fstest.MapFS{}, "", false},
		{"a string of another kind", named("/srv"), "", false},
		{"a pointer", &fstest.MapFS{}, "", false},
	} {
		if dir, ok := Folder(tt.fs); dir != tt.dir || ok != tt.ok {
			t.Errorf("%s: Folder = %q, %v; want %q, %v", tt.name, dir, ok, tt.dir, tt.ok)
		}
	}
}
