package hosts

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
)

// View is the hosts that one listener serves, in the order of the configuration.
type View struct {
	entries  []*Entry
	exact    map[string]*Entry
	wildcard map[string]*Entry // by what follows "*."
	literal  map[netip.Addr]*Entry
	catchAll *Entry
	secured  *View    // those with TLS; may be the view itself
	b        *builder // of the set
}

func newView(entries []*Entry, b *builder) *View {
	v := &View{
		entries:  entries,
		exact:    make(map[string]*Entry),
		wildcard: make(map[string]*Entry),
		literal:  make(map[netip.Addr]*Entry),
		b:        b,
	}
	for _, e := range entries {
		for _, n := range e.names {
			v.add(n, e)
		}
	}
	v.secured = v
	secured := slices.DeleteFunc(slices.Clone(entries), func(e *Entry) bool { return e.identity == nil })
	if len(secured) < len(entries) {
		v.secured = newView(secured, b)
	}
	return v
}

// add gives n to e unless an earlier entry has it, which is then returned.
func (v *View) add(n name, e *Entry) (earlier *Entry) {
	switch n.kind {
	case catchAll:
		if v.catchAll == nil {
			v.catchAll = e
		}
		return v.catchAll
	case literal:
		return claim(v.literal, n.ip, e)
	case wildcard:
		return claim(v.wildcard, n.host, e)
	default:
		return claim(v.exact, n.host, e)
	}
}

func claim[K comparable](m map[K]*Entry, key K, e *Entry) (owner *Entry) {
	if owner = m[key]; owner == nil {
		m[key] = e
		owner = e
	}
	return owner
}

// Lookup returns the host that authority means: a Host header or a TLS server
// name, with or without port (RFC 9110 section 7.2, RFC 6066 section 3). An
// exact name beats a wildcard, a wildcard beats "*", and then the order counts.
// The empty authority, and an IP address that no host lists, mean the default
// host.
//
// The error is [ErrUnknownHost] or, for what is no authority, [ErrAuthority].
// The same host is the same *Entry in every view, so that the results for two
// names may be compared. Lookup does not allocate for names.
func (v *View) Lookup(authority string) (*Entry, error) {
	if authority == "" {
		return orUnknown(v.Default())
	}
	var buf nameBuf
	host, ip, ok := canonical(&buf, authority)
	if !ok {
		return nil, ErrAuthority
	}
	if !ip.IsValid() {
		return orUnknown(v.match(host))
	}
	if e := v.literal[ip]; e != nil {
		return e, nil
	}
	return orUnknown(v.Default())
}

func (v *View) match(host []byte) *Entry {
	if e := v.exact[string(host)]; e != nil {
		return e
	}
	if i := bytes.IndexByte(host, '.'); i >= 0 {
		if e := v.wildcard[string(host[i+1:])]; e != nil {
			return e
		}
	}
	return v.catchAll
}

func orUnknown(e *Entry) (*Entry, error) {
	if e == nil {
		return nil, ErrUnknownHost
	}
	return e, nil
}

// Default returns the first host of the view, nil if it has none.
func (v *View) Default() *Entry {
	if len(v.entries) == 0 {
		return nil
	}
	return v.entries[0]
}

// Hosts returns the hosts of the view in order. The caller owns the slice.
func (v *View) Hosts() []*Entry { return slices.Clone(v.entries) }

// TLS returns the hosts of v that have a certificate or are to get one. On a TLS
// listener that was handed to the server names are looked up in it: any other host can
// not be meant there. The view of a TLS address is its own TLS view.
func (v *View) TLS() *View { return v.secured }

// TLSConfig returns a configuration for [tls.Server] that shows each client the
// certificate of the host that its server name means among those of [View.TLS];
// for an unknown name that of their default host, so that the HTTP answer can be
// 421. Every host has one tls.Config for all its connections and listeners:
// sessions resume there and, as its ticket keys are its own, nowhere else. Keys
// change every day; a ticket is good for seven (RFC 8446 section 4.6.1).
//
// The check of a TLS-ALPN-01 challenge is answered by the issuer.
//
// The error wraps [ErrNoCertificate] if no host of v has a certificate or is to get
// one, and [ErrTLSDisabled] with Options.DisableTLS.
func (v *View) TLSConfig() (*tls.Config, error) {
	secured := v.secured
	if v.b.opts.DisableTLS {
		return nil, fmt.Errorf("hosts: %w by Options.DisableTLS", ErrTLSDisabled)
	}
	if secured.Default() == nil {
		return nil, fmt.Errorf("hosts: %w", ErrNoCertificate)
	}
	c := v.b.base.Clone()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if challenge, err := v.b.challenge(hello); challenge != nil || err != nil {
			return challenge, err
		}
		e, err := secured.Lookup(hello.ServerName)
		if err != nil {
			e = secured.Default()
		}
		return e.identity.configurationFor(hello), nil
	}
	return c, nil
}
