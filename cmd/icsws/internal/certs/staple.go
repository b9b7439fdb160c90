package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// Staple is what the OCSP response that came with a certificate says.
type Staple struct {
	Status     string    `json:"status"` // "good", "revoked", "unknown", "unreadable"
	ThisUpdate time.Time `json:"this_update,omitzero"`
	NextUpdate time.Time `json:"next_update,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
}

// mustStaple is the TLS feature extension (RFC 7633).
var mustStaple = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// JudgeStaple reads an OCSP response; raw is empty if there was none.
func JudgeStaple(raw []byte, chain []*x509.Certificate, now time.Time) (s *Staple, f show.Findings) {
	if len(chain) == 0 {
		return nil, nil
	}
	leaf := chain[0]
	wants := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(mustStaple) })
	if len(raw) == 0 {
		if wants {
			f.Add(show.Bad, "staple-missing", "The certificate demands a stapled OCSP response, and there is none.").Do("Turn OCSP stapling on.")
		}
		return nil, f
	}
	var issuer *x509.Certificate
	if i := slices.IndexFunc(chain[1:], func(c *x509.Certificate) bool { return leaf.CheckSignatureFrom(c) == nil }); i >= 0 {
		issuer = chain[1+i]
	}
	r, err := ocsp.ParseResponseForCert(raw, leaf, issuer)
	if err != nil {
		f.Add(show.Warning, "staple-unreadable", "The stapled OCSP response can not be used: %v.", err)
		return &Staple{Status: "unreadable"}, f
	}
	s = &Staple{Status: "unknown", ThisUpdate: r.ThisUpdate.UTC(), NextUpdate: r.NextUpdate.UTC()}
	switch {
	case r.Status == ocsp.Revoked:
		s.Status, s.RevokedAt = "revoked", r.RevokedAt.UTC()
		f.Add(show.Bad, "revoked", "The certificate was revoked on %s, its stapled OCSP response says.", s.RevokedAt.Format(time.DateOnly)).Do("Replace it, with a new key.")
	case r.Status != ocsp.Good:
		f.Add(show.Warning, "staple-unknown", "The stapled OCSP response does not know the certificate.")
	case !r.NextUpdate.IsZero() && now.After(r.NextUpdate):
		s.Status = "good"
		f.Add(show.Warning, "staple-old", "The stapled OCSP response is out of date since %s.", s.NextUpdate.Format(time.DateTime)).Do("Let the server fetch a new one.")
	default:
		s.Status = "good"
		f.Add(show.OK, "staple", "A stapled OCSP response says that the certificate is good.")
	}
	return s, f
}
