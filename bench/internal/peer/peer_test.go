//go:build unix

package peer

import (
	"crypto/tls"
	"testing"
)

func TestTheCertificateLoadsAndNamesLoopback(t *testing.T) {
	cert, key, err := WriteCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := Options{TLS: true, CertFile: cert, KeyFile: key}.TLSConfig()
	if c.MinVersion != tls.VersionTLS13 || len(c.Certificates) != 1 {
		t.Fatalf("TLSConfig = %+v", c)
	}
	if err := c.Certificates[0].Leaf.VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
	if (Options{CertFile: cert, KeyFile: key}).TLSConfig() != nil {
		t.Error("a TLS config without -tls")
	}
}
