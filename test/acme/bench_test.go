package acme_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/icsws/icsws/hosts"
	"go.uber.org/zap"
)

// crowd is how many hosts there are, each with a name and a certificate of its own.
const crowd = 10000

// BenchmarkServerName finds the certificate for a server name among those of 10000
// hosts, one look-up an operation: in a hosts.View, in the cache of certmagic, in the map
// that crypto/tls has from BuildNameToCertificate, and as crypto/tls does it without that
// map, one certificate after the other. Its last line has the ratios of the same run.
//
//	go test -run '^$' -bench ServerName
func BenchmarkServerName(b *testing.B) {
	certs := crowdOfCertificates(b)
	view := crowdOfHosts(b, certs)
	config, err := view.TLSConfig()
	if err != nil {
		b.Fatal(err)
	}
	magic := crowdOfCertmagic(b, certs)
	table := make(map[string]*tls.Certificate, crowd)
	for n := range certs {
		table[numbered(n)] = &certs[n]
	}
	hellos := crowdOfHellos()

	took := make(map[string]float64) // ns a look-up
	measure := func(name string, look func(*tls.ClientHelloInfo) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := look(hellos[n%crowd]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			took[name] = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
		})
	}
	measure("hosts.Lookup", func(h *tls.ClientHelloInfo) error {
		_, err := view.Lookup(h.ServerName)
		return err
	})
	measure("hosts.GetConfigForClient", func(h *tls.ClientHelloInfo) error {
		c, err := config.GetConfigForClient(h)
		if err == nil {
			_, err = c.GetCertificate(h)
		}
		return err
	})
	measure("certmagic.GetCertificate", func(h *tls.ClientHelloInfo) error {
		_, err := magic.GetCertificate(h)
		return err
	})
	measure("tls.NameToCertificate", func(h *tls.ClientHelloInfo) error {
		if table[strings.ToLower(h.ServerName)] == nil {
			return io.EOF
		}
		return nil
	})
	measure("tls.Certificates", func(h *tls.ClientHelloInfo) error {
		for n := range certs {
			if h.SupportsCertificate(&certs[n]) == nil {
				return nil
			}
		}
		return io.EOF
	})
	b.Run("ratios", func(b *testing.B) {
		for b.Loop() {
		}
		ours := took["hosts.GetConfigForClient"]
		if ours == 0 {
			b.Skip("not measured")
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(took["certmagic.GetCertificate"]/ours, "certmagic/hosts")
		b.ReportMetric(took["tls.NameToCertificate"]/ours, "map/hosts")
		b.ReportMetric(took["tls.Certificates"]/ours, "list/hosts")
	})
}

func crowdOfCertificates(b *testing.B) []tls.Certificate {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	certs := make([]tls.Certificate, crowd)
	for n := range certs {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(n) + 1), DNSNames: []string{numbered(n)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			b.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		certs[n] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	}
	return certs
}

func crowdOfHosts(b *testing.B, certs []tls.Certificate) *hosts.View {
	b.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(certs[0].PrivateKey)
	if err != nil {
		b.Fatal(err)
	}
	key := pemText("PRIVATE KEY", der)
	list := make([]hosts.Host, crowd)
	for n := range list {
		list[n] = hosts.Host{
			Names: []string{numbered(n)}, TLSPort: 443,
			Cert: pemText("CERTIFICATE", certs[n].Certificate[0]) + key,
		}
	}
	set, err := hosts.New(list, hosts.Options{AllowSelfSigned: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return set.View(0)
}

func crowdOfCertmagic(b *testing.B, certs []tls.Certificate) *certmagic.Config {
	b.Helper()
	var config *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil },
		Logger:           zap.NewNop(),
	})
	b.Cleanup(cache.Stop)
	config = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: b.TempDir()},
		OCSP:    certmagic.OCSPConfig{DisableStapling: true},
		Logger:  zap.NewNop(),
	})
	for _, cert := range certs {
		if _, err := config.CacheUnmanagedTLSCertificate(b.Context(), cert, nil); err != nil {
			b.Fatal(err)
		}
	}
	return config
}

// crowdOfHellos are of clients that could take any of the certificates.
func crowdOfHellos() []*tls.ClientHelloInfo {
	hellos := make([]*tls.ClientHelloInfo, crowd)
	for n := range hellos {
		hellos[n] = &tls.ClientHelloInfo{
			ServerName:        numbered(n),
			CipherSuites:      []uint16{tls.TLS_AES_128_GCM_SHA256},
			SupportedCurves:   []tls.CurveID{tls.X25519, tls.CurveP256},
			SignatureSchemes:  []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedVersions: []uint16{tls.VersionTLS13},
		}
	}
	return hellos
}
