package hosts

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// FileSource loads a certificate from files (H-15..H-19, H-50, H-55, H-56). It is what a
// host with Cert has; a program needs it for Select. Files are regular files of at most
// 1 MiB and are read at each loading; a host keeps what it has when that fails.
type FileSource struct {
	// Cert, Key and Intermediates are each a path or PEM text, as Host has them. Cert is
	// needed.
	Cert, Key, Intermediates string
	// Format forces the format of all three. The zero value detects it.
	Format Format
	// Password is as Host.KeyPassword. Nil means none.
	Password func() ([]byte, error)
	// Subject chooses among certificates, as Host.CertSubject.
	Subject string
	// Select chooses among certificates too: the first with a key for which it returns
	// true. Nil takes all. It must not change the certificate.
	Select func(*x509.Certificate) bool
	// OCSPStaple is the path of an OCSP response, as in Host.
	OCSPStaple string

	derived string // see derivedName
}

// BytesSource is a [FileSource] that has the contents of the files, for certificates
// that are embedded in the program or come from elsewhere. Its version never changes.
type BytesSource struct {
	Cert, Key, Intermediates []byte
	Format                   Format
	Password                 func() ([]byte, error)
	Subject                  string
	Select                   func(*x509.Certificate) bool
	OCSPStaple               []byte
}

// Load reads the files. If one of them was replaced meanwhile and they do not fit
// together, it reads them once more. Whether a certificate is valid now only decides
// between several; a host checks it.
//
// The error wraps [ErrNoCertificate], [ErrNoKey], [ErrKeyMismatch], [ErrNoSubject],
// [ErrFormat], [ErrUnsupportedFormat], [ErrPasswordNeeded], [ErrWrongPassword],
// [ErrPassword], or the one of the file system, such as [fs.ErrNotExist].
func (s FileSource) Load(ctx context.Context) (*tls.Certificate, error) {
	var c *tls.Certificate
	err := s.twice(func() (err error) {
		c, err = s.reading(time.Now()).load(ctx)
		return err
	})
	return c, err
}

func (s FileSource) load(ctx context.Context, now time.Time) (c *tls.Certificate, notes []string, err error) {
	err = s.twice(func() (err error) {
		c, notes, err = s.reading(now).assembled(ctx)
		return err
	})
	return c, notes, err
}

func (s FileSource) twice(read func() error) error {
	before := s.Version()
	err := read()
	if err != nil && s.Version() != before {
		err = read()
	}
	return err
}

// Version is made from the time of last change, the size and the place of each file
// once all links are followed, so that swapping a link changes it. It is empty if there
// are only texts.
func (s FileSource) Version() string {
	h := sha256.New()
	files := s.files()
	for _, path := range files {
		place, err := filepath.EvalSymlinks(path)
		if err != nil {
			place = path
		}
		if info, err := os.Stat(place); err == nil {
			fmt.Fprintf(h, "%q %d %d\n", place, info.Size(), info.ModTime().UnixNano())
		} else {
			fmt.Fprintf(h, "%q missing\n", path)
		}
	}
	if len(files) == 0 {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// String returns the path of Cert, or "PEM text".
func (s FileSource) String() string {
	if in := fileInput("Cert", s.Cert); in.path == "" {
		return "PEM text"
	} else if secretLike(in.path) {
		return "file"
	}
	return s.Cert
}

// files are the paths that are read.
func (s FileSource) files() []string {
	var paths []string
	for _, value := range []string{s.Cert, s.Key, s.Intermediates, s.OCSPStaple} {
		if in := fileInput("", value); in.path != "" && in.checkPath() == nil {
			paths = append(paths, in.path)
		}
	}
	return paths
}

func (s FileSource) reading(now time.Time) *reading {
	return &reading{
		cert: fileInput("Cert", s.Cert), key: fileInput("Key", s.Key),
		inter:  fileInput("Intermediates", s.Intermediates),
		staple: input{field: "OCSPStaple", path: s.OCSPStaple},
		format: s.Format, password: s.Password, subject: s.Subject, selects: s.Select,
		derived: s.derived, now: now,
	}
}

// Load reads the contents. Its errors are those of [FileSource.Load].
func (s BytesSource) Load(ctx context.Context) (*tls.Certificate, error) {
	c, err := s.reading(time.Now()).load(ctx)
	return c, err
}

func (s BytesSource) load(ctx context.Context, now time.Time) (*tls.Certificate, []string, error) {
	return s.reading(now).assembled(ctx)
}

// Version returns the empty string.
func (s BytesSource) Version() string { return "" }

// String returns "bytes".
func (s BytesSource) String() string { return "bytes" }

func (s BytesSource) reading(now time.Time) *reading {
	return &reading{
		cert: input{"Cert", "", s.Cert}, key: input{"Key", "", s.Key},
		inter: input{"Intermediates", "", s.Intermediates}, staple: input{"OCSPStaple", "", s.OCSPStaple},
		format: s.Format, password: s.Password, subject: s.Subject, selects: s.Select, now: now,
	}
}

// filesOf returns the files that a source reads, for whoever watches them.
func filesOf(s CertSource) []string {
	switch s := s.(type) {
	case guarded:
		return filesOf(s.CertSource)
	case FileSource:
		return s.files()
	case *FileSource:
		if s != nil {
			return s.files()
		}
	}
	return nil
}

// modTimeOf returns the time of the newest file that a source reads.
func modTimeOf(s CertSource) (newest time.Time) {
	for _, path := range filesOf(s) {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}
