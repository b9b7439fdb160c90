package hosts

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Set is the checked hosts of a server.
type Set struct {
	b         *builder
	running   atomic.Bool // Run was called
	entries   []*Entry
	all       *View
	addresses []Address
	views     []*View // one for each address
	addrErr   error   // why there are no addresses
}

// New checks the hosts and loads their certificates. The error joins a
// [*HostError] for everything that is wrong, an [*OptionError] and [ErrTemplate]. What is wrong
// with the addresses only is left to [Set.Addresses], as a server that is handed
// its listeners needs none. A set without an enabled host is allowed; it knows
// no name.
func New(hosts []Host, opts Options) (*Set, error) {
	b, err := newBuilder(opts)
	errs := []error{err}
	tags := make(map[string]int)
	s := &Set{b: b}
	for i, h := range hosts {
		if h.Disabled {
			continue
		}
		c := &checker{builder: b, index: i, tag: h.Tag}
		if first, ok := tags[h.Tag]; ok && h.Tag != "" {
			c.fail("Tag", fmt.Errorf("%w: host %d has it", ErrDuplicateTag, first))
		} else {
			tags[h.Tag] = i
		}
		s.entries = append(s.entries, c.entry(h))
		errs = append(errs, c.errs...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if opts.ClientAuth != ClientCertNone && len(s.entries) > 0 &&
		!slices.ContainsFunc(s.entries, func(e *Entry) bool { return e.identity != nil }) {
		return nil, &OptionError{"ClientAuth", fmt.Errorf("%w: no host has TLS", ErrNoCertificate)}
	}
	s.bind(b)
	return s, nil
}

// bind plans the sockets and makes the views.
func (s *Set) bind(b *builder) {
	s.all = newView(s.entries, b)
	sockets, err := plan(s.entries)
	if len(s.entries) == 0 {
		err = ErrNoHosts
	}
	b.warnShared(sockets, s.entries)
	if s.addrErr = err; err != nil {
		return
	}
	for _, k := range sockets {
		s.addresses = append(s.addresses, k.address())
		s.views = append(s.views, newView(k.entries, b))
	}
}

// Addresses returns what to listen on, in the order of the hosts: for Bind, then
// Bind2, first the plain port, then the one for TLS. Hosts that name the same
// address share it; a free port (-1) is never shared. The caller owns the slice.
//
// The error joins a [*HostError] for each host that has no port ([ErrNoPort]),
// that wants TLS where another wants none, or an address that lies within
// another's "all addresses" on the same port ([ErrAddressConflict]; it names
// both hosts). It is [ErrNoHosts] if all are disabled.
func (s *Set) Addresses() ([]Address, error) {
	return slices.Clone(s.addresses), s.addrErr
}

// View returns the hosts of the address with index i in the result of
// [Set.Addresses]; it panics if there is none.
func (s *Set) View(i int) *View { return s.views[i] }

// All returns a view of every enabled host, for listeners that were handed to
// the server.
func (s *Set) All() *View { return s.all }

// Hosts returns the enabled hosts in order. The caller owns the slice.
func (s *Set) Hosts() []*Entry { return slices.Clone(s.entries) }

// Len returns the number of enabled hosts.
func (s *Set) Len() int { return len(s.entries) }

// builder is what all hosts share.
type builder struct {
	opts Options // no zero stands for a default
	base *tls.Config
	tls  *shared
	now  func() time.Time
	log  *slog.Logger
}

func newBuilder(opts Options) (*builder, error) {
	if opts.CertExpireDays == 0 {
		opts.CertExpireDays = 30
	}
	if opts.RecheckEvery == 0 {
		opts.RecheckEvery = time.Hour
	}
	b := &builder{opts: opts, now: opts.Now, log: opts.Logger}
	if b.log == nil {
		b.log = slog.Default()
	}
	var err error
	b.tls, err = newShared(opts)
	b.base = b.tls.base
	if b.now == nil {
		b.now = time.Now
	}
	return b, err
}

// warnShared reports names that two hosts have where only the first gets them:
// on a socket, or among hosts for handed-in listeners.
func (b *builder) warnShared(sockets []socket, entries []*Entry) {
	groups := make([][]*Entry, 0, len(sockets)+1)
	for _, k := range sockets {
		groups = append(groups, k.entries)
	}
	groups = append(groups, slices.DeleteFunc(slices.Clone(entries), func(e *Entry) bool {
		return len(e.wishes()) > 0
	}))
	told := make(map[string]bool)
	for _, group := range groups {
		v := newView(nil, nil)
		for _, e := range group {
			for _, n := range e.names {
				key := fmt.Sprint(e.index, n)
				if owner := v.add(n, e); owner != e && !told[key] {
					told[key] = true
					b.log.Warn("hosts: an earlier host has the same name",
						"host", e.host.Tag, "index", e.index, "name", n.String(), "earlier", owner.index)
				}
			}
		}
	}
}
