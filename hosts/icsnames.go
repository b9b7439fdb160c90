package hosts

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The words of ICS, and what they are here. Their case does not matter.

// icsLevels are the names of TSslSrvSecurity in its order, which is that of Level.
var icsLevels = []string{"sslSrvSecNone", "sslSrvSecSsl3", "sslSrvSecBack", "sslSrvSecInter", "sslSrvSecInterFS",
	"sslSrvSecHigh", "sslSrvSecHigh128", "sslSrvSecHigh192", "sslSrvSecTls12Less", "sslSrvSecTls13Only"}

func setINILevel(s *iniSection, value string) error {
	l, err := ParseLevel(value)
	if err == nil && l == LevelSSL3 {
		return badINI(value, "a level that has TLS: SSL 3 is gone, from ICS as from Go")
	}
	s.host.Level = l
	return asBadValue(err)
}

func getINILevel(h *Host) (string, error) {
	switch {
	case h.Level == LevelDefault:
		return "", nil
	case int(h.Level) <= len(icsLevels):
		return icsLevels[h.Level-1], nil
	}
	return "", fmt.Errorf("%w: %v", ErrNotText, h.Level)
}

// asBadValue makes an error of another part one of a value.
func asBadValue(err error) error {
	if err == nil || errors.Is(err, ErrBadValue) {
		return err
	}
	return &badValue{err}
}

// badValue is an error of another part, with the name of the package once.
type badValue struct{ err error }

func (e *badValue) Error() string {
	return ErrBadValue.Error() + ": " + strings.TrimPrefix(e.err.Error(), "hosts: ")
}

func (e *badValue) Unwrap() []error { return []error{ErrBadValue, e.err} }

// icsClientCerts are the names of TSslCliCertMethod in its order, which is that of
// ClientCert.
var icsClientCerts = []string{"sslCliCertNone", "sslCliCertOptional", "sslCliCertRequire"}

func setINIClientAuth(s *iniSection, value string) (err error) {
	s.host.ClientAuth, err = ParseClientCert(value)
	return asBadValue(err)
}

func getINIClientAuth(h *Host) (string, error) {
	switch {
	case h.ClientAuth == ClientCertNone:
		return "", nil
	case int(h.ClientAuth) < len(icsClientCerts):
		return icsClientCerts[h.ClientAuth], nil
	}
	return "", fmt.Errorf("%w: %v", ErrNotText, h.ClientAuth)
}

// icsChallenges are the names of TChallengeType. Of several for one challenge the
// first is the one that Save writes.
var icsChallenges = []struct {
	ics  string
	ours Challenge
}{
	{"ChallNone", ChallengeAuto},
	{"ChallFileApp", ChallengeHTTP01}, {"ChallFileSrv", ChallengeHTTP01}, {"ChallFileUNC", ChallengeHTTP01}, {"ChallFileFtp", ChallengeHTTP01},
	{"ChallAlpnApp", ChallengeTLSALPN01}, {"ChallAlpnSrv", ChallengeTLSALPN01}, {"ChallAlpnUNC", ChallengeTLSALPN01},
	{"ChallDnsAuto", ChallengeDNS01}, {"ChallDnsMan", ChallengeDNS01}, {"ChallDnsAcnt", ChallengeDNS01}, {"ChallDNS", ChallengeDNS01},
}

func setINIChallenge(s *iniSection, value string) error {
	for _, c := range icsChallenges {
		if strings.EqualFold(c.ics, value) || strings.EqualFold(c.ours.String(), value) {
			s.host.Challenge = c.ours
			return nil
		}
	}
	if strings.EqualFold(value, "ChallEmail") || strings.EqualFold(value, "ChallManual") {
		s.warning(value + " is no challenge of ACME (RFC 8555); the issuer chooses")
		return nil
	}
	return badINI(value, "ChallNone, ChallFileApp, ChallAlpnApp or ChallDnsAuto")
}

func getINIChallenge(h *Host) (string, error) {
	for _, c := range icsChallenges {
		if c.ours == h.Challenge && c.ours != ChallengeAuto {
			return c.ics, nil
		}
	}
	if h.Challenge != ChallengeAuto {
		return "", fmt.Errorf("%w: %v", ErrNotText, h.Challenge)
	}
	return "", nil
}

func setINISupplier(s *iniSection, value string) error {
	switch strings.ToLower(value) {
	case "suppprotonone":
		s.host.AutoOrder = false
	case "suppprotoacmev2":
		s.host.AutoOrder = true
	case "suppprotoownca":
		s.host.AutoOrder = true
		s.warning("has certificates ordered from Config.Issuer, which has to be one for your own authority")
	case "suppprotoacmev1", "suppprotocertcentre", "suppprotoservtas":
		s.warning(value + " is gone, in ICS too; nothing is ordered for this host")
	default:
		return badINI(value, "SuppProtoNone or SuppProtoAcmeV2")
	}
	return nil
}

func getINISupplier(h *Host) (string, error) {
	if h.AutoOrder {
		return "SuppProtoAcmeV2", nil
	}
	return "", nil
}

func setINILoadSource(_ *iniSection, value string) error {
	switch strings.ToLower(value) {
	case "certloadfile":
		return nil
	case "certwinstoremachine", "certwinstoreuser":
		return fmt.Errorf("%w: %s: the certificate store of Windows is not read; export the certificate to a file, or set Host.Source in the program", ErrBadValue, value)
	}
	return badINI(value, "CertLoadFile")
}

func setINIFormat(s *iniSection, value string) (err error) {
	s.host.CertFormat, err = ParseFormat(value)
	return asBadValue(err)
}

func getINIFormat(h *Host) (string, error) {
	if h.CertFormat == FormatAuto {
		return "", nil
	}
	return h.CertFormat.String(), nil
}

// setINICiphers leaves out the suites that OpenSSL has and Go has not: a list written
// for ICS names many.
func setINICiphers(s *iniSection, value string) error {
	var gone []string
	for _, name := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(":;, ", r) }) {
		ids, err := ParseCiphers(name)
		switch {
		case err == nil:
			s.host.CipherSuites = append(s.host.CipherSuites, ids...)
		case onlyOpenSSL(name):
			gone = append(gone, name)
		default:
			return asBadValue(err)
		}
	}
	if len(gone) > 0 && len(s.host.CipherSuites) == 0 {
		return badINI(value, "a suite that Go has")
	}
	if len(gone) > 0 {
		s.warning("leaves out what Go does not have: " + strings.Join(gone, ", "))
	}
	return nil
}

// onlyOpenSSL says whether a name is that of a family of suites that Go does not have:
// finite-field Diffie-Hellman, CCM and ciphers that few use.
func onlyOpenSSL(name string) bool {
	if strings.Trim(strings.ToUpper(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
		return false
	}
	for _, family := range []string{"DHE-", "EDH-", "DH-", "ADH-", "AECDH-", "PSK-", "SRP-"} {
		if strings.HasPrefix(strings.ToUpper(name), family) {
			return true
		}
	}
	for _, part := range []string{"CAMELLIA", "ARIA", "CCM", "SEED", "IDEA", "-PSK-"} {
		if strings.Contains(strings.ToUpper(name), part) {
			return true
		}
	}
	return false
}

func getINICiphers(h *Host) (string, error) {
	var names []string
	for _, id := range h.CipherSuites {
		name := tls.CipherSuiteName(id)
		if back, err := ParseCiphers(name); err != nil || len(back) != 1 || back[0] != id {
			return "", fmt.Errorf("%w: suite %s", ErrNotText, name)
		}
		names = append(names, name)
	}
	return strings.Join(names, ":"), nil
}

func setINICurves(s *iniSection, value string) (err error) {
	s.host.Curves, err = ParseCurves(value)
	return asBadValue(err)
}

func getINICurves(h *Host) (string, error) {
	var names []string
	for _, id := range h.Curves {
		if back, err := ParseCurves(id.String()); err != nil || len(back) != 1 || back[0] != id {
			return "", fmt.Errorf("%w: curve %v", ErrNotText, id)
		}
		names = append(names, id.String())
	}
	return strings.Join(names, ":"), nil
}

// iniVersions are the versions of TLS, as tls.VersionName and as ICS call them.
var iniVersions = []struct {
	id   uint16
	name string
	ics  string
}{
	{tls.VersionTLS10, "TLS 1.0", "sslVerTLS1"}, {tls.VersionTLS11, "TLS 1.1", "sslVerTLS1_1"},
	{tls.VersionTLS12, "TLS 1.2", "sslVerTLS1_2"}, {tls.VersionTLS13, "TLS 1.3", "sslVerTLS1_3"},
}

func setINIVersion(at func(*Host) *uint16) func(*iniSection, string) error {
	return func(s *iniSection, value string) error {
		for _, v := range iniVersions {
			if strings.EqualFold(v.name, value) || strings.EqualFold(v.ics, value) || v.name == "TLS "+value {
				*at(&s.host) = v.id
				return nil
			}
		}
		return badINI(value, "TLS 1.2 or TLS 1.3")
	}
}

func getINIVersion(at func(*Host) *uint16) func(*Host) (string, error) {
	return func(h *Host) (string, error) {
		for _, v := range iniVersions {
			if v.id == *at(h) {
				return v.name, nil
			}
		}
		if *at(h) != 0 {
			return "", fmt.Errorf("%w: version %#04x", ErrNotText, *at(h))
		}
		return "", nil
	}
}

func setINIStatus(s *iniSection, value string) error {
	switch value {
	case "0", "301", "302", "307", "308":
		s.host.RedirectStatus, _ = strconv.Atoi(value)
		return nil
	}
	return badINI(value, "301, 302, 307, 308, or 0 for no redirection")
}

// Words that are only checked.
var (
	icsKeyTypes = []string{"PrivKeyRsa1024", "PrivKeyRsa2048", "PrivKeyRsa3072", "PrivKeyRsa4096", "PrivKeyRsa7680",
		"PrivKeyRsa15360", "PrivKeyECsecp256", "PrivKeyECsecp384", "PrivKeyECsecp512", "PrivKeyEd25519", "PrivKeyRsaPss2048",
		"PrivKeyRsaPss3072", "PrivKeyRsaPss4096", "PrivKeyRsaPss7680", "PrivKeyRsaPss15360", "PrivKeyECsecp256k"}
	icsDigests = []string{"Digest_md5", "Digest_mdc2", "Digest_sha1", "Digest_sha224", "Digest_sha256", "Digest_sha384",
		"Digest_sha512", "Digest_ripemd160", "Digest_sha3_224", "Digest_sha3_256", "Digest_sha3_384", "Digest_sha3_512",
		"Digest_shake128", "Digest_shake256", "Digest_None"}
	icsSuppliers = []string{"AcmeLetsEncrypt", "AcmeLetsEncryptTest", "AcmeBuypass", "AcmeBuypassTest", "AcmeZeroSSL",
		"AcmeGoogle", "AcmeGoogleTest", "AcmeDigicert", "AcmeDigicertTest", "AcmeSslcomRSA", "AcmeSslcomECC"}
)
