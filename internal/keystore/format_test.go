package keystore

import (
	"errors"
	"strings"
	"testing"

	smallstep "github.com/smallstep/pkcs7"
	gopkcs12 "software.sslmate.com/src/go-pkcs12"
)

// samples has a store of each format, and PKCS #7 in PEM as format 0.
func samples(t testing.TB) map[Format][]byte {
	t.Helper()
	leaf := issue(t, "leaf", nil)
	pfx, err := gopkcs12.Modern2023.Encode(leaf.key, leaf.cert, nil, "secret")
	if err != nil {
		t.Fatal(err)
	}
	p7, err := smallstep.DegenerateCertificate(leaf.cert.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return map[Format][]byte{
		Auto: block("PKCS7", p7), PEM: leaf.bundlePEM(t), DER: leaf.cert.Raw, PKCS12: pfx, PKCS7: p7,
		JKS: javaStore(t, "secret", "secret", [][]*pair{{leaf}}),
	}
}

// H-55
func TestForcedFormatHasToFit(t *testing.T) {
	for is, data := range samples(t) {
		for forced := Auto; forced <= JKS+1; forced++ {
			s, err := Parse(data, Options{Format: forced, Password: []byte("secret")})
			fits := forced == Auto || forced == is || is == Auto && (forced == PEM || forced == PKCS7)
			if !fits {
				wantKind(t, s, err, ErrFormat)
			} else if err != nil || len(s.Certs) != 1 {
				t.Errorf("%v as %v: %v", is, forced, err)
			}
		}
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	for f, data := range samples(t) {
		_, err := Parse(data, Options{Password: []byte("hunter2")})
		if err != nil && (strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 200) {
			t.Errorf("%v: %v", f, err)
		}
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Detail == "") {
			t.Errorf("%v: %v says no more", f, err)
		}
	}
	if s := Format(77).String(); s != "format 77" {
		t.Errorf("String = %s", s)
	}
}

// H-55: nothing that is read makes Parse panic, compute for ever or return half a
// store.
func FuzzParse(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data, []byte("secret"), byte(0), false)
	}
	leaf := issue(f, "leaf", nil)
	der := pkcs8(f, leaf.key)
	key := lockedKey(f, der, "secret", 1)
	for _, data := range [][]byte{
		der, key, block("ENCRYPTED PRIVATE KEY", key),
		sequence(pbes2Of(scryptOf(16, 1, 1)), octetString(make([]byte, 16))),
		pfxOf(safesOf(dataSafe(keyBagOf(der), certBagOf(leaf.cert.Raw))), nil),
		pfxOf(safesOf(lockedSafe(f, "secret", 1, bagOf(oidShroudedBag, key), nest(2, certBagOf(nil)))), macOf(nil, []byte("salt"), 1)),
		looseBER(f, pfxOf(safesOf(dataSafe(certBagOf(leaf.cert.Raw))), nil)),
		jks(utf16BE([]byte("secret")), uint32(1), uint32(1), uint32(jksKey), uint16(0), uint64(0)),
		[]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END RSA PRIVATE KEY-----\n"),
	} {
		f.Add(data, []byte("secret"), byte(0), false)
		f.Add(data, []byte(nil), byte(1), true)
	}
	f.Fuzz(func(t *testing.T, data, password []byte, format byte, certsOnly bool) {
		s, err := Parse(data, Options{
			Format: Format(format % 7), Password: password, CertsOnly: certsOnly, MaxWork: 2000,
		})
		if _, ok := errors.AsType[*Error](err); err != nil && (!ok || s != nil) {
			t.Errorf("Parse = %v, %v; want an *Error and nothing else", s, err)
		}
		if err == nil && (s.Format == Auto || certsOnly && len(s.Keys) > 0) {
			t.Errorf("Parse = %v with %d keys", s.Format, len(s.Keys))
		}
	})
}

func BenchmarkPEM(b *testing.B)    { benchmark(b, PEM) }
func BenchmarkPKCS12(b *testing.B) { benchmark(b, PKCS12) } // 2048 rounds for each part
func BenchmarkJKS(b *testing.B)    { benchmark(b, JKS) }

func benchmark(b *testing.B, f Format) {
	data := samples(b)[f]
	b.ReportAllocs()
	for b.Loop() {
		mustParse(b, data, Options{Password: []byte("secret")})
	}
}
