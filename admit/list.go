package admit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// List is a set of addresses that remembers which entry means which of them. It does
// not change and may be used from any goroutine; a look-up takes no lock and allocates
// nothing. Nil and the zero value are empty.
type List struct {
	entries []string
	starts  []number // in order; each begins the addresses of owners[i]
	owners  []int32  // index into entries; -1 for addresses that no entry means
	unix    string   // the entry for peers without an address; empty for none
}

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Bounds of a list.
const (
	maxEntries   = 1 << 20
	maxNames     = 1024 // looked up one after the other
	maxAddresses = 256  // of one name
	maxLine      = 1024
	maxErrors    = 20
)

// NewList compiles a list of entries, each one of
//
//	192.0.2.7                  an address
//	192.0.2.0/24               a prefix
//	2001:db8::/32              ::/0 is every IPv6 address, and no IPv4 address
//	192.0.2.*                  also 10.*, 192.0.*.* and 2001:db8:*
//	192.0.2.1-192.0.2.9        a range, both ends included
//	gateway.example            a name: the addresses that it has now
//	unix                       peers without an IP address
//	*                          everybody
//
// or several with commas between them. What follows "#" or ";" is a comment. An entry
// of the slice that is empty is an error; one that is a comment is not.
//
// Names are looked up here and never again, one after the other; ctx bounds that, and a
// nil r is net.DefaultResolver. A name without an address is an error: a list to deny
// must not become shorter in silence. A list has at most 1,048,576 entries, of these
// 1024 names with up to 256 addresses.
//
// The error joins up to 20 [*EntryError].
func NewList(ctx context.Context, entries []string, r Resolver) (*List, error) {
	b := builder{ctx: ctx, resolver: r}
	b.all(entries)
	return b.list()
}

// ReadList compiles the entries of a text, which has those of NewList on its lines. A
// line has at most 1024 bytes.
func ReadList(ctx context.Context, text io.Reader, r Resolver) (*List, error) {
	b := builder{ctx: ctx, resolver: r}
	if err := b.read(text); err != nil {
		return nil, err
	}
	return b.list()
}

// Match returns the entry that means a: of several the one that means the fewest
// addresses, and of these the first. The zero Addr is a peer without an IP address.
func (l *List) Match(a netip.Addr) (entry string, ok bool) {
	if l == nil {
		return "", false
	}
	if !a.IsValid() {
		return l.unix, l.unix != ""
	}
	n := numberOf(a)
	low, high := 0, len(l.starts) // starts[low-1] <= n < starts[high]
	for low < high {
		middle := int(uint(low+high) >> 1)
		if n.less(l.starts[middle]) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low == 0 || l.owners[low-1] < 0 {
		return "", false
	}
	return l.entries[l.owners[low-1]], true
}

// has reports whether an entry means a.
func (l *List) has(a netip.Addr) bool {
	_, ok := l.Match(a)
	return ok
}

// Len returns the number of entries.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return len(l.entries)
}

// Entries iterates over the texts of the entries, in their order.
func (l *List) Entries() iter.Seq[string] {
	return func(yield func(string) bool) {
		if l != nil {
			slices.Values(l.entries)(yield)
		}
	}
}

// builder gathers the entries of a list.
type builder struct {
	ctx      context.Context // of the one call that builds
	resolver Resolver
	source   string

	entries []string
	spans   []span
	unix    string
	names   int
	errs    []error
}

// all takes the entries of a slice.
func (b *builder) all(entries []string) {
	for i, text := range entries {
		if strings.TrimSpace(text) == "" {
			b.fail(i+1, text, ErrEntry)
		}
		b.line(i+1, text)
	}
}

// read takes a text line by line.
func (b *builder) read(text io.Reader) error {
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 0, maxLine+2), maxLine+2)
	n := 0
	for lines.Scan() && !b.full() {
		n++
		if len(lines.Bytes()) > maxLine {
			b.fail(n, lines.Text(), ErrTooLong)
			continue
		}
		b.line(n, strings.TrimPrefix(lines.Text(), "\ufeff")) // as editors on Windows write it
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		b.fail(n+1, "", ErrTooLong)
		return nil
	}
	if err != nil {
		return fmt.Errorf("admit: reading a list: %w", err)
	}
	return nil
}

// full reports whether there is no point in going on.
func (b *builder) full() bool {
	return len(b.errs) >= maxErrors || len(b.entries) > maxEntries || b.ctx.Err() != nil
}

// line takes the entries of one line.
func (b *builder) line(n int, text string) {
	if i := strings.IndexAny(text, "#;"); i >= 0 {
		text = text[:i]
	}
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" || b.full() {
			continue
		}
		if err := b.entry(entry); err != nil {
			b.fail(n, entry, err)
		}
	}
}

func (b *builder) entry(text string) error {
	m, err := parseEntry(text)
	if err != nil {
		return err
	}
	if len(b.entries) == maxEntries {
		b.entries = append(b.entries, text) // so that this is said once
		return ErrTooMany
	}
	index := int32(len(b.entries))
	b.entries = append(b.entries, strings.Clone(text)) // not the line around it
	if m.unix && b.unix == "" {
		b.unix = b.entries[index]
	}
	for _, s := range m.spans[:m.n] {
		s.entry = index
		b.spans = append(b.spans, s)
	}
	if m.name == "" {
		return nil
	}
	return b.resolve(m.name, index)
}

func (b *builder) resolve(name string, index int32) error {
	if b.names++; b.names > maxNames {
		return fmt.Errorf("%w: more than %d names", ErrTooMany, maxNames)
	}
	r := b.resolver
	if r == nil {
		r = net.DefaultResolver
	}
	addrs, err := r.LookupNetIP(b.ctx, "ip", name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnresolved, err)
	case len(addrs) > maxAddresses:
		return fmt.Errorf("%w: more than %d addresses", ErrTooMany, maxAddresses)
	}
	found := false
	for _, a := range addrs {
		if a.IsValid() {
			b.spans = append(b.spans, span{numberOf(a), numberOf(a), index})
			found = true
		}
	}
	if !found {
		return ErrUnresolved
	}
	return nil
}

func (b *builder) fail(line int, entry string, err error) {
	if len(b.errs) < maxErrors {
		b.errs = append(b.errs, &EntryError{b.source, line, excerpt(entry), err})
	}
}

// excerpt shortens what is quoted in errors.
func excerpt(s string) string { return s[:min(len(s), 100)] }

// list returns what was gathered, or what was wrong with it.
func (b *builder) list() (*List, error) {
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	if err := b.ctx.Err(); err != nil {
		return nil, fmt.Errorf("admit: list given up: %w", context.Cause(b.ctx))
	}
	l := &List{entries: b.entries, unix: b.unix}
	l.starts, l.owners = flatten(b.spans)
	return l, nil
}
