package multilisten

import (
	"encoding/binary"
	"fmt"
	"net"
)

// ProxyHeader is what a proxy said of a connection. Strings and bytes in it come from
// the proxy unchecked, save that their form is right.
type ProxyHeader struct {
	Version int // 1 or 2

	// Local means that the proxy speaks for itself, to see whether the server lives
	// (version 2).
	Local bool

	// Source is where the client is, Destination where it connected to: a
	// *net.TCPAddr or *net.UnixAddr each. Both are nil if Local is set, and if the
	// proxy does not know or does not say.
	Source, Destination net.Addr

	Authority string    // the host that the client named, in TLS as a rule
	ALPN      string    // the protocol that TLS agreed on
	UniqueID  []byte    // of the connection, given by the proxy; at most 128 bytes
	TLS       *ProxyTLS // nil if the client speaks no TLS, or the proxy does not say

	// TLVs is all of it, in order: fields that have a name above, and others. Of
	// fields that are there twice the first one counts above.
	TLVs []ProxyTLV
}

// ProxyTLV is a field of a header of version 2.
type ProxyTLV struct {
	Type  byte
	Value []byte
}

// ProxyTLS is the TLS between client and proxy (PP2_TYPE_SSL).
type ProxyTLS struct {
	Version    string // "TLSv1.3"
	Cipher     string
	CommonName string // of the client's certificate
	SigAlg     string // of the proxy's certificate
	KeyAlg     string // of the proxy's certificate
	ClientCert []byte // DER; few proxies send it

	CertOnConn    bool // the client has shown a certificate on this connection
	CertInSession bool // or earlier in the TLS session
	Verified      bool // and the proxy found it valid
}

const (
	proxyV1Sig = "PROXY "
	proxyV2Sig = "\r\n\r\n\x00\r\nQUIT\n"

	proxyV1Min = len("PROXY UNKNOWN\r\n")
	proxyV2Min = len(proxyV2Sig) + 4
)

// proxyNeeds returns how many bytes of the header are sure to follow b, the bytes so
// far; 0 if b is all of it. ErrNoProxyHeader means that b does not begin one. By
// reading so many and asking again one gets a header without a byte behind it.
func proxyNeeds(b []byte, limit int) (int, error) {
	switch {
	case len(b) == 0:
		return proxyV1Min, nil
	case begins(b, proxyV2Sig):
		if len(b) < proxyV2Min {
			return proxyV2Min - len(b), nil
		}
		n := proxyV2Min + int(binary.BigEndian.Uint16(b[proxyV2Min-2:]))
		if n > limit {
			return 0, badProxyHeader("%d bytes are more than %d", n, limit)
		}
		return n - len(b), nil
	case begins(b, proxyV1Sig):
		return proxyV1Needs(b, min(limit, proxyV1Max))
	}
	return 0, ErrNoProxyHeader
}

// begins reports whether b begins with sig, as far as it goes.
func begins(b []byte, sig string) bool {
	n := min(len(b), len(sig))
	return string(b[:n]) == sig[:n]
}

func parseProxyHeader(b []byte) (*ProxyHeader, error) {
	if begins(b, proxyV2Sig) {
		return parseProxyV2(b)
	}
	return parseProxyV1(b)
}

func badProxyHeader(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrProxyHeader, fmt.Errorf(format, a...))
}
