package hosts

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// CertResult is the outcome of checking a host's certificate.
type CertResult uint8

// The outcomes (H-25).
const (
	CertNone CertResult = iota // the host has no certificate of its own: it wants none, or is on demand
	CertOK
	CertWarn // usable: it expires soon, is temporary or self-signed, leads to no known root, misses the first name
	CertFail // there is none that could be used
)

var certResultNames = [...]string{"none", "ok", "warn", "fail"}

// String returns the outcome in a word.
func (r CertResult) String() string {
	if int(r) < len(certResultNames) {
		return certResultNames[r]
	}
	return fmt.Sprintf("result(%d)", uint8(r))
}

// CertInfo is one certificate of a chain in words.
type CertInfo struct {
	Subject, Issuer     string
	Serial              string // hexadecimal
	Names               []string
	NotBefore, NotAfter time.Time
	Key                 string // such as "RSA 2048" or "ECDSA P-256"
	Signature           string // such as "SHA256-RSA"
}

// CertStatus is what is known about the certificate that a host shows. It is a
// snapshot, which does not change (H-25).
type CertStatus struct {
	Result CertResult
	// Err says what led to CertWarn or CertFail, or why the last attempt to replace
	// the certificate failed; several are joined.
	Err error
	// Names are those that the certificate is for.
	Names []string
	// Leaf is the certificate itself, nil if there is none. It is shared: do not
	// change it.
	Leaf *x509.Certificate
	// Chain begins with the leaf, as clients are sent it.
	Chain               []CertInfo
	NotBefore, NotAfter time.Time // of the whole chain: the latest and the earliest
	// RenewAt is when the certificate will be replaced, or should be: the beginning of
	// its warning window. Zero without a certificate.
	RenewAt time.Time
	// LoadedFrom is a path, "PEM text", "temporary", "issuer" or "source".
	LoadedFrom string
	// ModTime is the time of the newest file that it was read from.
	ModTime time.Time
	// Loaded is when it came into use.
	Loaded    time.Time
	Temporary bool
	// Ordering says that an issuer keeps the certificate.
	Ordering bool
}

// HostReport is the outcome for one host.
type HostReport struct {
	Index  int // position in the slice given to New
	Tag    string
	Status CertStatus
	New    bool  // a certificate was replaced
	Err    error // why not, a [*HostError]; nil if there was nothing to do
}

// Report is the outcome of checking hosts: one for each enabled host, in order.
type Report struct {
	Hosts []HostReport
}

// Changed says whether a certificate was replaced.
func (r Report) Changed() bool {
	for _, h := range r.Hosts {
		if h.New {
			return true
		}
	}
	return false
}

// status is the snapshot of now: what time decides is decided here.
func (id *identity) status() CertStatus {
	st := CertStatus{Ordering: id.entry.host.AutoOrder}
	in := id.current.Load()
	failure := id.failure.Load()
	if in == nil {
		if id.entry.host.OnDemand && failure == nil {
			return st // its certificates are the issuer's
		}
		st.Result = CertFail
		if failure == nil {
			st.Err = ErrNoCertificate
		} else {
			st.Err = failure
		}
		return st
	}
	now := id.b.now()
	st.Leaf, st.Names, st.Chain = in.cert.Leaf, namesOf(in.cert.Leaf), infos(in.chain)
	st.NotBefore, st.NotAfter = in.validity()
	st.LoadedFrom, st.ModTime, st.Loaded, st.Temporary = in.from, in.modTime, in.loaded, in.temporary
	st.RenewAt = id.b.renewAt(in, st.NotAfter)
	due := st.RenewAt
	if at := id.renewAt.Load(); at != nil && in.delivered {
		st.RenewAt = *at
	}
	errs := []error{in.concern}
	for _, link := range in.chain {
		if err := checkTime(link, now); err != nil {
			st.Result = CertFail
			errs = append(errs, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.byName)) {
		if more := in.byName[name]; more != in.cert {
			if err := checkTime(more.Leaf, now); err != nil {
				st.Result = CertFail
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	if st.Result == CertNone && !now.Before(due) {
		errs = append(errs, fmt.Errorf("%w: on %s", ErrExpiring, st.NotAfter.UTC().Format(time.RFC3339)))
	}
	if failure != nil {
		errs = append(errs, failure)
	}
	st.Err = errors.Join(errs...)
	switch {
	case st.Result == CertFail:
	case st.Err != nil:
		st.Result = CertWarn
	default:
		st.Result = CertOK
	}
	return st
}

// renewAt is when a certificate is due: in the warning window, but not before its
// last third, as those of a few days would be due at once (H-29, H-48).
func (b *builder) renewAt(in *installed, until time.Time) time.Time {
	if in.temporary {
		return until.Add(-temporaryRenew)
	}
	if b.opts.CertExpireDays < 0 {
		return until
	}
	window := time.Duration(b.opts.CertExpireDays) * 24 * time.Hour
	return until.Add(-min(window, until.Sub(in.cert.Leaf.NotBefore)/3))
}

func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

func infos(chain []*x509.Certificate) []CertInfo {
	list := make([]CertInfo, len(chain))
	for i, c := range chain {
		list[i] = CertInfo{
			Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16),
			Names: namesOf(c), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
			Key: describeKey(c.PublicKey), Signature: c.SignatureAlgorithm.String(),
		}
	}
	return list
}

func describeKey(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", key)
}
