package hosts

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checker checks one host and collects what is wrong with it.
type checker struct {
	*builder
	index int
	tag   string
	errs  []error
}

func (c *checker) fail(field string, err error) {
	if f, ok := errors.AsType[*fieldError](err); ok {
		field, err = f.field, f.err
	}
	c.errs = append(c.errs, &HostError{c.index, c.tag, field, err})
}

func (c *checker) warn(msg string, args ...any) {
	c.log.Warn("hosts: "+msg, append([]any{"host", c.tag, "index", c.index}, args...)...)
}

// entry returns the host as an entry, complete only if nothing failed.
func (c *checker) entry(h Host) *Entry {
	h.Meta = maps.Clone(h.Meta)
	h.AllowedOrigins = slices.Clone(h.AllowedOrigins)
	h.CipherSuites, h.Curves = slices.Clone(h.CipherSuites), slices.Clone(h.Curves)
	e := &Entry{index: c.index, names: c.names(h.Names)}
	c.ports(h)
	e.binds = append(e.binds, c.bind("Bind", h.Bind))
	if h.Bind2 != "" {
		e.binds = append(e.binds, c.bind("Bind2", h.Bind2))
	}
	h.RedirectStatus = c.redirect(h)
	e.host = h
	p := c.policy(c, h)
	wants := c.wantsTLS(h)
	if !wants && h.ClientAuth != ClientCertNone {
		c.fail("ClientAuth", fmt.Errorf("%w for ClientAuth", ErrNoCertificate))
	}
	source, err := h.source()
	if err != nil {
		c.fail("Source", err)
	}
	if wants && err == nil && len(e.names) > 0 {
		e.identity = c.identity(e, p, source)
	}
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

func (c *checker) ports(h Host) {
	for _, p := range []struct {
		field string
		port  int
	}{{"Port", h.Port}, {"TLSPort", h.TLSPort}} {
		if p.port < -1 || p.port > 65535 {
			c.fail(p.field, fmt.Errorf("%w: %d", ErrPort, p.port))
		}
	}
}

// redirect returns the status. What {host} and {uri} stand for is safe, the rest of
// the URL is checked here.
func (c *checker) redirect(h Host) int {
	if h.RedirectURL == "" {
		if h.RedirectStatus != 0 {
			c.fail("RedirectStatus", fmt.Errorf("%w: %d without RedirectURL", ErrRedirect, h.RedirectStatus))
		}
		return 0
	}
	plain := strings.NewReplacer("{host}", "host.example", "{uri}", "/").Replace(h.RedirectURL)
	u, err := url.Parse(plain)
	switch {
	case err != nil, strings.ContainsAny(plain, "{} "), u.Scheme == "" && !strings.HasPrefix(plain, "/"):
		c.fail("RedirectURL", fmt.Errorf("%w: %q is neither an absolute URL nor a path", ErrRedirect, h.RedirectURL))
	case strings.HasPrefix(plain, "//"):
		c.fail("RedirectURL", fmt.Errorf("%w: %q leads to another host", ErrRedirect, h.RedirectURL))
	case u.Scheme != "" && u.Host == "":
		c.fail("RedirectURL", fmt.Errorf("%w: %q has no host", ErrRedirect, h.RedirectURL))
	}
	switch h.RedirectStatus {
	case 0:
		return http.StatusPermanentRedirect
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		c.fail("RedirectStatus", fmt.Errorf("%w: %d is none of 301, 302, 307 and 308", ErrRedirect, h.RedirectStatus))
	}
	return h.RedirectStatus
}

// wantsTLS says whether the host has a certificate or is to get one, and refuses what
// makes no sense without.
func (c *checker) wantsTLS(h Host) bool {
	switch {
	case h.Cert != "" || h.Source != nil || h.AutoOrder:
		if h.AutoOrder && c.opts.Issuer == nil {
			c.fail("AutoOrder", ErrNoIssuer)
		}
		return !c.opts.DisableTLS
	case h.OnDemand:
		c.fail("OnDemand", fmt.Errorf("%w: AutoOrder is not set", ErrNoIssuer))
	case !h.AllowTemporary && h.TLSPort != 0:
		c.fail("Cert", fmt.Errorf("%w for TLSPort", ErrNoCertificate))
	}
	return h.AllowTemporary && !c.opts.DisableTLS
}

// identity makes the TLS side of a host and gives it its first certificate. With
// Options.BestEffort the certificate may be missing.
func (c *checker) identity(e *Entry, p *policy, source CertSource) *identity {
	id := newIdentity(c.builder, e, p, source)
	if c.opts.OnHostTLS != nil {
		if err := contain("OnHostTLS", func() error { c.opts.OnHostTLS(e, id.config); return nil }); err != nil {
			c.fail("Cert", err)
		}
	}
	id.seal()
	if e.host.AutoOrder && c.opts.Issuer != nil {
		if err := contain("Issuer.Check", func() error { return c.opts.Issuer.Check(e.order(c.builder)) }); err != nil {
			c.fail("AutoOrder", err)
		}
	}
	_ = id.lock(context.Background())
	defer id.unlock()
	if err := c.first(id); err != nil {
		if c.opts.BestEffort {
			id.failed("Cert", err)
		} else {
			c.fail("Cert", err)
		}
	}
	id.told = id.status().Result
	id.renewLocked(c.now()) // nobody else has it yet
	return id
}

// first loads the certificate of a host, or makes the temporary one.
func (c *checker) first(id *identity) error {
	h := &id.entry.host
	if id.source != nil {
		in, version, err := id.read(context.Background())
		if err == nil {
			id.version = version
			id.current.Store(in)
			c.checkCoverage(in.cert.Leaf, id.entry.names)
			return nil
		}
		if !h.AutoOrder {
			return err
		}
		id.failed("Cert", err) // the issuer delivers, as to a host that has none
	}
	if !h.AllowTemporary {
		return nil // the issuer delivers
	}
	in, err := id.makeTemporary(c.now())
	if err != nil {
		return &fieldError{"AllowTemporary", err}
	}
	id.current.Store(in)
	c.warn("temporary self-signed certificate in use, no client trusts it",
		"names", id.entry.Names(), "until", in.cert.Leaf.NotAfter)
	return nil
}

// checkCoverage warns of names for which the certificate is not.
func (c *checker) checkCoverage(leaf *x509.Certificate, names []name) {
	for _, n := range names {
		if !covers(leaf, n) {
			c.warn("certificate does not cover a name of the host", "name", n.String())
		}
	}
}
