// Package certs looks at certificates: those of a file, those that a server shows, and
// those of the hosts of a configuration.
package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// Cert is one certificate in words.
type Cert struct {
	Subject   string    `json:"subject"`
	Names     []string  `json:"names,omitempty"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"` // hexadecimal
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	DaysLeft  int       `json:"days_left"` // negative when it has expired
	Key       string    `json:"key"`       // such as "RSA 2048"
	Signature string    `json:"signature"`
	CA        bool      `json:"ca"`
	// SHA256 is the fingerprint of the certificate, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Pin is the SHA-256 of the public key with its algorithm (SubjectPublicKeyInfo), in
	// base64: it stays the same when a certificate is renewed with the same key.
	Pin string `json:"spki_sha256"`
	PEM string `json:"pem"`
}

// Describe puts certificates into words.
func Describe(chain []*x509.Certificate, now time.Time) []Cert {
	list := make([]Cert, len(chain))
	for i, c := range chain {
		sum, pin := sha256.Sum256(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo)
		list[i] = Cert{
			Subject: nameOf(c.Subject.String(), c.RawSubject), Names: names(c), Issuer: nameOf(c.Issuer.String(), c.RawIssuer), Serial: c.SerialNumber.Text(16),
			NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), DaysLeft: show.Days(c.NotAfter, now),
			Key: keyOf(c.PublicKey, c), Signature: c.SignatureAlgorithm.String(), CA: c.IsCA,
			SHA256: hex.EncodeToString(sum[:]), Pin: base64.StdEncoding.EncodeToString(pin[:]),
			PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
		}
	}
	return list
}

// nameOf is for names that may be empty, as those of a subject are whose names are all in
// the extension.
func nameOf(s string, raw []byte) string {
	if s == "" && len(raw) > 0 {
		return "(empty)"
	}
	return s
}

func names(c *x509.Certificate) []string {
	list := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	for _, u := range c.URIs {
		list = append(list, u.String())
	}
	return append(list, c.EmailAddresses...)
}

func keyOf(key any, c *x509.Certificate) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}

// selfIssued tells roots, and self-signed certificates, from the rest.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// short is the name by which people know a certificate.
func short(c *x509.Certificate) string {
	switch n := names(c); {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(n) > 0:
		return n[0]
	}
	return nameOf(c.Subject.String(), c.RawSubject)
}

// covers reports whether a certificate is for a name or an address.
func covers(c *x509.Certificate, name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		name = "[" + name + "]" // what x509 takes for an address
	}
	return c.VerifyHostname(name) == nil
}
