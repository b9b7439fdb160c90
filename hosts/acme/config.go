package acme

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Directories of Let's Encrypt. The certificates of the second are trusted by no
// client; it has wider limits and is meant for trying things out.
const (
	LetsEncrypt        = "https://acme-v02.api.letsencrypt.org/directory"
	LetsEncryptStaging = "https://acme-staging-v02.api.letsencrypt.org/directory"
)

// Config is what [New] makes an [Issuer] of. AgreedTOS and Storage have to be set,
// everything else may be zero.
type Config struct {
	// Directory is the https address of the authority's ACME directory (H-42). Empty
	// means [LetsEncrypt].
	Directory string

	// Email is where the authority can reach who runs the server. May be empty if the
	// authority does not want one. Another address is another account.
	Email string

	// AgreedTOS says that you agree to the authority's terms of service. Without it
	// New refuses with [ErrTerms].
	AgreedTOS bool

	// ExternalAccount connects the account with one that you have at the authority
	// (RFC 8555 section 7.3.4). Nil for authorities that do not ask for it, such as
	// Let's Encrypt.
	ExternalAccount *ExternalAccount

	// Profile is one of the kinds of certificates that the authority lists in its
	// directory, such as "shortlived". Empty leaves it to the authority.
	Profile string

	// PreferredChain is the common name of the root that the chain should lead to if
	// the authority has several chains. Empty, or a name that it does not have, is the
	// authority's first.
	PreferredChain string

	// KeyType is the kind of key that new certificates have; each gets a new key
	// (H-46). The zero value is [P256]. A change shows with the next renewal.
	KeyType KeyType

	// Storage keeps account, certificates and keys (H-43); see [DirStorage]. There is
	// no default, because a server that loses it orders everything again and meets the
	// limits of the authority. Processes that share one order each certificate once
	// and answer each other's checks.
	Storage Storage

	// DNS publishes TXT records for dns-01, which wildcards need (H-39).
	DNS DNSSolver

	// Allow decides whether a name of a host with Host.OnDemand gets a certificate;
	// nil means yes. Hosts with OnDemand need it. It is called in the handshake, from
	// any goroutine, before each order and before a certificate is first loaded, never
	// for one that is in memory: it should answer in milliseconds and honour ctx.
	// Without it everybody who points a name at the server could use up the limits of
	// the account.
	Allow func(ctx context.Context, name string) error

	// DemandLimit is the most names of hosts with OnDemand that are kept in memory,
	// about 10 KiB each; the ones not used for longest go, and are loaded from the
	// storage when they are asked for again. 0 means 10000.
	DemandLimit int

	// HTTPPort and TLSPort are the ports of hosts that the authority reaches on 80 and
	// 443, if something in front forwards them. 0 means 80 and 443. Nothing is ever
	// listened on by this package.
	HTTPPort, TLSPort int

	// RenewalRatio is the last part of a certificate's life in which it is renewed,
	// between 0 and 1. 0 means one third: a certificate for 90 days is renewed 30 days
	// before its end.
	RenewalRatio float64

	// IgnoreRenewalInfo renews by RenewalRatio alone. The zero value asks the
	// authority, about every six hours, when it wants each certificate renewed
	// (RFC 9773, H-48).
	IgnoreRenewalInfo bool

	// Backoff are the pauses after one failed attempt, after two and so on; the last
	// repeats. Each is lengthened by up to a tenth. Nil means 1 min, 10 min, 30 min,
	// 1 h, 2 h, 4 h, 6 h, which stays below the five failures an hour that Let's
	// Encrypt allows a name.
	Backoff []time.Duration

	// OnUserAction gets an address that a person has to visit before the authority
	// goes on, such as changed terms of service (RFC 8555 section 7.3.3, H-40). It is
	// called for each attempt that fails for this reason.
	OnUserAction func(url string)

	// RootCAs are what the authority's own certificate is checked against; for a
	// private one. Nil means the system's.
	RootCAs *x509.CertPool

	// HTTPClient talks to the authority in place of one that is made here, with
	// timeouts, the proxy of the environment and RootCAs. Not to be set together with
	// RootCAs.
	HTTPClient *http.Client

	// Logger gets what belongs to no host. Records about certificates go to the set's
	// logger and are in the group "cert" (H-38). Nil means [slog.Default].
	Logger *slog.Logger
}

// ExternalAccount is what an authority hands out for connecting an account.
type ExternalAccount struct {
	KeyID  string // as the authority names the key
	MACKey string // base64url, without padding
}

// DNSSolver publishes the records of dns-01 (RFC 8555 section 8.4, H-39). Its methods
// may be called from any goroutine, several at a time. One name may need several
// records at once, "example.com" and "*.example.com" for one; their values differ.
type DNSSolver interface {
	// Present adds the TXT record value at name, such as
	// "_acme-challenge.chat.example", and returns when the authority can see it: it is
	// asked to look right afterwards.
	Present(ctx context.Context, name, value string) error

	// CleanUp removes that record. It is called after Present, even one that failed,
	// within ten seconds and with a context that the end of the server does not end.
	CleanUp(ctx context.Context, name, value string) error
}

// Bounds that are no settings.
const (
	maxNames       = 100              // of a certificate, as at Let's Encrypt
	parallelOrders = 16               // of hosts; as many again for names on demand
	waitingNames   = 64               // on demand, without a certificate yet
	ordersInWindow = 10               // new orders,
	orderWindow    = 10 * time.Second // in so long
	orderTimeout   = 15 * time.Minute
	storageTimeout = 10 * time.Second // for what is done after the context has ended
	renewalPoll    = 6 * time.Hour    // unless the authority says (RFC 9773 section 4.3)
)

var defaultBackoff = []time.Duration{
	time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
}

// complete fills in the defaults and says what is wrong.
func (c *Config) complete() error {
	if !c.AgreedTOS {
		return &ConfigError{"AgreedTOS", ErrTerms}
	}
	if c.Storage == nil {
		return &ConfigError{"Storage", ErrNoStorage}
	}
	if c.Directory == "" {
		c.Directory = LetsEncrypt
	}
	if u, err := url.Parse(c.Directory); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return &ConfigError{"Directory", fmt.Errorf("%w: not an https address", ErrValue)}
	}
	if c.RootCAs != nil && c.HTTPClient != nil {
		return &ConfigError{"RootCAs", fmt.Errorf("%w: HTTPClient is set too", ErrValue)}
	}
	if e := c.ExternalAccount; e != nil && (e.KeyID == "" || e.MACKey == "") {
		return &ConfigError{"ExternalAccount", fmt.Errorf("%w: KeyID or MACKey is empty", ErrValue)}
	}
	if int(c.KeyType) >= len(keyTypeNames) {
		return &ConfigError{"KeyType", fmt.Errorf("%w: %d", ErrValue, c.KeyType)}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c.completeNumbers()
}

func (c *Config) completeNumbers() error {
	if c.HTTPPort == 0 {
		c.HTTPPort = 80
	}
	if c.TLSPort == 0 {
		c.TLSPort = 443
	}
	if c.DemandLimit == 0 {
		c.DemandLimit = 10000
	}
	if c.RenewalRatio == 0 {
		c.RenewalRatio = 1.0 / 3
	}
	if len(c.Backoff) == 0 {
		c.Backoff = defaultBackoff
	}
	for _, pause := range c.Backoff {
		if pause <= 0 {
			return &ConfigError{"Backoff", fmt.Errorf("%w: %s", ErrValue, pause)}
		}
	}
	switch {
	case c.HTTPPort < 0 || c.HTTPPort > 65535:
		return &ConfigError{"HTTPPort", fmt.Errorf("%w: %d", ErrValue, c.HTTPPort)}
	case c.TLSPort < 0 || c.TLSPort > 65535:
		return &ConfigError{"TLSPort", fmt.Errorf("%w: %d", ErrValue, c.TLSPort)}
	case c.DemandLimit < 0:
		return &ConfigError{"DemandLimit", fmt.Errorf("%w: %d", ErrValue, c.DemandLimit)}
	case !(c.RenewalRatio > 0 && c.RenewalRatio < 1): // also false for NaN
		return &ConfigError{"RenewalRatio", fmt.Errorf("%w: %v", ErrValue, c.RenewalRatio)}
	}
	return nil
}

// public says whether the authority only has certificates for public names.
func (c *Config) public() bool {
	return c.Directory == LetsEncrypt || c.Directory == LetsEncryptStaging
}
