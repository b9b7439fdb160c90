package acme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"testing"
)

// H-46
func TestEachKindOfKeySurvivesItsFile(t *testing.T) {
	describe := func(key any) string {
		switch k := key.(type) {
		case *ecdsa.PrivateKey:
			return k.Params().Name
		case *rsa.PrivateKey:
			return fmt.Sprintf("RSA %d", k.N.BitLen())
		case ed25519.PrivateKey:
			return "Ed25519"
		}
		return fmt.Sprintf("%T", key)
	}
	for _, kind := range []KeyType{P256, P384, RSA2048, RSA4096, Ed25519} {
		key, err := kind.generate()
		if err != nil {
			t.Fatal(err)
		}
		text, err := keyPEM(key)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseKey(text)
		if err != nil || !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(back.Public()) {
			t.Errorf("%s: another key came back, %v", kind, err)
		}
		if got := describe(back); got != kind.String() {
			t.Errorf("%s is %s", kind, got)
		}
	}
}

func TestADamagedKeyIsNotRepeated(t *testing.T) {
	for _, text := range []string{"", "secret", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n"} {
		if _, err := parseKey([]byte(text)); err != errNoKey {
			t.Errorf("parseKey(%q) = %v", text, err)
		}
	}
}
