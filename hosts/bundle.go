package hosts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/icsws/icsws/internal/keystore"
)

const (
	pemHeader = "-----BEGIN "
	maxBundle = keystore.MaxSize // bytes of a certificate file, 1 MiB
	maxPath   = 4096             // bytes, Linux's PATH_MAX
	maxStaple = 64 << 10         // bytes of an OCSP response
)

// input is one part of a source: a file, or what would be in it.
type input struct {
	field string // of Host, for errors
	path  string
	data  []byte // if there is no path
}

// fileInput takes a value that is a path or PEM text.
func fileInput(field, value string) input {
	if strings.Contains(value, pemHeader) {
		return input{field: field, data: []byte(value)}
	}
	return input{field: field, path: value}
}

func (in input) given() bool { return in.path != "" || len(in.data) > 0 }

func (in input) checkPath() error {
	if len(in.path) > maxPath || strings.ContainsAny(in.path, "\r\n\x00") {
		return fmt.Errorf("%w: neither a path nor PEM text", ErrFormat)
	}
	return nil
}

// read returns the content, which the caller owns.
func (in input) read(limit int) ([]byte, error) {
	if in.path == "" {
		if len(in.data) > limit {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, limit)
		}
		return bytes.Clone(in.data), nil
	}
	if err := in.checkPath(); err != nil {
		return nil, err
	}
	return readFile(in.path, limit)
}

// fail names field and file of an error.
func (in input) fail(err error) error { return &fieldError{in.field, in.named(err)} }

func (in input) named(err error) error {
	if in.path == "" || in.checkPath() != nil {
		return err
	}
	return fileError(in.path, err)
}

// readFile reads a regular file; opening another, such as a pipe, could take for ever.
func readFile(path string, limit int) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrFormat)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrFormat, limit)
	}
	return data, err
}

// fileError names the path, unless that may be a secret.
func fileError(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	if secretLike(path) {
		return fmt.Errorf("%w; PEM text has to have its %s… line", err, pemHeader)
	}
	return fmt.Errorf("%q: %w", path, err)
}

// secretLike reports whether a path may be a key that was pasted without the line in
// front: base64, and longer than the shortest key's.
func secretLike(path string) bool {
	return len(path) >= 40 && strings.IndexFunc(path, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("+/=", r)
	}) < 0
}

// parse reads what an input holds.
func (in input) parse(data []byte, o keystore.Options) (*keystore.Store, error) {
	store, err := keystore.Parse(data, o)
	if err != nil {
		return nil, in.fail(storeError(err))
	}
	return store, nil
}

// storeError turns an error of package keystore into ours.
func storeError(err error) error {
	e, ok := errors.AsType[*keystore.Error](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case keystore.ErrUnsupported:
		return fmt.Errorf("%w: %s", ErrUnsupportedFormat, e.Detail)
	case keystore.ErrPasswordNeeded:
		return fmt.Errorf("%w: %s", ErrPasswordNeeded, e.Detail)
	case keystore.ErrWrongPassword:
		return fmt.Errorf("%w, see KeyPassword: %s", ErrWrongPassword, e.Detail)
	case keystore.ErrTooCostly:
		return fmt.Errorf("%w: %w", ErrFormat, e)
	}
	return fmt.Errorf("%w: %s", ErrFormat, e.Detail)
}

// derivedName is the beginning of the file name that ICS gives to the certificate of a
// host: dots become underscores, the star an x (H-16).
func derivedName(names []string) string {
	if len(names) == 0 {
		return ""
	}
	n, err := parseName(names[0])
	if err != nil || n.kind == catchAll || n.kind == literal {
		return ""
	}
	return strings.NewReplacer(".", "_", "*", "x").Replace(n.String())
}

// beside adds to an error about a missing file that there is one with the derived name.
// It is not loaded in its place: the program says what it shows its clients.
func beside(path, derived string, err error) error {
	if path == "" || derived == "" || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, end := range []string{".pfx", "-bundle.pem"} {
		other := filepath.Join(filepath.Dir(path), derived+end)
		if info, err2 := os.Stat(other); err2 == nil && info.Mode().IsRegular() {
			return fmt.Errorf("%w; there is %q, set Cert to it if that is meant", err, other)
		}
	}
	return err
}
