// Package dirfs finds the folder behind a file system of os.DirFS.
package dirfs

import (
	"io/fs"
	"os"
	"reflect"
)

// Folder returns what os.DirFS was given; true and "" for no file system at all,
// false for one of another kind.
func Folder(f fs.FS) (dir string, ok bool) {
	if f == nil {
		return "", true
	}
	// It is a string of a type without a name. Whether it is that type is asked of
	// os.DirFS itself.
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.String || f != os.DirFS(v.String()) {
		return "", false
	}
	return v.String(), v.String() != ""
}
