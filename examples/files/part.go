package main

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Why a file that came is not kept.
var (
	ErrTooMuch  = errors.New("files: more bytes than announced")
	ErrTooFew   = errors.New("files: fewer bytes than announced")
	ErrMismatch = errors.New("files: the SHA-256 is another one")
)

// Part is a file that is being uploaded. One goroutine uses it at a time, and ends it
// with Keep or, also when that fails, Discard.
type Part struct {
	Name string // that it will have

	shelf *Shelf
	temp  string // the name until then
	f     sink
	sum   hash.Hash
	size  int64 // announced bytes
	came  int64
}

// Came is how many bytes are written.
func (p *Part) Came() int64 { return p.came }

// Write adds b.
func (p *Part) Write(b []byte) (int, error) {
	if int64(len(b)) > p.size-p.came {
		return 0, ErrTooMuch
	}
	n, err := p.f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	p.sum.Write(b[:n])
	p.came += int64(n)
	return n, err
}

// Keep puts the file on the shelf if all of it came, and is what the client has sent.
func (p *Part) Keep(sha256 string) (File, error) {
	file := File{
		Name:   p.Name,
		Size:   p.came,
		SHA256: fmt.Sprintf("%x", p.sum.Sum(nil)),
		At:     time.Now().UnixMilli(),
	}
	if err := p.save(file, sha256); err != nil {
		return File{}, err
	}
	s := p.shelf
	s.mu.Lock()
	s.files[file.Name] = file
	s.mu.Unlock()
	s.release(p.Name)
	s.tell()
	return file, nil
}

func (p *Part) save(file File, sha256 string) error {
	switch {
	case p.came < p.size:
		return ErrTooFew
	case sha256 != file.SHA256:
		return ErrMismatch
	}
	if err := errors.Join(p.f.Sync(), p.f.Close()); err != nil { // where some disks say that they are full
		return err
	}
	return p.shelf.root.Rename(p.temp, p.Name)
}

// Discard removes what has come.
func (p *Part) Discard() {
	_ = p.f.Close() // it may be closed already
	_ = p.shelf.root.Remove(p.temp)
	p.shelf.release(p.Name)
}
