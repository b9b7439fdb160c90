package keystore

import (
	"testing"

	smallstep "github.com/smallstep/pkcs7"
)

// H-55
func TestPKCS7HasCertificates(t *testing.T) {
	root, inter, leaf := chain(t)
	dir := t.TempDir()
	write(t, dir, "certs", leaf.certPEM(), inter.certPEM(), root.certPEM())
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "certs", "-out", "pem")
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "certs", "-outform", "DER", "-out", "der")
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-out", "empty")
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-outform", "DER", "-out", "empty.der")
	write(t, dir, "signer", leaf.bundlePEM(t))
	write(t, dir, "chain", inter.certPEM(), root.certPEM())
	openssl(t, dir, "cms", "-sign", "-in", "certs", "-signer", "signer", "-certfile", "chain", "-outform", "DER", "-nodetach", "-out", "signed")
	openssl(t, dir, "cms", "-sign", "-in", "certs", "-signer", "signer", "-certfile", "chain", "-outform", "DER", "-nodetach", "-stream", "-out", "streamed")
	degenerate, err := smallstep.DegenerateCertificate(append(append(leaf.cert.Raw[:len(leaf.cert.Raw):len(leaf.cert.Raw)], inter.cert.Raw...), root.cert.Raw...))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"PEM": read(t, dir, "pem"), "DER": read(t, dir, "der"), "of Go": degenerate, "BER": looseBER(t, degenerate),
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []Format{Auto, PKCS7} {
				s := mustParse(t, data, Options{Format: f, Password: []byte("needless")})
				wantCerts(t, s, leaf, inter, root)
				wantKeys(t, s)
			}
		})
	}
	for _, name := range []string{"signed", "streamed"} {
		if s := mustParse(t, read(t, dir, name), Options{}); len(s.Certs) != 3 || s.Format != PKCS7 {
			t.Errorf("%s: %d certificates in %v", name, len(s.Certs), s.Format)
		}
	}
	for _, name := range []string{"empty", "empty.der"} {
		wantCerts(t, mustParse(t, read(t, dir, name), Options{Format: PKCS7}))
	}
}

// H-55
func TestPKCS7WithoutCertificatesOrDamaged(t *testing.T) {
	leaf := issue(t, "leaf", nil)
	good, err := smallstep.DegenerateCertificate(leaf.cert.Raw)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(parts ...[]byte) []byte {
		return sequence(oidOf(oidSignedData), explicit(sequence(append([][]byte{integer(1), {0x31, 0}, sequence(oidOf(oidData))}, parts...)...)))
	}
	for name, tt := range map[string]struct {
		data []byte
		kind error
	}{
		"data":                {sequence(oidOf(oidData), explicit(octetString([]byte("x")))), ErrUnsupported},
		"enveloped data":      {sequence(oidOf("1.2.840.113549.1.7.3"), explicit(sequence())), ErrUnsupported},
		"cut off":             {good[:len(good)-1], ErrFormat},
		"nothing in it":       {sequence(oidOf(oidSignedData)), ErrFormat},
		"damaged certificate": {signed(wrapped(explicit0, sequence([]byte{5, 0}))), ErrFormat},
		"no element":          {signed(wrapped(explicit0, []byte{0x30})), ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(tt.data, Options{})
			wantKind(t, s, err, tt.kind)
		})
	}
	other := signed(wrapped(explicit0, []byte{0xa1, 0}, leaf.cert.Raw))
	wantCerts(t, mustParse(t, other, Options{}), leaf) // an attribute certificate before it
}
