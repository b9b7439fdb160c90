package hosts

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Host describes one virtual host. [New] copies it.
type Host struct {
	// Tag is a short name that the server's other parts know the host by; every
	// client accepted for the host carries it. May be empty; two enabled hosts
	// never have the same tag.
	Tag string

	// Names are what clients call the host. At least one is needed:
	//
	//	chat.example     this name
	//	*.game.example   one label in place of the star (RFC 9525 section 6.3)
	//	*                every name that no other host has
	//	192.0.2.7, ::1   this address; "*" does not cover addresses
	//
	// Case does not matter; a final dot and a port are dropped. Names are ASCII:
	// write bücher.example as xn--bcher-kva.example (RFC 5890 section 2.3.2.1).
	// Anything else is [ErrNotASCII], as the conversion needs tables that the
	// standard library does not have.
	Names []string

	// Descr is a description for logs; see [Entry.String].
	Descr string

	// Disabled takes the host out of everything: it is not checked, its
	// certificate is not loaded, it has no address and no name reaches it.
	Disabled bool

	// Bind and Bind2 are the local IP addresses to listen on, each with both
	// ports. An empty Bind means all addresses, IPv4 and IPv6, on one socket;
	// an empty Bind2 means none. "0.0.0.0" is all of IPv4 and "::" all of IPv6.
	Bind, Bind2 string

	// Port is for plain connections and TLSPort for TLS: 1 to 65535, 0 for none,
	// -1 for a free port that the system chooses. If both are 0 the host can
	// only be reached through a listener handed to the server.
	Port, TLSPort int

	// Cert is the certificate: the path of a PEM or DER file, or PEM text. It may
	// also hold the private key and intermediates, in any order: the certificate
	// that belongs to the key is the host's, the others make its chain as far as
	// they lead from it. A TLSPort needs Cert or AllowTemporary.
	Cert string

	// Key is the private key, path or PEM text, if Cert does not hold it; it is
	// not read if Cert does.
	Key string

	// Intermediates are further certificates for the chain, path or PEM text.
	Intermediates string

	// AllowTemporary lets a host with an empty Cert start with a self-signed
	// certificate made in memory, as [Temporary] does, for all its names and
	// bind addresses. It is renewed before it expires, and logged as a warning:
	// no client trusts it. A Cert that can not be loaded stays an error.
	AllowTemporary bool

	// HTTP answers the host's requests that are not WebSocket upgrades. Nil
	// leaves the answer to the server.
	HTTP http.Handler
}

// Options are what all hosts of a [Set] share. The zero value works.
type Options struct {
	// TLS is the template of every host's TLS configuration; [New] clones it.
	// Certificates, GetCertificate, GetConfigForClient, WrapSession and
	// UnwrapSession must be unset in it, as the hosts decide these. MinVersion 0
	// means TLS 1.2, and no older one is taken (RFC 8996); NextProtos is always "http/1.1", which alone has the upgrade of RFC 6455;
	// each host has session-ticket keys of its own whatever the template's.
	TLS *tls.Config

	// Now is the clock for the validity of certificates and the age of keys, and
	// for TLS unless the template has one. Nil means [time.Now].
	Now func() time.Time

	// Logger gets warnings: temporary certificates, a certificate that does not
	// cover a name, two hosts with one name. Nil means [slog.Default].
	Logger *slog.Logger
}
