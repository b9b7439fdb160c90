package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	gopkcs12 "software.sslmate.com/src/go-pkcs12"
)

// H-16, H-54, H-55
func TestPKCS12OfOpenSSL(t *testing.T) {
	root, inter, leaf := chain(t)
	rsaLeaf := certify(t, "leaf", keysOfEachKind(t)["rsa"], inter)
	edLeaf := certify(t, "leaf", keysOfEachKind(t)["ed25519"], inter)
	dir := t.TempDir()
	write(t, dir, "ec", leaf.bundlePEM(t))
	write(t, dir, "rsa", rsaLeaf.bundlePEM(t))
	write(t, dir, "ed25519", edLeaf.bundlePEM(t))
	write(t, dir, "chain", inter.certPEM(), root.certPEM())
	leaves := map[string]*pair{"ec": leaf, "rsa": rsaLeaf, "ed25519": edLeaf}
	for _, tt := range []struct {
		name     string
		args     string
		kinds    string
		password string // which wantLocked is not tried with if it is empty
	}{
		{"modern", "", "ec rsa ed25519", "secret"},
		{"legacy", "-legacy", "ec rsa", "secret"},
		{"3DES for both", "-descert", "ec", "secret"},
		{"3DES with two keys, RC2-128", "-legacy -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128", "ec", "secret"},
		{"AES-128 and 192", "-keypbe AES-128-CBC -certpbe AES-192-CBC", "ec", "secret"},
		{"SHA-1 code", "-macalg sha1", "ec", "secret"},
		{"SHA-224 code", "-macalg sha224", "ec", "secret"},
		{"SHA-384 code", "-macalg sha384", "ec", "secret"},
		{"SHA-512 code", "-macalg sha512", "ec", "secret"},
		{"one round", "-iter 1 -maciter", "ec", "secret"},
		{"many rounds", "-iter 20000", "ec", "secret"},
		{"names", "-name chat -caname one -caname two", "ec", "secret"},
		{"not ASCII", "", "ec", "pässwörd €"},
		{"not ASCII, legacy", "-legacy", "ec", "pässwörd €"},
		{"outside the first plane", "-legacy", "ec", "pass\U0001f511"},
		{"certificates in the clear", "-certpbe NONE", "ec", "secret"},
		{"empty password", "", "ec", ""},
		{"empty password, legacy", "-legacy", "ec", ""},
		{"no encryption", "-keypbe NONE -certpbe NONE -nomac", "ec", ""},
	} {
		for kind := range strings.FieldsSeq(tt.kinds) {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				args := []string{"pkcs12", "-export", "-in", kind, "-certfile", "chain", "-out", "out", "-passout", "pass:" + tt.password}
				openssl(t, dir, append(args, strings.Fields(tt.args)...)...)
				data := read(t, dir, "out")
				for _, f := range []Format{Auto, PKCS12} {
					s := mustParse(t, data, Options{Format: f, Password: []byte(tt.password)})
					wantCerts(t, s, leaves[kind], inter, root)
					wantKeys(t, s, leaves[kind].key)
					if s.Format != PKCS12 {
						t.Errorf("Format = %v", s.Format)
					}
				}
				if tt.password != "" {
					wantLocked(t, data, Options{})
				}
			})
		}
	}
	t.Run("no code", func(t *testing.T) {
		openssl(t, dir, "pkcs12", "-export", "-in", "ec", "-nomac", "-out", "out", "-passout", "pass:secret")
		data := read(t, dir, "out")
		wantKeys(t, mustParse(t, data, Options{Password: []byte("secret")}), leaf.key)
		wantLocked(t, data, Options{})
	})
	t.Run("certificates only", func(t *testing.T) {
		openssl(t, dir, "pkcs12", "-export", "-nokeys", "-in", "chain", "-out", "out", "-passout", "pass:secret")
		s := mustParse(t, read(t, dir, "out"), Options{Password: []byte("secret")})
		wantCerts(t, s, inter, root)
		wantKeys(t, s)
	})
	t.Run("key only", func(t *testing.T) {
		openssl(t, dir, "pkcs12", "-export", "-nocerts", "-in", "ec", "-out", "out", "-passout", "pass:secret")
		s := mustParse(t, read(t, dir, "out"), Options{Password: []byte("secret")})
		wantCerts(t, s)
		wantKeys(t, s, leaf.key)
	})
}

// H-55: what another implementation writes, PBMAC1 of RFC 9579 among it.
func TestPKCS12OfGo(t *testing.T) {
	root, inter, leaf := chain(t)
	for name, enc := range map[string]*gopkcs12.Encoder{
		"LegacyRC2": gopkcs12.LegacyRC2, "LegacyDES": gopkcs12.LegacyDES,
		"Modern2023": gopkcs12.Modern2023, "Modern2026": gopkcs12.Modern2026,
	} {
		t.Run(name, func(t *testing.T) {
			data, err := enc.Encode(leaf.key, leaf.cert, []*x509.Certificate{inter.cert, root.cert}, "secret")
			if err != nil {
				t.Fatal(err)
			}
			s := mustParse(t, data, Options{Password: []byte("secret")})
			wantCerts(t, s, leaf, inter, root)
			wantKeys(t, s, leaf.key)
			wantLocked(t, data, Options{})

			empty, err := enc.Encode(leaf.key, leaf.cert, nil, "")
			if err != nil {
				t.Fatal(err)
			}
			wantKeys(t, mustParse(t, empty, Options{}), leaf.key)

			trust, err := enc.EncodeTrustStore([]*x509.Certificate{inter.cert, root.cert}, "secret")
			if err != nil {
				t.Fatal(err)
			}
			wantCerts(t, mustParse(t, trust, Options{Password: []byte("secret")}), inter, root)
		})
	}
	plain, err := gopkcs12.Passwordless.Encode(leaf.key, leaf.cert, []*x509.Certificate{inter.cert}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "needless"} {
		s := mustParse(t, plain, Options{Password: []byte(password)})
		wantCerts(t, s, leaf, inter)
		wantKeys(t, s, leaf.key)
	}
}

// H-54: MACs over the empty password in both of its forms.
func TestEmptyPasswordOfPKCS12HasTwoForms(t *testing.T) {
	_, _, leaf := chain(t)
	for name, bmp := range map[string][]byte{"with zero": {0, 0}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			safes := safesOf(dataSafe(keyBagOf(pkcs8(t, leaf.key)), certBagOf(leaf.cert.Raw)))
			salt := []byte("saltsalt")
			key := pkcs12KDF(sha256.New(), bmp, salt, forMAC, 3, 32)
			data := pfxOf(safes, macOf(sum(sha256.New, key, safes), salt, 3))
			s := mustParse(t, data, Options{})
			wantKeys(t, s, leaf.key)
			s, err := Parse(data, Options{Password: []byte("wrong")})
			wantKind(t, s, err, ErrWrongPassword)
		})
	}
}

// H-56: stores with several keys, as keytool makes them, and nested bags.
func TestPKCS12WithSeveralKeys(t *testing.T) {
	a, b, c := issue(t, "a", nil), issue(t, "b", nil), issue(t, "c", nil)
	nested := bagOf(oidNestedBag, sequence(keyBagOf(pkcs8(t, c.key)), certBagOf(c.cert.Raw)))
	secretBag := bagOf("1.2.840.113549.1.12.10.1.5", sequence())
	data := pfxOf(safesOf(
		dataSafe(keyBagOf(pkcs8(t, a.key)), secretBag, certBagOf(a.cert.Raw)),
		dataSafe(certBagOf(b.cert.Raw)), dataSafe(keyBagOf(pkcs8(t, b.key))), dataSafe(nested)), nil)
	s := mustParse(t, data, Options{})
	wantCerts(t, s, a, b, c)
	wantKeys(t, s, a.key, b.key, c.key)
	wantCerts(t, mustParse(t, pfxOf(safesOf(dataSafe(nest(maxNested, certBagOf(a.cert.Raw)))), nil), Options{}), a)
	s = mustParse(t, data, Options{CertsOnly: true})
	wantCerts(t, s, a, b, c)
	wantKeys(t, s)

	var many [][]byte
	for range maxKeys + 1 {
		many = append(many, keyBagOf(pkcs8(t, a.key)))
	}
	s, err := Parse(pfxOf(safesOf(dataSafe(many...)), nil), Options{})
	wantKind(t, s, err, ErrFormat)
}

// H-54: the key may have another password than the store, which does not help.
func TestKeyOfPKCS12WithItsOwnPassword(t *testing.T) {
	leaf := issue(t, "leaf", nil)
	bag := bagOf(oidShroudedBag, lockedKey(t, pkcs8(t, leaf.key), "other", 1))
	safes := safesOf(dataSafe(bag, certBagOf(leaf.cert.Raw)))
	key := pkcs12KDF(sha256.New(), append(utf16BE([]byte("secret")), 0, 0), []byte("salt"), forMAC, 1, 32)
	data := pfxOf(safes, macOf(sum(sha256.New, key, safes), []byte("salt"), 1))
	s, err := Parse(data, Options{Password: []byte("secret")})
	wantKind(t, s, err, ErrWrongPassword)
	wantCerts(t, mustParse(t, data, Options{Password: []byte("secret"), CertsOnly: true}), leaf)
}

// H-55: older browsers and Java libraries write BER.
func TestPKCS12InBER(t *testing.T) {
	root, inter, leaf := chain(t)
	data, err := gopkcs12.Modern2023.Encode(leaf.key, leaf.cert, []*x509.Certificate{inter.cert, root.cert}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, looseBER(t, data), Options{Password: []byte("secret")})
	wantCerts(t, s, leaf, inter, root)
	wantKeys(t, s, leaf.key)

	inner := looseBER(t, safesOf(dataSafe(keyBagOf(pkcs8(t, leaf.key)), certBagOf(leaf.cert.Raw))))
	wantKeys(t, mustParse(t, looseBER(t, pfxOf(inner, nil)), Options{}), leaf.key)
}

// H-55
func TestDamagedPKCS12(t *testing.T) {
	leaf := issue(t, "leaf", nil)
	good := pfxOf(safesOf(dataSafe(certBagOf(leaf.cert.Raw))), nil)
	info := func(oid string, content ...[]byte) []byte { return sequence(oidOf(oid), explicit(content...)) }
	for name, tt := range map[string]struct {
		data []byte
		kind error
	}{
		"cut off":             {good[:len(good)-1], ErrFormat},
		"more behind":         {append(good[:len(good):len(good)], 0), ErrFormat},
		"signed by a key":     {sequence(integer(3), info(oidSignedData, sequence())), ErrUnsupported},
		"other content":       {sequence(integer(3), info("1.2.3", octetString(nil))), ErrFormat},
		"no content":          {sequence(integer(3), sequence(oidOf(oidData))), ErrFormat},
		"other safe":          {pfxOf(safesOf(info("1.2.840.113549.1.7.3", sequence())), nil), ErrUnsupported},
		"no safes":            {pfxOf([]byte{4, 0}, nil), ErrFormat},
		"no bags":             {pfxOf(safesOf(info(oidData, octetString([]byte{2, 1, 1}))), nil), ErrFormat},
		"bad certificate":     {pfxOf(safesOf(dataSafe(certBagOf([]byte("x")))), nil), ErrFormat},
		"bad key":             {pfxOf(safesOf(dataSafe(keyBagOf([]byte("x")))), nil), ErrFormat},
		"bad code":            {pfxOf(safesOf(), sequence(integer(1))), ErrFormat},
		"code of MD5":         {pfxOf(safesOf(), sequence(sequence(sequence(oidOf("1.2.840.113549.2.5")), octetString(nil)), octetString(nil))), ErrUnsupported},
		"bags within bags":    {pfxOf(safesOf(dataSafe(nest(maxNested+1, certBagOf(leaf.cert.Raw)))), nil), ErrFormat},
		"short key of PBMAC1": {pfxOf(safesOf(), pbmac1Of(1, 16)), ErrFormat},
		"long key of PBMAC1":  {pfxOf(safesOf(), pbmac1Of(1, 65)), ErrFormat},
		"second safe empty":   {pfxOf(safesOf(lockedSafe(t, "", 1), sequence(oidOf(oidEncryptedData))), nil), ErrFormat},
		"unknown encryption":  {pfxOf(safesOf(dataSafe(bagOf(oidShroudedBag, sequence(sequence(oidOf("1.2.3")), octetString([]byte("12345678")))))), nil), ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(tt.data, Options{})
			wantKind(t, s, err, tt.kind)
		})
	}
}

// RFC 2268 section 5
func TestRC2HasTheVectorsOfItsRFC(t *testing.T) {
	for _, v := range [][3]string{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(v[0])
		plain, _ := hex.DecodeString(v[1])
		c, err := newRC2(key)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, rc2Block)
		if c.Encrypt(got, plain); hex.EncodeToString(got) != v[2] {
			t.Errorf("Encrypt(%s, %s) = %x; want %s", v[0], v[1], got, v[2])
		}
		if c.Decrypt(got, got); hex.EncodeToString(got) != v[1] {
			t.Errorf("Decrypt gives back %x; want %s", got, v[1])
		}
	}
}

// The rest writes stores that no program at hand writes.

func built(f func(b *cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic()
}

func wrapped(tag asn1.Tag, parts ...[]byte) []byte {
	return built(func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) {
			for _, p := range parts {
				b.AddBytes(p)
			}
		})
	})
}

func sequence(parts ...[]byte) []byte { return wrapped(asn1.SEQUENCE, parts...) }
func explicit(parts ...[]byte) []byte { return wrapped(explicit0, parts...) }
func octetString(content []byte) []byte {
	return wrapped(asn1.OCTET_STRING, content)
}

func integer(n int64) []byte {
	return built(func(b *cryptobyte.Builder) { b.AddASN1Int64(n) })
}

func oidOf(s string) []byte {
	var oid stdasn1.ObjectIdentifier
	for part := range strings.SplitSeq(s, ".") {
		n := 0
		for _, c := range part {
			n = 10*n + int(c-'0')
		}
		oid = append(oid, n)
	}
	return built(func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
}

func bagOf(oid string, value []byte) []byte { return sequence(oidOf(oid), explicit(value)) }
func keyBagOf(der []byte) []byte            { return bagOf(oidKeyBag, der) }
func certBagOf(der []byte) []byte {
	return bagOf(oidCertBag, sequence(oidOf(oidX509CertType), explicit(octetString(der))))
}

func nest(depth int, bag []byte) []byte {
	for range depth {
		bag = bagOf(oidNestedBag, sequence(bag))
	}
	return bag
}

func dataSafe(bags ...[]byte) []byte {
	return sequence(oidOf(oidData), explicit(octetString(sequence(bags...))))
}

func safesOf(safes ...[]byte) []byte { return sequence(safes...) }

func macOf(digest, salt []byte, rounds int64) []byte {
	return sequence(sequence(sequence(oidOf("2.16.840.1.101.3.4.2.1")), octetString(digest)), octetString(salt), integer(rounds))
}

// pbmac1Of is a wrong code by a key of so many bytes.
func pbmac1Of(rounds, keyBytes int64) []byte {
	kdf := sequence(oidOf(oidPBKDF2), sequence(octetString([]byte("salt")), integer(rounds), integer(keyBytes)))
	alg := sequence(oidOf(oidPBMAC1), sequence(kdf, sequence(oidOf("1.2.840.113549.2.9"))))
	return sequence(sequence(alg, octetString(nil)), octetString(nil))
}

func pfxOf(safes, mac []byte) []byte {
	return sequence(integer(3), sequence(oidOf(oidData), explicit(octetString(safes))), mac)
}

// pbes2Of is an AlgorithmIdentifier of AES-256 with a key by kdf.
func pbes2Of(kdf []byte) []byte {
	return sequence(oidOf(oidPBES2), sequence(kdf, sequence(oidOf("2.16.840.1.101.3.4.1.42"), octetString(make([]byte, 16)))))
}

func pbkdf2Of(rounds int64) []byte {
	return sequence(oidOf(oidPBKDF2), sequence(octetString([]byte("salt")), integer(rounds), sequence(oidOf("1.2.840.113549.2.9"))))
}

func scryptOf(n, r, p int64) []byte {
	return sequence(oidOf(oidScrypt), sequence(octetString([]byte("salt")), integer(n), integer(r), integer(p)))
}

// locked encrypts plain with the password as pbes2Of(pbkdf2Of(rounds)) says.
func locked(t testing.TB, plain []byte, password string, rounds int) []byte {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, password, []byte("salt"), rounds, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(plain)%16
	data := append(plain[:len(plain):len(plain)], strings.Repeat(string(rune(pad)), pad)...)
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(data, data)
	return data
}

// lockedKey is an EncryptedPrivateKeyInfo.
func lockedKey(t testing.TB, der []byte, password string, rounds int) []byte {
	t.Helper()
	return sequence(pbes2Of(pbkdf2Of(int64(rounds))), octetString(locked(t, der, password, rounds)))
}

// lockedSafe is an encrypted part of a PFX.
func lockedSafe(t testing.TB, password string, rounds int, bags ...[]byte) []byte {
	t.Helper()
	data := locked(t, sequence(bags...), password, rounds)
	info := sequence(oidOf(oidData), pbes2Of(pbkdf2Of(int64(rounds))), wrapped(asn1.Tag(0).ContextSpecific(), data))
	return sequence(oidOf(oidEncryptedData), explicit(sequence(integer(0), info)))
}

// looseBER leaves the lengths of constructed values open, and cuts octet strings in
// two.
func looseBER(t testing.TB, der []byte) (ber []byte) {
	t.Helper()
	for len(der) > 0 {
		e, ok := peek(der)
		if !ok || e.cut {
			t.Fatal("not DER")
		}
		switch half := len(e.body) / 2; {
		case e.tag == tagOctets:
			ber = append(ber, tagConstructedOctets, 0x80)
			ber = appendElement(ber, tagOctets, e.body[:half])
			ber = appendElement(ber, tagOctets, e.body[half:])
			ber = append(ber, 0, 0)
		case e.tag == 0x80: // encryptedContent
			ber = append(ber, 0xa0, 0x80)
			ber = appendElement(ber, tagOctets, e.body[:half])
			ber = appendElement(ber, tagOctets, e.body[half:])
			ber = append(ber, 0, 0)
		case e.tag&constructed != 0:
			ber = append(append(ber, e.tag, 0x80), looseBER(t, e.body)...)
			ber = append(ber, 0, 0)
		default:
			ber = appendElement(ber, e.tag, e.body)
		}
		der = e.rest
	}
	return ber
}
