package hosts

import (
	"crypto/x509"
	"net/http"
	"strings"
)

// Entry is a checked host of a [Set]: what a connection carries once its host is
// known. It does not change.
type Entry struct {
	index         int
	tag, descr    string
	names         []name
	binds         []bind // one or two
	port, tlsPort int
	handler       http.Handler
	identity      *identity // nil without a certificate
}

// Tag returns Host.Tag.
func (e *Entry) Tag() string { return e.tag }

// Index returns the position of the host in the slice given to [New], from 0;
// disabled hosts are counted.
func (e *Entry) Index() int { return e.index }

// Names returns the names in their canonical form: lower case, no port, no final
// dot, none twice. The caller owns the slice.
func (e *Entry) Names() []string {
	names := make([]string, len(e.names))
	for i, n := range e.names {
		names[i] = n.String()
	}
	return names
}

// Handler returns Host.HTTP, which may be nil.
func (e *Entry) Handler() http.Handler { return e.handler }

// Leaf returns the certificate that new clients are shown, nil if the host has
// none. It is shared: do not change it.
func (e *Entry) Leaf() *x509.Certificate {
	if e.identity == nil {
		return nil
	}
	return e.identity.certificate.Load().Leaf
}

// Temporary says whether the certificate is a temporary one.
func (e *Entry) Temporary() bool {
	return e.identity != nil && e.identity.temporary != nil
}

// String returns a name for logs: the tag, or the first name if there is no tag,
// followed by the description or, without one, by the addresses.
func (e *Entry) String() string {
	s := e.tag
	if s == "" {
		s = e.names[0].String()
	}
	if e.descr != "" {
		return s + " (" + e.descr + ")"
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
