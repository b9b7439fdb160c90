package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Entry is a checked host of a [Set]: what a connection carries once its host is
// known. It does not change, save for its certificate.
type Entry struct {
	index    int
	host     Host // as given, its slices and maps copied
	names    []name
	binds    []bind    // one or two
	identity *identity // nil without TLS
}

// Tag returns Host.Tag.
func (e *Entry) Tag() string { return e.host.Tag }

// Index returns the position of the host in the slice given to [New], from 0;
// disabled hosts are counted.
func (e *Entry) Index() int { return e.index }

// Names returns the names in their canonical form: lower case, A-labels, no port,
// no final dot, none twice. The caller owns the slice.
func (e *Entry) Names() []string {
	names := make([]string, len(e.names))
	for i, n := range e.names {
		names[i] = n.String()
	}
	return names
}

// Descr returns Host.Descr.
func (e *Entry) Descr() string { return e.host.Descr }

// Meta returns Host.Meta. The caller owns the map.
func (e *Entry) Meta() map[string]string { return maps.Clone(e.host.Meta) }

// Ports returns Host.Port and Host.TLSPort.
func (e *Entry) Ports() (plain, secure int) { return e.host.Port, e.host.TLSPort }

// Handler returns Host.HTTP, which may be nil.
func (e *Entry) Handler() http.Handler { return e.host.HTTP }

// WellKnown returns Host.WellKnown, which may be nil.
func (e *Entry) WellKnown() fs.FS { return e.host.WellKnown }

// OnWellKnown returns Host.OnWellKnown, which may be nil.
func (e *Entry) OnWellKnown() func(path string) ([]byte, bool) { return e.host.OnWellKnown }

// Redirect returns Host.RedirectURL and Host.RedirectStatus with its default. An
// empty URL is no redirect.
func (e *Entry) Redirect() (url string, status int) {
	return e.host.RedirectURL, e.host.RedirectStatus
}

// RequireTLS returns Host.RequireTLS.
func (e *Entry) RequireTLS() bool { return e.host.RequireTLS }

// AllowedOrigins returns Host.AllowedOrigins, nil if the server's list holds. The
// caller owns the slice.
func (e *Entry) AllowedOrigins() []string { return slices.Clone(e.host.AllowedOrigins) }

// ClientAuth returns the rule for client certificates that holds for the host: the
// stricter of its own and the server's.
func (e *Entry) ClientAuth() ClientCert {
	if e.identity == nil {
		return ClientCertNone
	}
	switch e.identity.policy.auth {
	case tls.NoClientCert:
		return ClientCertNone
	case tls.RequireAnyClientCert, tls.RequireAndVerifyClientCert:
		return ClientCertRequire
	}
	return ClientCertOptional
}

// Leaf returns the certificate that new clients are shown, nil if the host has
// none. It is shared: do not change it.
func (e *Entry) Leaf() *x509.Certificate {
	if in := e.shown(); in != nil {
		return in.cert.Leaf
	}
	return nil
}

// Temporary says whether the certificate is a temporary one.
func (e *Entry) Temporary() bool {
	in := e.shown()
	return in != nil && in.temporary
}

// Status returns what is known about the certificate now (H-25).
func (e *Entry) Status() CertStatus {
	if e.identity == nil {
		return CertStatus{}
	}
	return e.identity.status()
}

func (e *Entry) shown() *installed {
	if e.identity == nil {
		return nil
	}
	return e.identity.current.Load()
}

// String returns a name for logs: the tag, or the first name if there is no tag,
// followed by the description or, without one, by the addresses.
func (e *Entry) String() string {
	s := e.host.Tag
	if s == "" {
		s = e.names[0].String()
	}
	if e.host.Descr != "" {
		return s + " (" + e.host.Descr + ")"
	}
	var addrs []string
	for _, w := range e.wishes() {
		a := w.address()
		if a.TLS {
			a.Addr += "/tls"
		}
		addrs = append(addrs, a.Addr)
	}
	if len(addrs) == 0 {
		return s
	}
	return s + " (" + strings.Join(addrs, " ") + ")"
}
