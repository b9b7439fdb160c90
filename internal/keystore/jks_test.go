package keystore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"testing"
	"time"

	javaks "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// javaStore writes a store with a key entry for each pair, whose chain is behind it,
// and an entry for each of the trusted.
func javaStore(t testing.TB, storePassword, keyPassword string, chains [][]*pair, trusted ...*pair) []byte {
	t.Helper()
	ks := javaks.New(javaks.WithOrderedAliases())
	cert := func(p *pair) javaks.Certificate { return javaks.Certificate{Type: "X.509", Content: p.cert.Raw} }
	for i, c := range chains {
		e := javaks.PrivateKeyEntry{CreationTime: time.Unix(1, 0), PrivateKey: pkcs8(t, c[0].key)}
		for _, p := range c {
			e.CertificateChain = append(e.CertificateChain, cert(p))
		}
		if err := ks.SetPrivateKeyEntry(string(rune('a'+i)), e, []byte(keyPassword)); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range trusted {
		e := javaks.TrustedCertificateEntry{CreationTime: time.Unix(1, 0), Certificate: cert(p)}
		if err := ks.SetTrustedCertificateEntry(string(rune('p'+i)), e); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if err := ks.Store(&buf, []byte(storePassword)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// H-54, H-55, H-56
func TestJavaKeyStore(t *testing.T) {
	root, inter, leaf := chain(t)
	other := issue(t, "other", inter)
	rsaLeaf := certify(t, "rsa", keysOfEachKind(t)["rsa"], root)
	data := javaStore(t, "secret", "secret", [][]*pair{{leaf, inter, root}, {other, inter}, {rsaLeaf}}, root)
	for _, f := range []Format{Auto, JKS} {
		s := mustParse(t, data, Options{Format: f, Password: []byte("secret")})
		wantCerts(t, s, leaf, inter, root, other, inter, rsaLeaf, root)
		wantKeys(t, s, leaf.key, other.key, rsaLeaf.key)
		if s.Format != JKS {
			t.Errorf("Format = %v", s.Format)
		}
	}
	wantLocked(t, data, Options{})
	s := mustParse(t, data, Options{CertsOnly: true})
	wantCerts(t, s, leaf, inter, root, other, inter, rsaLeaf, root)
	wantKeys(t, s)
}

// H-54
func TestJavaKeyStoreWantsOnePassword(t *testing.T) {
	leaf := issue(t, "leaf", nil)
	data := javaStore(t, "secret", "another", [][]*pair{{leaf}})
	s, err := Parse(data, Options{Password: []byte("secret")})
	wantKind(t, s, err, ErrWrongPassword)
}

// H-18: certificates are in the clear, so that a store of them needs no password.
func TestJavaTrustStoreNeedsNoPassword(t *testing.T) {
	root, inter, _ := chain(t)
	data := javaStore(t, "secret", "", nil, inter, root)
	wantCerts(t, mustParse(t, data, Options{}), inter, root)
	wantCerts(t, mustParse(t, data, Options{Password: []byte("secret")}), inter, root)
	s, err := Parse(data, Options{Password: []byte("wrong")})
	wantKind(t, s, err, ErrWrongPassword)
}

// jks writes a store by hand, and the digest of the password.
func jks(password []byte, parts ...any) []byte {
	var buf bytes.Buffer
	buf.Write(jksMagic)
	for _, p := range parts {
		if s, ok := p.(string); ok {
			p = []byte(s)
		}
		if err := binary.Write(&buf, binary.BigEndian, p); err != nil {
			panic(err)
		}
	}
	h := sha1.New()
	h.Write(password)
	h.Write(jksSalt)
	h.Write(buf.Bytes())
	return h.Sum(buf.Bytes())
}

// H-55
func TestJavaKeyStoreByHand(t *testing.T) {
	leaf := issue(t, "leaf", nil)
	der := leaf.cert.Raw
	size := uint32(len(der))
	entry := []any{uint32(jksCert), uint16(1), "x", uint64(0)}
	store := func(version uint32, parts ...any) []byte {
		return jks(nil, append([]any{version, uint32(1)}, parts...)...)
	}
	with := func(more ...any) []any { return append(entry[:len(entry):len(entry)], more...) }
	v1 := store(1, with(size, der)...)
	wantCerts(t, mustParse(t, v1, Options{}), leaf)
	wantCerts(t, mustParse(t, jks(nil, uint32(2), uint32(0)), Options{}))
	umlaut := jks([]byte{0, 'p', 0, 0xe4, 0x20, 0xac}, uint32(2), uint32(0)) // as Java has characters
	mustParse(t, umlaut, Options{Password: []byte("pä€")})
	latin := jks([]byte{0, 'p', 0, 0xe4}, uint32(2), uint32(0))
	mustParse(t, latin, Options{Password: []byte("p\xe4")}) // not UTF-8

	key := []any{uint32(1), uint32(1), uint32(jksKey), uint16(1), "x", uint64(0)}
	lockedBy := func(oid string, data []byte) []any {
		info := sequence(sequence(oidOf(oid)), octetString(data))
		return append(key[:len(key):len(key)], uint32(len(info)), info, uint32(0))
	}
	secret := utf16BE([]byte("secret"))
	for name, tt := range map[string]struct {
		data []byte
		kind error
	}{
		"cut off":                  {v1[:30], ErrFormat},
		"only magic":               {jksMagic, ErrFormat},
		"version 3":                {jks(secret, uint32(3), uint32(0)), ErrFormat},
		"more behind":              {jks(secret, uint32(2), uint32(0), "x"), ErrFormat},
		"four thousand million":    {jks(secret, uint32(2), ^uint32(0)), ErrFormat},
		"other entry":              {jks(secret, uint32(2), uint32(1), uint32(3), uint16(0), uint64(0)), ErrUnsupported},
		"long certificate":         {jks(secret, append([]any{uint32(1), uint32(1)}, with(^uint32(0))...)...), ErrFormat},
		"negative certificate":     {jks(secret, append([]any{uint32(1), uint32(1)}, with(uint32(1)<<31)...)...), ErrFormat},
		"damaged certificate":      {jks(secret, append([]any{uint32(1), uint32(1)}, with(uint32(1), "x")...)...), ErrFormat},
		"certificate without type": {jks(secret, append([]any{uint32(2), uint32(1)}, with(uint16(9))...)...), ErrFormat},
		"certificate of PGP":       {jks(secret, append([]any{uint32(2), uint32(1)}, with(uint16(3), "PGP", size, der)...)...), ErrUnsupported},
		"long key":                 {jks(secret, append(key[:len(key):len(key)], ^uint32(0))...), ErrFormat},
		"key that is none":         {jks(secret, append(key[:len(key):len(key)], uint32(1), "x", uint32(0))...), ErrFormat},
		"short key":                {jks(secret, lockedBy(oidJKSKey, make([]byte, 39))...), ErrFormat},
		"empty key":                {jks(secret, lockedBy(oidJKSKey, make([]byte, 40))...), ErrWrongPassword},
		"key of JCEKS":             {jks(secret, lockedBy("1.3.6.1.4.1.42.2.19.1", make([]byte, 60))...), ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(tt.data, Options{Password: []byte("secret")})
			wantKind(t, s, err, tt.kind)
		})
	}
	long := jks(nil, append(lockedBy(oidJKSKey, nil)[:8], ^uint32(0))...)
	s, err := Parse(long, Options{CertsOnly: true})
	wantKind(t, s, err, ErrFormat)
}
