package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"time"
)

const (
	temporaryLife  = 7 * 24 * time.Hour
	temporaryRenew = 24 * time.Hour // before the end of life
	clockSkew      = time.Hour      // by which a client's clock may be late
)

// Temporary makes a self-signed certificate in memory: a new P-256 key, valid
// for seven days, for the given names as Host.Names has them. "*" and no name at
// all stand for localhost, 127.0.0.1 and ::1. No client trusts it without being
// told to; it is for tests and for the time before a real one is there.
//
// The error wraps [ErrName] if a name can not be used.
func Temporary(names ...string) (tls.Certificate, error) {
	if len(names) == 0 {
		names = []string{"*"}
	}
	parsed := make([]name, len(names))
	for i, s := range names {
		var err error
		if parsed[i], err = parseName(s); err != nil {
			return tls.Certificate{}, fmt.Errorf("hosts: temporary certificate: %w", err)
		}
	}
	return selfSigned(time.Now(), parsed, elliptic.P256())
}

func selfSigned(now time.Time, names []name, curve elliptic.Curve) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("hosts: temporary certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("hosts: temporary certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)), // positive (RFC 5280 section 4.1.2.2)
		Subject:               pkix.Name{CommonName: "temporary certificate"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(temporaryLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	addNames(template, names)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("hosts: temporary certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("hosts: temporary certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// addNames fills in the subject alternative names, each once.
func addNames(c *x509.Certificate, names []name) {
	seen := make(map[name]bool)
	add := func(n name) {
		switch {
		case seen[n]:
		case n.kind == literal:
			c.IPAddresses = append(c.IPAddresses, net.IP(n.ip.AsSlice()))
		default:
			c.DNSNames = append(c.DNSNames, n.String())
		}
		seen[n] = true
	}
	for _, n := range names {
		if n.kind != catchAll {
			add(n)
			continue
		}
		add(name{kind: exact, host: "localhost"})
		add(name{kind: literal, ip: netip.AddrFrom4([4]byte{127, 0, 0, 1})})
		add(name{kind: literal, ip: netip.IPv6Loopback()})
	}
}
