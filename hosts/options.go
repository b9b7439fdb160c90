package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"time"
)

// Options are what all hosts of a [Set] share. The zero value works.
type Options struct {
	// TLS is the template of every host's TLS configuration; [New] clones it (H-28).
	// Certificates, GetCertificate, GetConfigForClient, WrapSession and
	// UnwrapSession must be unset in it, as the hosts decide these. NextProtos is
	// always "http/1.1", which alone has the upgrade of RFC 6455; each host has
	// session-ticket keys of its own whatever the template's.
	TLS *tls.Config

	// DisableTLS forbids TLS: a TLSPort is then an error (H-49).
	DisableTLS bool

	// Level is the security level of hosts that have none of their own (H-20). The
	// zero value is [LevelHigh].
	Level Level

	// ClientAuth says whether clients have to show a certificate (T-04); a host may
	// be stricter. ClientCAs are the authorities for it; setting them alone demands
	// nothing (T-06). Nil means the system's.
	ClientAuth ClientCert
	ClientCAs  *x509.CertPool

	// Verify relaxes or extends the check of client certificates (T-17, T-20).
	Verify ClientVerify

	// OnClientAuth gets each client certificate, or its absence where one is asked
	// for, with what our check found, and may overrule that either way (E-27). It runs
	// within the handshake, on resumed connections too.
	OnClientAuth func(*ClientAuth)

	// OnHostTLS may change the configuration of a host just before it is first used
	// (H-27). It is called once for each host with TLS.
	OnHostTLS func(h *Entry, c *tls.Config)

	// DisableSessionTickets turns the resumption of sessions off (T-16).
	DisableSessionTickets bool

	// KeyLog gets the secrets of every connection for decryption with Wireshark: never
	// in production (T-23). It is logged as a warning.
	KeyLog io.Writer

	// RootCAs are what a host's own chain is checked against (H-34). With them a chain
	// that does not lead to one of them is an error; nil means the system's, where it
	// is a warning in [CertStatus].
	RootCAs *x509.CertPool

	// AllowSelfSigned takes a self-signed certificate as good.
	AllowSelfSigned bool

	// BestEffort lets the set start without the certificates that can not be loaded:
	// handshakes for such a host fail until a recheck finds a good one (H-30). The
	// zero value fails New.
	BestEffort bool

	// CertExpireDays is the last part of a certificate's life in which its status is
	// [CertWarn] (H-29). 0 means 30 days; negative never.
	CertExpireDays int

	// RecheckEvery is how often [Set.Run] looks at the files of certificates besides
	// the notices of the file system (H-31). 0 means an hour; negative turns both off.
	RecheckEvery time.Duration

	// OnNewCert gets each certificate that comes into use after New (H-41).
	OnNewCert func(h *Entry, s CertStatus)

	// OnCertError gets each certificate that could not be loaded or obtained while the
	// set was in use; what the host had stays. The error is a [*HostError].
	OnCertError func(h *Entry, err error)

	// Issuer obtains the certificates of hosts with AutoOrder (H-36, H-37).
	Issuer Issuer

	// Now is the clock for the validity of certificates and the age of keys, and
	// for TLS unless the template has one. Nil means [time.Now].
	Now func() time.Time

	// Logger gets warnings: temporary certificates, a certificate that does not
	// cover a name, two hosts with one name. Nil means [slog.Default].
	Logger *slog.Logger
}
