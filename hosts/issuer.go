package hosts

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// ALPNChallenge is the protocol that a certificate authority offers in the
// handshake of its TLS-ALPN-01 check (RFC 8737).
const ALPNChallenge = "acme-tls/1"

// Challenge is how control over a name is proved to an issuer (RFC 8555
// section 8, RFC 8737).
type Challenge uint8

// The challenges (H-44).
const (
	// ChallengeAuto is whatever the issuer prefers.
	ChallengeAuto Challenge = iota
	// ChallengeHTTP01 is a file on port 80 of the name.
	ChallengeHTTP01
	// ChallengeTLSALPN01 is a certificate on port 443 of the name.
	ChallengeTLSALPN01
	// ChallengeDNS01 is a TXT record, the only one for wildcards.
	ChallengeDNS01
)

var challengeNames = [...]string{"auto", "http-01", "tls-alpn-01", "dns-01"}

// String returns the name that RFC 8555 has for the challenge, or "auto".
func (c Challenge) String() string {
	if int(c) < len(challengeNames) {
		return challengeNames[c]
	}
	return fmt.Sprintf("challenge(%d)", uint8(c))
}

// An Issuer obtains and renews certificates; package hosts/acme has one for every
// authority that speaks ACME. Its methods may be called at once from any
// goroutine.
type Issuer interface {
	// Check says, while a [Set] is made, why an order could never be fulfilled: a
	// wildcard without DNS, a challenge that needs a port which the host has not. It
	// asks nobody outside.
	Check(o Order) error

	// Run fulfils the orders and renews what it delivered, until ctx ends; then it
	// returns nil, after everything that it started. It is called once, when the server
	// is listening, and must not wait for anything before the first order. An error
	// means that it could not begin.
	Run(ctx context.Context, orders []Order) error

	// ServeChallenge answers the request of an HTTP-01 check; false if r is none of
	// its.
	ServeChallenge(w http.ResponseWriter, r *http.Request) bool

	// ChallengeCert returns the certificate of a TLS-ALPN-01 check, for a hello whose
	// only protocol is [ALPNChallenge].
	ChallengeCert(hello *tls.ClientHelloInfo) (*tls.Certificate, error)

	// DemandCert returns the certificate for a name of a host with Host.OnDemand,
	// obtaining it if there is none; hello.Context bounds the waiting.
	DemandCert(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Order is what an [Issuer] is to do for one host.
type Order struct {
	Host  *Entry
	Names []string // canonical, A-labels; never empty save for OnDemand
	// Port and TLSPort are where the host listens: 0 for no such port, -1 for one that
	// the system chooses. Both are 0 for a host on listeners that were handed to the
	// server; a challenge that needs a port is then taken as possible.
	Port, TLSPort int
	// Challenge is Host.Challenge.
	Challenge Challenge
	// OnDemand says that names come with the handshakes: nothing is obtained
	// beforehand.
	OnDemand bool
	// Logger is the set's, with the host.
	Logger *slog.Logger
	// Deliver installs a certificate, first in use or renewed. It refuses with a
	// [*HostError] one that is worse than what the host has: expired, without key,
	// below the host's level.
	Deliver func(*tls.Certificate) error
	// Failed reports an attempt that failed; the issuer goes on trying by its own
	// rules.
	Failed func(error)
	// Scheduled says when the issuer will renew the certificate that it delivered last,
	// for CertStatus.RenewAt (H-48). It is called after Deliver, and again when the
	// authority changes its mind. Nil if nobody wants to know.
	Scheduled func(at time.Time)
}
