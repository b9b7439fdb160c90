package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// mostShown is how many files a list has.
const mostShown = 500

// partial begins the name of a file that is not whole yet.
const partial = ".icsws-upload-"

// Why a file is not taken or given.
var (
	ErrTooBig  = errors.New("files: larger than what is taken here")
	ErrNoName  = errors.New("files: too many files of that name")
	ErrGone    = errors.New("files: no such file")
	ErrUnknown = errors.New("files: its SHA-256 is not known yet")
)

// File is one of the shelf, as the list shows it.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`             // bytes
	SHA256 string `json:"sha256,omitempty"` // empty until it is known
	At     int64  `json:"at"`               // when it was changed, milliseconds since 1970
}

// Shelf is the folder of the files. Its methods may be called from any goroutine.
// Everything goes through an [os.Root], so no name leads out of the folder.
type Shelf struct {
	root  *os.Root
	limit int64 // bytes of a file
	// create makes the file that a [Part] is written to; another one in tests.
	create func(name string) (sink, error)

	// Changed gets something when the list is another one.
	Changed chan struct{}

	mu    sync.Mutex      // guards the following
	files map[string]File // by name
	taken map[string]bool // names of uploads under way, in lower case
}

// sink is what a [Part] needs of a file.
type sink interface {
	io.WriteCloser
	Sync() error
}

// OpenShelf reads the folder, and removes what an earlier run has left unfinished.
func OpenShelf(dir string, limit int64) (*Shelf, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Shelf{
		root:    root,
		limit:   limit,
		Changed: make(chan struct{}, 1),
		files:   make(map[string]File),
		taken:   make(map[string]bool),
	}
	s.create = func(name string) (sink, error) {
		return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err := s.read(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// Close forgets the folder. Transfers must have ended.
func (s *Shelf) Close() error { return s.root.Close() }

// read lists the regular files that are not hidden.
func (s *Shelf) read() error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partial) {
			if err := s.root.Remove(e.Name()); err != nil {
				return err
			}
		}
		if strings.HasPrefix(e.Name(), ".") || !e.Type().IsRegular() {
			continue
		}
		i, err := e.Info()
		if err != nil {
			continue // it has just gone
		}
		s.files[e.Name()] = File{Name: e.Name(), Size: i.Size(), At: i.ModTime().UnixMilli()}
	}
	return nil
}

// Files returns the newest files, the newest first.
func (s *Shelf) Files() []File {
	s.mu.Lock()
	list := make([]File, 0, len(s.files))
	for _, f := range s.files {
		list = append(list, f)
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b File) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), mostShown)]
}

// Open opens a file of the list to be read.
func (s *Shelf) Open(name string) (*os.File, File, error) {
	s.mu.Lock()
	file, ok := s.files[name]
	s.mu.Unlock()
	switch {
	case !ok:
		return nil, file, ErrGone
	case file.SHA256 == "":
		return nil, file, ErrUnknown
	}
	f, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrGone
	}
	return f, file, err
}

// Hash finds the SHA-256 of the files that were there at the start, one after the
// other, until all are known or ctx ends.
func (s *Shelf) Hash(ctx context.Context) {
	for _, name := range s.unknown() {
		sum, err := s.sum(ctx, name)
		if err != nil {
			continue // it stays unknown
		}
		s.mu.Lock()
		file := s.files[name]
		file.SHA256 = sum
		s.files[name] = file
		s.mu.Unlock()
		s.tell()
	}
}

func (s *Shelf) unknown() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, f := range s.files {
		if f.SHA256 == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *Shelf) sum(ctx context.Context, name string) (string, error) {
	f, err := s.root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for h := sha256.New(); ctx.Err() == nil; {
		if _, err := io.CopyN(h, f, 1<<20); err == io.EOF {
			return fmt.Sprintf("%x", h.Sum(nil)), nil
		} else if err != nil {
			return "", err
		}
	}
	return "", ctx.Err()
}

// tell never waits: one thing in the channel stands for all changes.
func (s *Shelf) tell() {
	select {
	case s.Changed <- struct{}{}:
	default:
	}
}

// Begin opens a new file for size bytes. Its name is the wished one, cleaned, with
// a number if there is such a file.
func (s *Shelf) Begin(wish string, size int64) (*Part, error) {
	if size > s.limit {
		return nil, ErrTooBig
	}
	name, err := s.reserve(cleanName(wish))
	if err != nil {
		return nil, err
	}
	p := &Part{Name: name, shelf: s, temp: partial + rand.Text(), sum: sha256.New(), size: size}
	if p.f, err = s.create(p.temp); err != nil {
		s.release(name)
		return nil, err
	}
	return p, nil
}

// reserve takes a name that no file and no upload has, on a system that does not look
// at upper and lower case either.
func (s *Shelf) reserve(wish string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := 1; n < 1000; n++ {
		name := numbered(wish, n)
		if s.taken[strings.ToLower(name)] {
			continue
		}
		_, err := s.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			s.taken[strings.ToLower(name)] = true
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", ErrNoName
}

func (s *Shelf) release(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, strings.ToLower(name))
}
