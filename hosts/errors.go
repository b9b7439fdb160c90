package hosts

import (
	"errors"
	"fmt"
)

var (
	// ErrUnknownHost is the answer of [View.Lookup] when no host has the name.
	// HTTP says it with 421 Misdirected Request (RFC 9110 section 15.5.20).
	ErrUnknownHost = errors.New("hosts: unknown host")

	// ErrAuthority is an [ErrUnknownHost] because the authority is not one:
	// neither a name nor an address, with or without port. A server may answer
	// it with 400 Bad Request (RFC 9112 section 3.2).
	ErrAuthority = fmt.Errorf("%w: malformed authority", ErrUnknownHost)

	// ErrNoHosts is the answer of [Set.Addresses] when every host is disabled.
	ErrNoHosts = errors.New("hosts: no enabled host")

	// ErrTemplate says that a field of Options.TLS can not be used with hosts.
	ErrTemplate = errors.New("hosts: Options.TLS")

	// ErrRunning is the answer of a second [Set.Run].
	ErrRunning = errors.New("hosts: Run was called before")
)

// What can be wrong with a host. They come inside a [*HostError], some with
// more text.
var (
	ErrNoNames         = errors.New("no names")                                      // Names is empty
	ErrName            = errors.New("invalid name")                                  // neither a host name nor a wildcard nor an address
	ErrIDNA            = fmt.Errorf("%w: no internationalised name", ErrName)        // an [ErrName]: RFC 5891
	ErrDuplicateTag    = errors.New("duplicate tag")                                 // an earlier enabled host has the Tag
	ErrBind            = errors.New("not an IP address")                             // Bind or Bind2
	ErrPort            = errors.New("port out of range")                             // Port or TLSPort, -1 to 65535
	ErrNoPort          = errors.New("both Port and TLSPort are 0")                   // only from Set.Addresses
	ErrAddressConflict = errors.New("address conflict")                              // only from Set.Addresses
	ErrNoCertificate   = errors.New("no certificate")                                // none is given, or none is in what is given
	ErrNoKey           = errors.New("no private key")                                // neither Cert nor Key holds one
	ErrKeyMismatch     = errors.New("private key belongs to no certificate of Cert") // whichever field the key is in
	ErrEncryptedKey    = errors.New("private key is encrypted")                      // Host.KeyPassword opens it
	ErrFormat          = errors.New("unreadable certificate or key")                 // also damaged or larger than 1 MiB
	ErrExpired         = errors.New("certificate has expired")                       // the host's or one of its chain
	ErrNotYetValid     = errors.New("certificate is not valid yet")                  // likewise
	ErrChain           = errors.New("chain does not lead to a trusted root")         // Options.RootCAs, or the system's
	ErrCoverage        = errors.New("certificate is not for the host's first name")  // which the one before was for
	ErrExpiring        = errors.New("certificate expires soon")                      // Options.CertExpireDays
	ErrSelfSigned      = errors.New("certificate is self-signed")                    // Options.AllowSelfSigned
	ErrTemporary       = errors.New("certificate is a temporary one")                // Host.AllowTemporary
	ErrNoIssuer        = errors.New("no issuer for AutoOrder")                       // Options.Issuer
	ErrIssuer          = errors.New("issuer ended")                                  // before the set did
	ErrRedirect        = errors.New("no redirect")                                   // RedirectURL or RedirectStatus
)

// HostError says which field of which host is wrong. Its text never repeats
// a key or PEM text; it may have a path or the subject of a certificate.
type HostError struct {
	Index int    // position in the slice given to New, from 0
	Tag   string // may be empty
	Field string // name of the field of Host
	Err   error  // one of the errors above, or of reading a file
}

// Error names the host, the field and what is wrong with it.
func (e *HostError) Error() string {
	return fmt.Sprintf("hosts: %s: %s: %v", label(e.Index, e.Tag), e.Field, e.Err)
}

// Unwrap returns e.Err.
func (e *HostError) Unwrap() error { return e.Err }

// label names a host in errors.
func label(index int, tag string) string {
	if tag == "" {
		return fmt.Sprintf("host %d", index)
	}
	return fmt.Sprintf("host %d %q", index, tag)
}
