package hosts

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A new Go version may bring suites, or think worse of some.
func TestSuitesAreThoseOfTheStandardLibrary(t *testing.T) {
	var all, bad []uint16
	for _, s := range tls.CipherSuites() {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			all = append(all, s.ID)
		} else if bits13[s.ID] == 0 {
			t.Errorf("%s is not known", s.Name)
		}
	}
	for _, s := range tls.InsecureCipherSuites() {
		all, bad = append(all, s.ID), append(bad, s.ID)
	}
	for _, id := range all {
		s := suiteOf(id)
		if s == nil {
			t.Errorf("%s is not known", tls.CipherSuiteName(id))
		} else if (s.class > cbc) != slices.Contains(bad, id) {
			t.Errorf("%s: is it insecure?", s.openssl)
		}
	}
	if len(all) != len(suites) {
		t.Errorf("%d suites, crypto/tls has %d", len(suites), len(all))
	}
}

// T-10: the names and key lengths are those of OpenSSL.
func TestOpenSSLHasTheSameNames(t *testing.T) {
	out, ok := openssl(t, "ciphers", "-V", "-s", "ALL:@SECLEVEL=0")
	if !ok {
		t.Fatal(out)
	}
	found := 0
	for line := range strings.Lines(out) {
		f := strings.Fields(line) // 0xC0,0x2F - NAME TLSv1.2 Kx=ECDH Au=RSA Enc=AESGCM(128) Mac=AEAD
		var hi, lo uint16
		if _, err := fmt.Sscanf(line, " 0x%X,0x%X", &hi, &lo); err != nil || len(f) < 7 {
			continue
		}
		if s := suiteOf(hi<<8 | lo); s != nil {
			found++
			if f[2] != s.openssl || !strings.Contains(f[6], fmt.Sprint("(", s.bits, ")")) {
				t.Errorf("%s of %d bits; OpenSSL: %s", s.openssl, s.bits, line)
			}
		}
	}
	if found < 16 {
		t.Errorf("only %d suites of\n%s", found, out)
	}
}

// T-07, T-10, T-11
func TestCipherListsAreRead(t *testing.T) {
	for text, want := range map[string][]uint16{
		"": nil, " ": nil, "DEFAULT": nil, "default": nil, "*": nil,
		"ECDHE-RSA-AES128-GCM-SHA256":                                    {tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		"ecdhe-ecdsa-chacha20-poly1305":                                  {tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305":                           {tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
		"AES256-SHA:ECDHE-RSA-AES256-SHA; RC4-SHA, DES-CBC3-SHA":         {tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
		"TLS_RSA_WITH_AES_128_CBC_SHA;tls_rsa_with_aes_128_cbc_sha;":     {tls.TLS_RSA_WITH_AES_128_CBC_SHA},
		"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\nECDHE-RSA-AES128-SHA256": {tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256},
	} {
		got, err := ParseCiphers(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseCiphers(%q) = %x, %v; want %x", text, got, err, want)
		}
	}
	for text, want := range map[string]SettingError{
		"ECDHE-RSA-AES128-GCM-SHA256:!aNULL":   {"!aNULL", ErrCipherOperator},
		"-RC4-SHA":                             {"-RC4-SHA", ErrCipherOperator},
		"EECDH+AESGCM":                         {"EECDH+AESGCM", ErrCipherOperator},
		"DEFAULT:@SECLEVEL=1":                  {"DEFAULT", ErrCipher},
		"@STRENGTH":                            {"@STRENGTH", ErrCipherOperator},
		"HIGH":                                 {"HIGH", ErrCipher},
		"AES256-SHA:DHE-RSA-AES256-GCM-SHA384": {"DHE-RSA-AES256-GCM-SHA384", ErrCipher},
		"AES256-SHA:TLS_AES_256_GCM_SHA384:nonsense": {"TLS_AES_256_GCM_SHA384", ErrCipher},
		"0x1234": {"0x1234", ErrCipher},
	} {
		_, err := ParseCiphers(text)
		if se, ok := errors.AsType[*SettingError](err); !ok || se.Value != want.Value || !errors.Is(err, want.Err) {
			t.Errorf("ParseCiphers(%q) = %v; want %v", text, err, &want)
		}
	}
	for _, s := range suites {
		for _, name := range []string{s.openssl, tls.CipherSuiteName(s.id)} {
			if got, err := ParseCiphers(name); err != nil || !slices.Equal(got, []uint16{s.id}) {
				t.Errorf("ParseCiphers(%q) = %x, %v", name, got, err)
			}
		}
	}
}

// H-21, T-31, T-34
func TestGroupListsAreRead(t *testing.T) {
	for text, want := range map[string][]tls.CurveID{
		"": nil, "DEFAULT": nil,
		"X25519:P-256:secp384r1, P-521 p521":                  {tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		"x25519mlkem768;SecP256r1MLKEM768;SecP384r1MLKEM1024": {tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024},
		"prime256v1": {tls.CurveP256},
		tls.CurveP384.String() + ":" + tls.X25519MLKEM768.String(): {tls.CurveP384, tls.X25519MLKEM768},
	} {
		if got, err := ParseCurves(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseCurves(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, name := range []string{"X448", "ffdhe2048", "P-224", "P-256!"} {
		_, err := ParseCurves("P-256:" + name)
		if se, ok := errors.AsType[*SettingError](err); !ok || se.Value != name || !errors.Is(err, ErrCurve) {
			t.Errorf("ParseCurves(%q) = %v", name, err)
		}
	}
}

// T-08
func TestVersionMasksAreRead(t *testing.T) {
	for mask, want := range map[int][2]uint16{
		0: {}, 192: {tls.VersionTLS10, tls.VersionTLS10}, 4032: {tls.VersionTLS10, tls.VersionTLS12},
		3072: {tls.VersionTLS12, tls.VersionTLS12}, 12288: {tls.VersionTLS13, tls.VersionTLS13},
		3072 + 12288: {tls.VersionTLS12, tls.VersionTLS13}, 16320: {tls.VersionTLS10, tls.VersionTLS13},
		1024 + 8192: {tls.VersionTLS12, tls.VersionTLS13}, // one bit of each
	} {
		oldest, newest, err := ParseVersions(mask)
		if err != nil || oldest != want[0] || newest != want[1] {
			t.Errorf("ParseVersions(%d) = %x, %x, %v; want %x", mask, oldest, newest, err, want)
		}
	}
	for _, mask := range []int{-1, 1, 3, 12, 48, 4032 + 48, 192 + 3072, 768 + 12288, 192 + 12288, 1 << 14, 1<<20 + 3072} {
		oldest, newest, err := ParseVersions(mask)
		se, ok := errors.AsType[*SettingError](err)
		if !ok || se.Value != fmt.Sprint(mask) || !errors.Is(err, ErrVersion) || oldest != 0 || newest != 0 {
			t.Errorf("ParseVersions(%d) = %x, %x, %v; want ErrVersion", mask, oldest, newest, err)
		}
	}
}

func FuzzParseCiphers(f *testing.F) {
	for _, s := range suites {
		f.Add(s.openssl + ":" + tls.CipherSuiteName(s.id))
	}
	f.Add("DEFAULT:!aNULL;*, TLS_AES_128_GCM_SHA256")
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := ParseCiphers(text)
		if err != nil {
			if se, ok := errors.AsType[*SettingError](err); !ok || !strings.Contains(text, se.Value) || ids != nil {
				t.Fatalf("ParseCiphers(%q) = %x, %v", text, ids, err)
			}
			return
		}
		var names []string
		for _, id := range ids {
			if _, err := checkSuite(id); err != nil {
				t.Fatalf("ParseCiphers(%q): %v", text, err)
			}
			names = append(names, suiteOf(id).openssl)
		}
		if again, err := ParseCiphers(strings.Join(names, ":")); err != nil || !slices.Equal(ids, again) {
			t.Fatalf("%q is %x, and %q is %x, %v", text, ids, names, again, err)
		}
	})
}
