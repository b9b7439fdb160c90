package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// stapleLife is how long an OCSP response counts that does not say it, from when its
// authority last knew; browsers take none that is older.
const stapleLife = 7 * 24 * time.Hour

// readStaple reads an OCSP response (RFC 6960 section 4.2.1) and checks only that it is
// one.
func readStaple(in input) ([]byte, error) {
	raw, err := in.read(maxStaple)
	if err != nil {
		return nil, in.fail(err)
	}
	s := cryptobyte.String(raw)
	var response cryptobyte.String
	if !s.ReadASN1(&response, asn1.SEQUENCE) || !s.Empty() || !response.SkipASN1(asn1.ENUM) {
		return nil, in.fail(fmt.Errorf("%w: not an OCSP response in DER", ErrFormat))
	}
	return raw, nil
}

// checkStaple says why a response can not be sent with leaf; the empty note means that
// it can. The error is [ErrRevoked], for a response that issuer answers for.
func checkStaple(raw []byte, leaf, issuer *x509.Certificate, now time.Time) (note string, err error) {
	if issuer == nil {
		return "it can not be checked, the issuer's certificate is not there", nil
	}
	r, err := ocsp.ParseResponseForCert(raw, leaf, nil)
	if err == nil {
		err = checkResponder(r, issuer, now)
	}
	if err != nil {
		return err.Error(), nil
	}
	until := stapleEnd(r)
	switch {
	case r.Status == ocsp.Revoked:
		return "", fmt.Errorf("%w: %q, on %s; get a new one", ErrRevoked, leaf.Subject, r.RevokedAt.UTC().Format(time.RFC3339))
	case r.Status != ocsp.Good:
		return "its authority does not know the certificate", nil
	case now.Before(r.ThisUpdate.Add(-clockSkew)):
		return "it is not valid before " + r.ThisUpdate.UTC().Format(time.RFC3339), nil
	case now.After(until):
		return "it was valid until " + until.UTC().Format(time.RFC3339), nil
	}
	return "", nil
}

// checkResponder says whether issuer, or somebody whom it certified for that, signed a
// response (RFC 6960 section 4.2.2.2).
func checkResponder(r *ocsp.Response, issuer *x509.Certificate, now time.Time) error {
	d := r.Certificate
	switch {
	case d == nil:
		return r.CheckSignatureFrom(issuer)
	case d.Equal(issuer): // the package has checked the signature by the certificate with it
		return nil
	case !slices.Contains(d.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return fmt.Errorf("signed by %q, who may not", d.Subject)
	}
	if err := checkTime(d, now); err != nil {
		return err
	}
	return issuer.CheckSignature(d.SignatureAlgorithm, d.RawTBSCertificate, d.Signature)
}

func stapleEnd(r *ocsp.Response) time.Time {
	if r.NextUpdate.IsZero() {
		return r.ThisUpdate.Add(stapleLife)
	}
	return r.NextUpdate
}

// stapleUntil returns how long the staple of an assembled certificate may be sent, zero
// without one.
func stapleUntil(c *tls.Certificate) time.Time {
	if len(c.OCSPStaple) == 0 {
		return time.Time{}
	}
	r, err := ocsp.ParseResponseForCert(c.OCSPStaple, c.Leaf, nil)
	if err != nil {
		return time.Time{}
	}
	return stapleEnd(r)
}

// withoutStale returns c, or a copy without its staple if that, good until then, has run
// out: nobody reads the file again for that.
func withoutStale(c *tls.Certificate, until, now time.Time) *tls.Certificate {
	if len(c.OCSPStaple) == 0 || !now.After(until) {
		return c
	}
	bare := *c
	bare.OCSPStaple = nil
	return &bare
}
