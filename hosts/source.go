package hosts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/icsws/icsws/internal/event"
)

// CertSource is where the certificate of a host comes from (H-15): a [FileSource], a
// [BytesSource], a [FuncSource], the result of [Func] or a type of the program. It may
// be called from any goroutine, one call at a time for each host. A panic in it is an
// error of the loading.
type CertSource interface {
	// Load returns certificate, private key and, if it has them, intermediates and OCSP
	// staple. The order of the certificates does not matter.
	Load(ctx context.Context) (*tls.Certificate, error)
	// Version changes when Load would return something else; it is asked often and
	// should be cheap. An empty one means that nothing ever changes. It is asked before
	// Load, so that a change during Load is seen the next time.
	Version() string
	// String says where it is, for logs and [CertStatus], and has no secrets.
	String() string
}

// What else can be wrong with the certificate of a host. They come inside a [*HostError],
// with more text: the file, and what to do.
var (
	// ErrPasswordNeeded is an [ErrEncryptedKey] that a KeyPassword would open.
	ErrPasswordNeeded = fmt.Errorf("%w, set KeyPassword", ErrEncryptedKey)
	// ErrWrongPassword says that KeyPassword does not open the key or the store.
	ErrWrongPassword = errors.New("wrong password")
	// ErrPassword says that the function KeyPassword returned an error, which is
	// wrapped too, or panicked.
	ErrPassword = errors.New("no password to be had")
	// ErrUnsupportedFormat is for what is recognised but not read, and for names that
	// [ParseFormat] does not know.
	ErrUnsupportedFormat = errors.New("unsupported format")
	// ErrNoSubject says that no certificate whose key is there matches CertSubject.
	ErrNoSubject = errors.New("no certificate with this subject")
	// ErrSource says that Source stands beside Cert or a field that belongs to it.
	ErrSource = errors.New("not together with Source")
)

// fieldError is an error of a known field of Host.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return "hosts: " + e.field + ": " + e.err.Error() }

func (e *fieldError) Unwrap() error { return e.err }

// source returns where the certificate of h comes from, nil if it is not said. What it
// returns never panics. The error is a [*fieldError].
func (h *Host) source() (CertSource, error) {
	fields := []struct {
		name string
		set  bool
		own  bool // of no use without Cert
	}{
		{"Cert", h.Cert != "", false},
		{"Key", h.Key != "", true},
		{"Intermediates", h.Intermediates != "", true},
		{"OCSPStaple", h.OCSPStaple != "", true},
		{"CertFormat", h.CertFormat != FormatAuto, false},
		{"CertSubject", h.CertSubject != "", false},
	}
	for _, f := range fields {
		switch {
		case f.set && h.Source != nil:
			return nil, &fieldError{"Source", fmt.Errorf("%w: leave %s empty", ErrSource, f.name)}
		case f.set && f.own && h.Cert == "":
			return nil, &fieldError{"Cert", fmt.Errorf("%w for %s", ErrNoCertificate, f.name)}
		}
	}
	password, err := h.password()
	switch {
	case err != nil:
		return nil, err
	case h.Source != nil:
		return guarded{h.Source}, nil
	case h.Cert == "":
		return nil, nil
	case h.CertFormat > FormatJKS:
		return nil, &fieldError{"CertFormat", fmt.Errorf("%w: %v", ErrUnsupportedFormat, h.CertFormat)}
	}
	return guarded{FileSource{
		Cert: h.Cert, Key: h.Key, Intermediates: h.Intermediates, OCSPStaple: h.OCSPStaple,
		Format: h.CertFormat, Password: password, Subject: h.CertSubject,
		derived: derivedName(h.Names),
	}}, nil
}

// password returns the one of the three ways to say it that is used, or nil.
func (h *Host) password() (func() ([]byte, error), error) {
	var ways []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"KeyPassword", h.KeyPassword != nil},
		{"KeyPasswordEnv", h.KeyPasswordEnv != ""},
		{"KeyPasswordFile", h.KeyPasswordFile != ""},
	} {
		if f.set {
			ways = append(ways, f.name)
		}
	}
	switch {
	case len(ways) > 1:
		return nil, &fieldError{ways[1], fmt.Errorf("%w: %s is set too, leave one of them", ErrPassword, ways[0])}
	case h.KeyPasswordEnv != "":
		return PasswordEnv(h.KeyPasswordEnv), nil
	case h.KeyPasswordFile != "":
		return PasswordFile(h.KeyPasswordFile), nil
	}
	return h.KeyPassword, nil
}

// loader is what our own sources can do besides: they know the field and the file of
// an error, and have notes for the log.
type loader interface {
	load(ctx context.Context, now time.Time) (c *tls.Certificate, notes []string, err error)
}

// loaderOf returns s if it is a source of ours, and not one that embeds such a source
// and has a Load of its own.
func loaderOf(s CertSource) loader {
	switch s := s.(type) {
	case guarded:
		return s
	case FileSource:
		return s
	case *FileSource:
		return s
	case BytesSource:
		return s
	case *BytesSource:
		return s
	}
	return nil
}

// loadFrom loads a source of any type, checks the certificate and puts it in order as
// assemble does. The notes are for the log. The error is a [*fieldError].
func loadFrom(ctx context.Context, s CertSource, now time.Time) (c *tls.Certificate, notes []string, err error) {
	panicked := event.Call(func() {
		if l := loaderOf(s); l != nil {
			c, notes, err = l.load(ctx, now)
			return
		}
		if c, err = s.Load(ctx); err == nil {
			c, notes, err = assemble(c, now)
		}
	})
	if panicked != nil {
		err = panicked
	}
	if _, known := errors.AsType[*fieldError](err); err != nil && !known {
		err = &fieldError{"Source", err}
	}
	if err != nil {
		return nil, nil, err
	}
	return c, notes, nil
}

// guarded is a source whose panics are errors.
type guarded struct{ CertSource }

func (g guarded) Load(ctx context.Context) (c *tls.Certificate, err error) {
	if panicked := event.Call(func() { c, err = g.CertSource.Load(ctx) }); panicked != nil {
		return nil, &fieldError{"Source", panicked}
	}
	return c, err
}

func (g guarded) load(ctx context.Context, now time.Time) (*tls.Certificate, []string, error) {
	return loadFrom(ctx, g.CertSource, now)
}

func (g guarded) Version() (v string) {
	if event.Call(func() { v = g.CertSource.Version() }) != nil {
		return "panic" // so that it changes when that is over
	}
	return v
}

func (g guarded) String() (s string) {
	if event.Call(func() { s = g.CertSource.String() }) != nil {
		return "source"
	}
	return s
}

// FuncSource is a source that is one function. Its version never changes: it is only
// called again when a recheck is forced. See [Func] for one that tells.
type FuncSource func(ctx context.Context) (*tls.Certificate, error)

// Load calls the function.
func (f FuncSource) Load(ctx context.Context) (*tls.Certificate, error) {
	if f == nil {
		return nil, &fieldError{"Source", fmt.Errorf("%w: the function is nil", ErrNoCertificate)}
	}
	var c *tls.Certificate
	var err error
	if panicked := event.Call(func() { c, err = f(ctx) }); panicked != nil {
		return nil, &fieldError{"Source", panicked}
	}
	return c, err
}

// Version returns the empty string.
func (f FuncSource) Version() string { return "" }

// String returns "function".
func (f FuncSource) String() string { return "function" }

// Func returns a source that calls load, and version to learn whether it should be
// called again: such as a secret manager and the number of its secret. A nil version is
// an empty one; name is for logs. Both functions obey the rules of [CertSource].
func Func(name string, version func() string, load func(ctx context.Context) (*tls.Certificate, error)) CertSource {
	return funcSource{name, version, load}
}

type funcSource struct {
	name    string
	version func() string
	fetch   FuncSource
}

func (f funcSource) Load(ctx context.Context) (*tls.Certificate, error) { return f.fetch.Load(ctx) }

func (f funcSource) Version() string {
	if f.version == nil {
		return ""
	}
	return f.version()
}

func (f funcSource) String() string { return f.name }
