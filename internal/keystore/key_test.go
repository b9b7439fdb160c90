package keystore

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
)

const legacy = "-provider legacy -provider default "

// packings are how OpenSSL writes a private key. The password is "secret".
var packings = []struct {
	name   string
	args   string // of openssl, without -in and -out
	kinds  string // of keys that it takes
	format Format
	locked bool
}{
	{"PKCS #8", "pkcs8 -topk8 -nocrypt", "rsa ec ed25519", PEM, false},
	{"PKCS #8 in DER", "pkcs8 -topk8 -nocrypt -outform DER", "rsa ec ed25519", DER, false},
	{"PKCS #1", "rsa -traditional", "rsa", PEM, false},
	{"PKCS #1 in DER", "rsa -traditional -outform DER", "rsa", DER, false},
	{"SEC 1", "ec", "ec", PEM, false},
	{"SEC 1 in DER", "ec -outform DER", "ec", DER, false},

	{"encrypted PKCS #8", "pkcs8 -topk8 -passout pass:secret", "rsa ec ed25519", PEM, true},
	{"encrypted PKCS #8 in DER", "pkcs8 -topk8 -passout pass:secret -outform DER", "rsa ec ed25519", DER, true},
	{"AES-128, SHA-512", "pkcs8 -topk8 -passout pass:secret -v2 aes-128-cbc -v2prf hmacWithSHA512", "ec", PEM, true},
	{"AES-192, SHA-1", "pkcs8 -topk8 -passout pass:secret -v2 aes-192-cbc -v2prf hmacWithSHA1", "ec", PEM, true},
	{"AES-256, SHA-384", "pkcs8 -topk8 -passout pass:secret -v2 aes-256-cbc -v2prf hmacWithSHA384", "ec", PEM, true},
	{"3DES, SHA-224", "pkcs8 -topk8 -passout pass:secret -v2 des3 -v2prf hmacWithSHA224", "ec", PEM, true},
	{"many rounds", "pkcs8 -topk8 -passout pass:secret -iter 20000", "ec", PEM, true},
	{"scrypt", "pkcs8 -topk8 -passout pass:secret -scrypt", "rsa ec", PEM, true},
	{"scrypt with parameters", "pkcs8 -topk8 -passout pass:secret -scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 2 -outform DER", "ec", DER, true},
	{"PBE of PKCS #12 with 3DES", "pkcs8 -topk8 -passout pass:secret -v1 PBE-SHA1-3DES", "rsa ec", PEM, true},
	{"PBE of PKCS #12 with two keys", "pkcs8 -topk8 -passout pass:secret -v1 PBE-SHA1-2DES", "ec", PEM, true},
	{"PBE of PKCS #12 with RC2-128", legacy + "pkcs8 -topk8 -passout pass:secret -v1 PBE-SHA1-RC2-128", "ec", PEM, true},
	{"PBE of PKCS #12 with RC2-40", legacy + "pkcs8 -topk8 -passout pass:secret -v1 PBE-SHA1-RC2-40", "rsa ec", PEM, true},
	{"PBES1 with MD5", legacy + "pkcs8 -topk8 -passout pass:secret -v1 PBE-MD5-DES", "rsa ec", PEM, true},
	{"PBES1 with SHA-1", legacy + "pkcs8 -topk8 -passout pass:secret -v1 PBE-SHA1-DES", "ec", PEM, true},
	{"RFC 1421 with AES-256", "rsa -traditional -aes256 -passout pass:secret", "rsa", PEM, true},
	{"RFC 1421 with AES-128", "ec -aes128 -passout pass:secret", "ec", PEM, true},
	{"RFC 1421 with 3DES", "ec -des3 -passout pass:secret", "ec", PEM, true},
}

// H-17, H-19, H-54
func TestKeysOfOpenSSL(t *testing.T) {
	dir := t.TempDir()
	keys := keysOfEachKind(t)
	for kind, key := range keys {
		write(t, dir, kind, block("PRIVATE KEY", pkcs8(t, key)))
	}
	for _, tt := range packings {
		for kind := range strings.FieldsSeq(tt.kinds) {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				args := strings.Fields(tt.args)
				var providers []string
				if args[0] == "-provider" { // which belong behind the command
					providers, args = args[:4], args[4:]
				}
				openssl(t, dir, append(append(args, providers...), "-in", kind, "-out", "out")...)
				data := read(t, dir, "out")
				o := Options{Password: []byte("secret")}
				s := mustParse(t, data, o)
				wantKeys(t, s, keys[kind])
				if s.Format != tt.format {
					t.Errorf("Format = %v; want %v", s.Format, tt.format)
				}
				if string(o.Password) != "secret" {
					t.Error("Parse changed the password")
				}
				if tt.locked {
					wantLocked(t, data, Options{})
				} else {
					wantKeys(t, mustParse(t, data, Options{}), keys[kind])
				}
			})
		}
	}
}

// H-19: a wrong password is told from a damaged key even when the padding is right by
// chance, as it is once in 256 times.
func TestWrongPasswordsAreAlwaysToldFromDamage(t *testing.T) {
	dir := t.TempDir()
	p256 := issue(t, "leaf", nil)
	write(t, dir, "in", p256.keyPEM(t))
	openssl(t, dir, "pkcs8", "-topk8", "-passout", "pass:secret", "-iter", "1", "-in", "in", "-out", "pkcs8")
	openssl(t, dir, "ec", "-aes128", "-passout", "pass:secret", "-in", "in", "-out", "rfc1421")
	for _, name := range []string{"pkcs8", "rfc1421"} {
		data := read(t, dir, name)
		for i := range 1500 {
			s, err := Parse(data, Options{Password: []byte{'x', byte(i), byte(i >> 8)}})
			wantKind(t, s, err, ErrWrongPassword)
		}
	}
	pfx := pfxOf(safesOf(lockedSafe(t, "secret", 1, certBagOf(p256.cert.Raw))), nil)
	for i := range 1500 {
		s, err := Parse(pfx, Options{Password: []byte{'x', byte(i), byte(i >> 8)}})
		wantKind(t, s, err, ErrWrongPassword)
	}
}

// H-17
func TestKeysThatCanNotSignOrAreUnknown(t *testing.T) {
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	xDER, err := x509.MarshalPKCS8PrivateKey(x)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	openssl(t, dir, "genpkey", "-algorithm", "ed448", "-out", "ed448")
	openssl(t, dir, "pkcs8", "-topk8", "-passout", "pass:secret", "-in", "ed448", "-out", "locked")
	openssl(t, dir, "ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "koblitz")
	openssl(t, dir, "pkey", "-in", "ed448", "-pubout", "-out", "public")
	openssl(t, dir, "pkey", "-in", "ed448", "-pubout", "-outform", "DER", "-out", "public.der")
	whole, _ := peek(pkcs8(t, issue(t, "leaf", nil).key))
	long := sequence(whole.body, octetString(make([]byte, maxKey))) // which the standard library reads
	for _, tt := range []struct {
		name string
		data []byte
		kind error
	}{
		{"X25519", block("PRIVATE KEY", xDER), ErrUnsupported},
		{"Ed448", read(t, dir, "ed448"), ErrUnsupported},
		{"encrypted Ed448", read(t, dir, "locked"), ErrUnsupported},
		{"secp256k1", read(t, dir, "koblitz"), ErrFormat},
		{"public key", read(t, dir, "public"), ErrUnsupported},
		{"public key in DER", read(t, dir, "public.der"), ErrUnsupported},
		{"long", block("PRIVATE KEY", long), ErrFormat},
		{"damaged", block("PRIVATE KEY", []byte("x")), ErrFormat},
		{"damaged and encrypted", block("ENCRYPTED PRIVATE KEY", []byte("x")), ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse(tt.data, Options{Password: []byte("secret")})
			wantKind(t, s, err, tt.kind)
		})
	}
}

// H-18
func TestCertsOnlyLeavesKeysAlone(t *testing.T) {
	dir := t.TempDir()
	leaf := issue(t, "leaf", nil)
	write(t, dir, "in", leaf.keyPEM(t))
	openssl(t, dir, "pkcs8", "-topk8", "-passout", "pass:secret", "-in", "in", "-out", "pkcs8")
	openssl(t, dir, "ec", "-aes128", "-passout", "pass:secret", "-in", "in", "-out", "rfc1421")
	data := append(read(t, dir, "pkcs8"), read(t, dir, "rfc1421")...)
	s := mustParse(t, append(data, leaf.bundlePEM(t)...), Options{CertsOnly: true})
	wantCerts(t, s, leaf)
	wantKeys(t, s)
}

func TestCurvesOfCertificates(t *testing.T) {
	for _, c := range []elliptic.Curve{elliptic.P224(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		wantKeys(t, mustParse(t, pkcs8(t, key), Options{}), key)
	}
}
