package acme

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What can be wrong with a [Config]; it comes inside a [*ConfigError].
var (
	ErrTerms     = errors.New("the authority's terms of service are not agreed to") // AgreedTOS is false
	ErrNoStorage = errors.New("no storage")
	ErrValue     = errors.New("invalid value")
)

// Why an order could never be fulfilled: what [Issuer.Check] returns, joined and with
// more text.
var (
	// ErrChallengePort: http-01 needs the host to listen on Port 80, or
	// Config.HTTPPort, and tls-alpn-01 on TLSPort 443, or Config.TLSPort.
	ErrChallengePort = errors.New("acme: the challenge needs a port that the host has not")
	// ErrWildcardNeedsDNS: only dns-01 proves control over a wildcard (RFC 8555
	// section 7.1.3 leaves it to the authority; none accepts another).
	ErrWildcardNeedsDNS = errors.New("acme: a wildcard needs dns-01")
	// ErrNoDNS: dns-01 without Config.DNS.
	ErrNoDNS = errors.New("acme: no DNSSolver for dns-01")
	// ErrNoAllow: Host.OnDemand without Config.Allow.
	ErrNoAllow = errors.New("acme: OnDemand needs Config.Allow")
	// ErrName: "*" and IP addresses.
	ErrName = errors.New("acme: no certificate can be ordered for the name")
	// ErrNotPublic: a name that exists in private networks only, at an authority that
	// checks from the outside.
	ErrNotPublic = fmt.Errorf("%w: not a public name", ErrName)
	// ErrTooManyNames: more than 100 names in one certificate.
	ErrTooManyNames = errors.New("acme: too many names for one certificate")
)

// Why there is no certificate for a handshake.
var (
	// ErrNotAllowed: the name of no host with OnDemand, or Config.Allow refused it; the
	// text has its reason.
	ErrNotAllowed = errors.New("acme: no certificate on demand for the name")
	// ErrBusy: too many names wait for their first certificate.
	ErrBusy = errors.New("acme: too many names without a certificate at a time")
	// ErrNotRunning: [Issuer.Run] has not begun or has ended.
	ErrNotRunning = errors.New("acme: the issuer is not running")
	// ErrNoChallenge: a check that none of our orders is waiting for.
	ErrNoChallenge = errors.New("acme: no such challenge")
)

// ErrRunning is what [Issuer.Run] returns when it is called a second time.
var ErrRunning = errors.New("acme: Run was called before")

// ConfigError says which field of a [Config] is wrong.
type ConfigError struct {
	Field string
	Err   error
}

// Error names the field and what is wrong with it.
func (e *ConfigError) Error() string { return fmt.Sprintf("acme: Config.%s: %v", e.Field, e.Err) }

// Unwrap returns e.Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// OrderError is an attempt that failed; Order.Failed and the log get it.
type OrderError struct {
	Names []string  // that the certificate is for
	Retry time.Time // when the next attempt begins
	Err   error     // a [*ProblemError] if the authority refused
}

// Error has the names and the reason.
func (e *OrderError) Error() string {
	return fmt.Sprintf("acme: certificate for %s: %v", strings.Join(e.Names, ", "), e.Err)
}

// Unwrap returns e.Err.
func (e *OrderError) Unwrap() error { return e.Err }

// ProblemError is what the authority answered in place of what it was asked for
// (RFC 8555 section 6.7, RFC 9457).
type ProblemError struct {
	Type   string // without the namespace of RFC 8555, such as "rateLimited"
	Status int    // of HTTP; 0 if the problem came with a challenge
	Detail string // for people
	URL    string // to visit, only with the type "userActionRequired"
	Err    error  // where in the order it was
}

// Error is the text of e.Err, which has all the rest.
func (e *ProblemError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *ProblemError) Unwrap() error { return e.Err }

// PanicError is a panic in code of the program that was called: a callback, the
// storage or the DNSSolver.
type PanicError struct {
	Value any
	Stack []byte
}

// Error has the value.
func (e *PanicError) Error() string { return fmt.Sprintf("acme: panic: %v", e.Value) }
