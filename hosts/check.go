package hosts

import (
	"fmt"
	"slices"
)

// checker checks one host and collects what is wrong with it.
type checker struct {
	*builder
	index int
	tag   string
	errs  []error
}

func (c *checker) fail(field string, err error) {
	c.errs = append(c.errs, &HostError{c.index, c.tag, field, err})
}

func (c *checker) warn(msg string, args ...any) {
	c.log.Warn("hosts: "+msg, append([]any{"host", c.index, "tag", c.tag}, args...)...)
}

// entry returns the host as an entry, complete only if nothing failed.
func (c *checker) entry(h Host) *Entry {
	e := &Entry{
		index: c.index, tag: h.Tag, descr: h.Descr, handler: h.HTTP,
		port: c.port("Port", h.Port), tlsPort: c.port("TLSPort", h.TLSPort),
		names: c.names(h.Names),
	}
	e.binds = append(e.binds, c.bind("Bind", h.Bind))
	if h.Bind2 != "" {
		e.binds = append(e.binds, c.bind("Bind2", h.Bind2))
	}
	e.identity = c.identity(h, e)
	return e
}

func (c *checker) names(given []string) []name {
	if len(given) == 0 {
		c.fail("Names", ErrNoNames)
	}
	var names []name
	for _, s := range given {
		n, err := parseName(s)
		switch {
		case err != nil:
			c.fail("Names", err)
		case !slices.Contains(names, n):
			names = append(names, n)
		}
	}
	return names
}

func (c *checker) bind(field, s string) bind {
	b, err := parseBind(field, s)
	if err != nil {
		c.fail(field, err)
	}
	return b
}

func (c *checker) port(field string, p int) int {
	if p < -1 || p > 65535 {
		c.fail(field, fmt.Errorf("%w: %d", ErrPort, p))
	}
	return p
}

// identity returns nil if the host has no certificate or it failed.
func (c *checker) identity(h Host, e *Entry) *identity {
	if h.Cert != "" {
		cert := c.load(h)
		if cert == nil {
			return nil
		}
		c.checkCoverage(cert.Leaf, e.names)
		return newIdentity(c.builder, cert, nil)
	}
	switch {
	case h.Key != "" || h.Intermediates != "":
		c.fail("Cert", fmt.Errorf("%w for Key or Intermediates", ErrNoCertificate))
		return nil
	case !h.AllowTemporary && h.TLSPort != 0:
		c.fail("Cert", fmt.Errorf("%w for TLSPort", ErrNoCertificate))
		return nil
	case !h.AllowTemporary, len(c.errs) > 0:
		return nil
	}
	return c.temporary(e)
}

// temporary makes the self-signed certificate of a host that allows one.
func (c *checker) temporary(e *Entry) *identity {
	names := slices.Clone(e.names)
	for _, b := range e.binds {
		if b.ip.IsValid() && !b.ip.IsUnspecified() {
			names = append(names, name{kind: literal, ip: b.ip.WithZone("")})
		}
	}
	cert, err := selfSigned(c.now(), names)
	if err != nil {
		c.fail("AllowTemporary", err)
		return nil
	}
	c.warn("temporary self-signed certificate in use, no client trusts it",
		"names", e.Names(), "until", cert.Leaf.NotAfter)
	return newIdentity(c.builder, &cert, names)
}
