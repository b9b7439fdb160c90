package hosts

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What can be wrong with ciphers, groups and versions.
var (
	ErrCipher         = errors.New("not a usable cipher suite")          // unknown, of TLS 1.3, or too weak for the level
	ErrCipherOperator = errors.New("cipher lists may have no operators") // ! + - @ of OpenSSL
	ErrCurve          = errors.New("not a usable group")                 // unknown, or too weak for the level
	ErrVersion        = errors.New("not a usable TLS version")           // unknown, below the level, or the newest below the oldest
	ErrStrength       = errors.New("cipher is too weak")                 // less than the level or MinStrength wants
)

// SettingError says which part of a text or number could not be read.
type SettingError struct {
	Value string // the part
	Err   error  // such as [ErrCipher]
}

// Error has the value in quotes and what is wrong with it.
func (e *SettingError) Error() string { return fmt.Sprintf("hosts: %q: %v", e.Value, e.Err) }

// Unwrap returns e.Err.
func (e *SettingError) Unwrap() error { return e.Err }

// class orders suites from good to bad.
type class uint8

const (
	aead   class = iota // ECDHE and AES-GCM or ChaCha20
	cbc                 // ECDHE and AES-CBC, with crypto/tls's defence against timing
	oldAES              // RSA key exchange: whoever gets the key reads what was recorded
	old                 // CBC with SHA-256, without that defence; 3DES
	broken              // RC4
)

// suite is one of TLS 1.0 to 1.2.
type suite struct {
	id      uint16
	openssl string
	bits    int // of the cipher's key; those that count of 3DES
	class   class
}

var suites = []suite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", 128, aead},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", 128, aead},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", 256, aead},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", 256, aead},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", 256, aead},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", 256, aead},

	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", 128, cbc},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", 128, cbc},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", 256, cbc},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", 256, cbc},

	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", 128, oldAES},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", 256, oldAES},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", 128, oldAES},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", 256, oldAES},

	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", 128, old},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", 128, old},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", 128, old},
	{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, "ECDHE-RSA-DES-CBC3-SHA", 112, old},
	{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "DES-CBC3-SHA", 112, old},

	{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, "ECDHE-ECDSA-RC4-SHA", 128, broken},
	{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, "ECDHE-RSA-RC4-SHA", 128, broken},
	{tls.TLS_RSA_WITH_RC4_128_SHA, "RC4-SHA", 128, broken},
}

// suiteOf returns the suite of TLS 1.0 to 1.2 with the id, nil if there is none.
func suiteOf(id uint16) *suite {
	i := slices.IndexFunc(suites, func(s suite) bool { return s.id == id })
	if i < 0 {
		return nil
	}
	return &suites[i]
}

// bits13 are the key lengths of TLS 1.3 (RFC 8446 appendix B.4).
var bits13 = map[uint16]int{
	tls.TLS_AES_128_GCM_SHA256:       128,
	tls.TLS_AES_256_GCM_SHA384:       256,
	tls.TLS_CHACHA20_POLY1305_SHA256: 256,
}

// least13 is what every suite of TLS 1.3 has.
const least13 = 128

// cipherBits returns the key length of any suite, 0 for an unknown one.
func cipherBits(id uint16) int {
	if s := suiteOf(id); s != nil {
		return s.bits
	}
	return bits13[id]
}

var errTLS13Suite = fmt.Errorf("%w: it is one of TLS 1.3, which crypto/tls always offers all; leave it out", ErrCipher)

// checkSuite says whether a suite may be named.
func checkSuite(id uint16) (*suite, error) {
	if bits13[id] > 0 {
		return nil, fmt.Errorf("%s: %w", tls.CipherSuiteName(id), errTLS13Suite)
	}
	if s := suiteOf(id); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: 0x%04X is none of crypto/tls", ErrCipher, id)
}

// ParseCiphers reads a list of suites for Host.CipherSuites in the names of OpenSSL or
// of crypto/tls, separated by colons, semicolons, commas or spaces (T-07, T-10, T-11):
//
//	ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
//
// The order does not matter to crypto/tls. An empty text, "DEFAULT" and "*" return nil,
// the suites of the level. The error is a [*SettingError] with the first name that is
// wrong: [ErrCipherOperator] for the operators of OpenSSL, which have no meaning here,
// [ErrCipher] for a name that crypto/tls has no suite for, a keyword such as HIGH, or a
// suite of TLS 1.3.
func ParseCiphers(s string) ([]uint16, error) {
	return parseList(s, func(name string) (uint16, error) {
		if strings.ContainsAny(name, "!+@") || strings.HasPrefix(name, "-") {
			return 0, ErrCipherOperator
		}
		for id := range bits13 {
			if strings.EqualFold(name, tls.CipherSuiteName(id)) {
				return 0, errTLS13Suite
			}
		}
		name = strings.ToUpper(name)
		if strings.HasSuffix(name, "_CHACHA20_POLY1305") { // as crypto/tls called them at first
			name += "_SHA256"
		}
		for _, s := range suites {
			if name == s.openssl || name == tls.CipherSuiteName(s.id) {
				return s.id, nil
			}
		}
		return 0, fmt.Errorf("%w: crypto/tls has none of that name", ErrCipher)
	})
}

// curveNames are the groups of crypto/tls in the names of OpenSSL, NIST and Go.
var curveNames = map[tls.CurveID][]string{
	tls.X25519:             {"x25519"},
	tls.CurveP256:          {"p-256", "prime256v1", "secp256r1", "p256", "curvep256"},
	tls.CurveP384:          {"p-384", "secp384r1", "p384", "curvep384"},
	tls.CurveP521:          {"p-521", "secp521r1", "p521", "curvep521"},
	tls.X25519MLKEM768:     {"x25519mlkem768"},
	tls.SecP256r1MLKEM768:  {"secp256r1mlkem768"},
	tls.SecP384r1MLKEM1024: {"secp384r1mlkem1024"},
}

// ParseCurves reads a list of groups for Host.Curves, such as "X25519:P-256:secp384r1",
// separated as for [ParseCiphers] (H-21, T-31, T-34). The order does not matter to
// crypto/tls. An empty text, "DEFAULT" and "*" return nil. The error is a
// [*SettingError] with [ErrCurve] and the first name that is none.
func ParseCurves(s string) ([]tls.CurveID, error) {
	return parseList(s, func(name string) (tls.CurveID, error) {
		for id, names := range curveNames {
			if slices.Contains(names, strings.ToLower(name)) {
				return id, nil
			}
		}
		return 0, fmt.Errorf("%w: crypto/tls has none of that name", ErrCurve)
	})
}

// parseList reads names, each once; nil for the default.
func parseList[T comparable](s string, parse func(string) (T, error)) ([]T, error) {
	names := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(":;, \t\r\n", r) })
	if len(names) == 0 || len(names) == 1 && (strings.EqualFold(names[0], "DEFAULT") || names[0] == "*") {
		return nil, nil
	}
	var list []T
	for _, name := range names {
		v, err := parse(name)
		if err != nil {
			return nil, &SettingError{name, err}
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list, nil
}

// versionBits are the two bits of each version, for server and client, from SSL 2 on.
const versionBits = 0b11

// ParseVersions reads a bit mask of versions as IPWorks has it, for Host.MinVersion and
// Host.MaxVersion (T-08): 192 is TLS 1.0, 768 is 1.1, 3072 is 1.2, 12288 is 1.3; one of
// a version's two bits is enough. 0 returns zeroes, which leave the versions to the
// level.
//
// The error is a [*SettingError] with [ErrVersion] for SSL 2 (12) and SSL 3 (48), for
// other bits, and for a gap, such as 1.0 and 1.2 without 1.1.
func ParseVersions(mask int) (oldest, newest uint16, err error) {
	fail := func(what string) (uint16, uint16, error) {
		return 0, 0, &SettingError{fmt.Sprint(mask), fmt.Errorf("%w: %s", ErrVersion, what)}
	}
	switch {
	case mask&^0x3FFC != 0:
		return fail("unknown bits")
	case mask&0x3C != 0:
		return fail("SSL 2 and SSL 3 are gone")
	}
	for i, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if mask>>(6+2*i)&versionBits == 0 {
			continue
		}
		if newest != 0 && newest != v-1 {
			return fail("there is a gap between " + tls.VersionName(newest) + " and " + tls.VersionName(v))
		}
		if newest = v; oldest == 0 {
			oldest = v
		}
	}
	return oldest, newest, nil
}
