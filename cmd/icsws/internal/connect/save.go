package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folder takes messages as files, with numbers for names. It never replaces one. It is
// for one goroutine.
type folder struct {
	root *os.Root
	dir  string
	n    int
}

// openFolder opens the folder, which is made if there is none; nil for no folder.
func openFolder(dir string) (*folder, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	return &folder{root: root, dir: dir}, err
}

// write makes a file of data and returns its path.
func (f *folder) write(data []byte) (string, error) {
	for {
		f.n++
		name := fmt.Sprintf("message-%06d.bin", f.n)
		file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(data)
		return filepath.Join(f.dir, name), errors.Join(err, file.Close())
	}
}

func (f *folder) close() {
	if f != nil {
		_ = f.root.Close()
	}
}
