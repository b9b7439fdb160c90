package admit

import (
	"context"
	"errors"
	"os"
	"slices"
)

// compiled is a policy ready for use. It does not change.
type compiled struct {
	policy                           Policy
	allowed, denied, proxies, exempt *List
	restricted                       bool // there is an allow list
}

// compile looks names up and reads files.
func (p Policy) compile(ctx context.Context, r Resolver) (*compiled, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	c := &compiled{policy: p.withDefaults(), restricted: len(p.AllowedClients) > 0 || p.AllowedFile != ""}
	var errs [4]error
	c.allowed, errs[0] = compileList(ctx, r, "AllowedClients", p.AllowedClients, "AllowedFile", p.AllowedFile)
	c.denied, errs[1] = compileList(ctx, r, "DeniedClients", p.DeniedClients, "DeniedFile", p.DeniedFile)
	c.proxies, errs[2] = compileList(ctx, r, "TrustedProxies", p.TrustedProxies, "", "")
	c.exempt, errs[3] = compileList(ctx, r, "ExemptClients", p.ExemptClients, "", "")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if c.restricted && c.allowed.Len() == 0 {
		return nil, &PolicyError{"AllowedClients", ErrNoEntries}
	}
	return c, nil
}

// compileList makes one list of the entries of a field and those of a file.
func compileList(ctx context.Context, r Resolver, field string, entries []string, fileField, path string) (*List, error) {
	b := builder{ctx: ctx, resolver: r, source: field}
	b.all(entries)
	if path != "" {
		b.source = path
		if err := b.file(path); err != nil {
			return nil, &PolicyError{fileField, err}
		}
	}
	l, err := b.list()
	if err != nil {
		if len(b.errs) > 0 && path != "" && !hasSource(b.errs, field) {
			field = fileField
		}
		return nil, &PolicyError{field, err}
	}
	return l, nil
}

// hasSource reports whether an entry of a source is among the wrong ones.
func hasSource(errs []error, source string) bool {
	return slices.ContainsFunc(errs, func(err error) bool {
		e, ok := errors.AsType[*EntryError](err)
		return ok && e.Source == source
	})
}

// file reads a regular file; opening or reading another might never end.
func (b *builder) file(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &os.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.read(f)
}
