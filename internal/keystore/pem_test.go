package keystore

import (
	"bytes"
	"strings"
	"testing"
)

// H-16, H-52, H-57
func TestPEMInAnyOrder(t *testing.T) {
	root, inter, leaf := chain(t)
	dir := t.TempDir()
	write(t, dir, "leaf", leaf.certPEM())
	write(t, dir, "chain", inter.certPEM(), root.certPEM())
	openssl(t, dir, "x509", "-in", "leaf", "-trustout", "-addtrust", "serverAuth", "-setalias", "x", "-out", "trusted")
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "chain", "-out", "p7")
	params := block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tt := range []struct {
		name string
		data []byte
		want []*pair
	}{
		{"certificate, key", leaf.bundlePEM(t), []*pair{leaf}},
		{"key, chain upside down", join(leaf.keyPEM(t), root.certPEM(), inter.certPEM(), leaf.certPEM()), []*pair{root, inter, leaf}},
		{"text and other blocks between", join([]byte("the key\n"), params, leaf.keyPEM(t), []byte("the rest\n"), leaf.certPEM(), inter.certPEM()), []*pair{leaf, inter}},
		{"PKCS #7 between", join(leaf.bundlePEM(t), read(t, dir, "p7")), []*pair{leaf, inter, root}},
		{"certificate of OpenSSL's own kind", join(read(t, dir, "trusted"), leaf.keyPEM(t)), []*pair{leaf}},
		{"old name of the block", join(block("X509 CERTIFICATE", leaf.cert.Raw), leaf.keyPEM(t)), []*pair{leaf}},
		{"byte order mark", join(utf8BOM, leaf.bundlePEM(t)), []*pair{leaf}},
		{"CR LF", bytes.ReplaceAll(leaf.bundlePEM(t), []byte("\n"), []byte("\r\n")), []*pair{leaf}},
		{"no newline at the end", bytes.TrimSpace(leaf.bundlePEM(t)), []*pair{leaf}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, f := range []Format{Auto, PEM} {
				s := mustParse(t, tt.data, Options{Format: f})
				wantCerts(t, s, tt.want...)
				wantKeys(t, s, leaf.key)
				if s.Format != PEM {
					t.Errorf("Format = %v", s.Format)
				}
			}
		})
	}
}

// H-16
func TestDamagedPEMIsNotPassedOver(t *testing.T) {
	_, inter, leaf := chain(t)
	for name, data := range map[string]string{
		"damaged block":                string(leaf.bundlePEM(t)) + strings.Replace(string(inter.certPEM()), "M", "!", 1),
		"cut off block":                string(leaf.certPEM()) + string(leaf.keyPEM(t)[:80]),
		"wrong bytes in a certificate": string(block("CERTIFICATE", []byte("x"))),
		"wrong bytes in a trusted one": string(block("TRUSTED CERTIFICATE", []byte("x"))),
		"wrong bytes in PKCS #7":       string(block("PKCS7", []byte("x"))),
		"only the first line":          "-----BEGIN ",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(data), Options{})
			wantKind(t, s, err, ErrFormat)
		})
	}
}

// H-16
func TestDERCertificatesFollowEachOther(t *testing.T) {
	root, inter, leaf := chain(t)
	data := bytes.Join([][]byte{leaf.cert.Raw, inter.cert.Raw, root.cert.Raw}, nil)
	for _, f := range []Format{Auto, DER} {
		wantCerts(t, mustParse(t, data, Options{Format: f}), leaf, inter, root)
	}
	s, err := Parse(data[:len(data)-1], Options{})
	wantKind(t, s, err, ErrFormat)
}

// H-55
func TestForeignFormatsAreNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		data string
		kind error
	}{
		"PuTTY":           {"PuTTY-User-Key-File-3: ssh-ed25519\n", ErrUnsupported},
		"XML":             {"\xef\xbb\xbf <RSAKeyValue><Modulus>AQAB</Modulus></RSAKeyValue>", ErrUnsupported},
		"JWK":             {` {"kty":"EC","crv":"P-256"}`, ErrUnsupported},
		"JWK set":         {`{"keys":[]}`, ErrUnsupported},
		"OpenSSH":         {string(block("OPENSSH PRIVATE KEY", []byte("openssh-key-v1"))), ErrUnsupported},
		"SSH public key":  {"ssh-ed25519 AAAA", ErrUnsupported},
		"ECDSA for SSH":   {"ecdsa-sha2-nistp256 AAAA", ErrUnsupported},
		"SSH2 public key": {"---- BEGIN SSH2 PUBLIC KEY ----\n", ErrUnsupported},
		"JCEKS":           {"\xce\xce\xce\xce\x00\x00\x00\x02", ErrUnsupported},
		"empty":           {"", ErrFormat},
		"blanks":          {" \r\n", ErrFormat},
		"text":            {"no certificate", ErrFormat},
		"zeros":           {strings.Repeat("\x00", 100), ErrFormat},
		"almost DER":      {"\x30\x82 not ours", ErrFormat},
		"too long":        {strings.Repeat(" ", MaxSize+1), ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(tt.data), Options{})
			wantKind(t, s, err, tt.kind)
		})
	}
}
