package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net/http"
)

// Host describes one virtual host. [New] copies it.
type Host struct {
	// Tag is a short name that the server's other parts know the host by; every
	// client accepted for the host carries it. May be empty; two enabled hosts
	// never have the same tag (H-08).
	Tag string

	// Names are what clients call the host (H-02). At least one is needed:
	//
	//	chat.example     this name
	//	*.game.example   one label in place of the star (RFC 9525 section 6.3)
	//	*                every name that no other host has
	//	192.0.2.7, ::1   this address; "*" does not cover addresses
	//
	// Case does not matter; a final dot and a port are dropped. A name that is not
	// ASCII is turned into its A-label form, bücher.example into
	// xn--bcher-kva.example (RFC 5891), which is what clients send. The first name
	// is the one that a certificate is named after.
	Names []string

	// Descr is a description for logs; see [Entry.String] (H-09).
	Descr string

	// Meta is free text for the program, such as the application protocol; the
	// framework does not look at it (H-10).
	Meta map[string]string

	// Disabled takes the host out of everything: it is not checked, its
	// certificate is not loaded, it has no address and no name reaches it (H-03).
	Disabled bool

	// Bind and Bind2 are the local IP addresses to listen on, each with both
	// ports. An empty Bind means all addresses, IPv4 and IPv6, on one socket;
	// an empty Bind2 means none. "0.0.0.0" is all of IPv4 and "::" all of IPv6
	// (H-04, H-05).
	Bind, Bind2 string

	// Port is for plain connections and TLSPort for TLS: 1 to 65535, 0 for none,
	// -1 for a free port that the system chooses. If both are 0 the host can
	// only be reached through a listener handed to the server (H-06, H-07).
	Port, TLSPort int

	// Cert is the certificate: the path of a file, or PEM text (H-16). A file may
	// be PEM, DER, PKCS #12 (.pfx), PKCS #7 (.p7b) or a Java key store; which one
	// is seen from its content, see CertFormat. It may also hold the private key
	// and intermediates, in any order: the certificate that belongs to the key is
	// the host's, the others make its chain as far as they lead from it. A TLSPort
	// needs Cert, Source, AutoOrder or AllowTemporary.
	Cert string

	// Key is the private key, path or PEM text, if Cert does not hold it; it is
	// not read if Cert does (H-17).
	Key string

	// Intermediates are further certificates for the chain, path or PEM text
	// (H-18).
	Intermediates string

	// KeyPassword opens an encrypted key, a PKCS #12 file or a Java key store
	// (H-19). It is called for each loading; the bytes are overwritten afterwards.
	// See [PasswordText], [PasswordEnv] and [PasswordFile]. Nil means no password.
	KeyPassword func() ([]byte, error)

	// KeyPasswordEnv is the name of an environment variable, and KeyPasswordFile the path
	// of a file, that holds the password: KeyPassword as text, for configuration files.
	// At most one of the three may be set.
	KeyPasswordEnv, KeyPasswordFile string

	// CertFormat forces the format of Cert, Key and Intermediates (H-55). The zero
	// value detects it.
	CertFormat Format

	// CertSubject chooses among several certificates of one file: the first whose
	// subject, or one of whose names, contains this text and whose key is there,
	// without regard to case (H-56). Empty or "*" is the first with a key.
	CertSubject string

	// OCSPStaple is the path of a DER file with an OCSP response, which is sent with
	// the certificate as long as it is valid (H-50, RFC 6066 section 8). Nothing is
	// fetched.
	OCSPStaple string

	// Source is where the certificate comes from in place of Cert, Key,
	// Intermediates, CertFormat, CertSubject and OCSPStaple, which must be empty
	// then (H-15).
	Source CertSource

	// AllowTemporary lets a host start with a self-signed certificate made in
	// memory, as [Temporary] does, for all its names and bind addresses, when Cert
	// and Source are empty or, with AutoOrder, until the first certificate is there
	// (H-33). It is renewed before it expires, and logged as a warning: no client
	// trusts it. A Cert that can not be loaded stays an error.
	AllowTemporary bool

	// AutoOrder has Options.Issuer obtain and renew the certificate (H-36). A Cert or
	// Source is then what the host shows until the issuer delivers, and may be
	// missing: without AllowTemporary handshakes fail until then.
	AutoOrder bool

	// Challenge is how the issuer proves that the names are ours (H-44). The zero
	// value leaves it to the issuer.
	Challenge Challenge

	// OnDemand has the issuer order a certificate when a client first asks for a
	// name, for hosts whose names are not known beforehand: "*.tenant.example". The
	// issuer must have a function that allows names. Needs AutoOrder.
	OnDemand bool

	// Level is the security level: protocol versions, suites and key sizes (H-20).
	// The zero value is Options.Level.
	Level Level

	// CipherSuites, Curves, MinVersion and MaxVersion override what Level says
	// (H-21, T-08). CipherSuites are those of TLS 1.2; the ones of TLS 1.3 can not
	// be chosen in Go. Empty and 0 leave it to the level.
	CipherSuites           []uint16
	Curves                 []tls.CurveID
	MinVersion, MaxVersion uint16

	// MinStrength is the least key length of the cipher in bits, such as 256 (T-09).
	// 0 leaves it to the level.
	MinStrength int

	// ClientAuth says whether clients have to show a certificate (H-22). The
	// stricter of it and Options.ClientAuth holds.
	ClientAuth ClientCert

	// ClientCAs are the authorities that client certificates are checked against.
	// Nil means Options.ClientCAs.
	ClientCAs *x509.CertPool

	// WellKnown answers GET and HEAD requests below /.well-known/ before anything
	// else, on plain and TLS ports: /.well-known/a is the file "a" (H-23, RFC 8615).
	WellKnown fs.FS

	// OnWellKnown is asked before WellKnown, with the path after /.well-known/; false
	// means that it has no answer.
	OnWellKnown func(path string) ([]byte, bool)

	// RedirectURL is where requests that are no upgrades and not for /.well-known/
	// are sent (H-24). In it {host} stands for the name that was asked for, without
	// port, and {uri} for path and query: "https://{host}{uri}".
	RedirectURL string

	// RedirectStatus is 301, 302, 307 or 308. 0 means 308.
	RedirectStatus int

	// RequireTLS refuses upgrades on plain connections with 403, or redirects them if
	// RedirectURL is set (H-14).
	RequireTLS bool

	// AllowedOrigins lists the origins from which pages may connect to this host, as
	// the server's list does for all; nil means the server's.
	AllowedOrigins []string

	// HTTP answers the host's requests that are not WebSocket upgrades (H-13). Nil
	// leaves the answer to the server.
	HTTP http.Handler
}
