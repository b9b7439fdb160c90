package hosts

import (
	"strings"

	"github.com/icsws/icsws/internal/dirfs"
)

// iniKey is a key of a section: how it comes into a Host, and back.
type iniKey struct {
	name  string   // as Save writes it
	also  []string // other names
	field string   // of Host; empty for what has no field
	empty bool     // an empty value means something
	note  string   // for the documentation: what a value may be, or why it has no meaning
	set   func(s *iniSection, value string) error
	// get returns the value, empty if the key is left out. Nil is never written.
	get func(h *Host) (string, error)
}

// iniKeys is the one list of keys, for reading, writing and the documentation.
var iniKeys = []iniKey{
	{name: "Hosts", also: []string{"HostNames"}, field: "Names", note: "names, separated by commas", set: setININames, get: getININames},
	iniText("HostTag", "Tag", func(h *Host) *string { return &h.Tag }),
	iniText("Descr", "Descr", func(h *Host) *string { return &h.Descr }, "Desc"),
	{name: "HostEnabled", field: "Disabled", note: "True or False, which is the default", set: checkINIBool,
		get: func(h *Host) (string, error) { return titled(!h.Disabled), nil }},
	{name: "Enabled", field: "Disabled", note: "the older name of HostEnabled, which wins", set: checkINIBool},
	iniText("BindIpAddr", "Bind", func(h *Host) *string { return &h.Bind }),
	iniText("BindIpAddr2", "Bind2", func(h *Host) *string { return &h.Bind2 }),
	iniNumber("BindNonPort", "Port", -1, 65535, func(h *Host) *int { return &h.Port }),
	iniNumber("BindSslPort", "TLSPort", -1, 65535, func(h *Host) *int { return &h.TLSPort }),
	{name: "Proto", field: "Meta", note: `text, in Meta["Proto"]`, set: setINIProto, get: getINIProto},
	{name: metaPrefix, field: "Meta", note: "text for the program, such as Meta.Color=red", empty: true, set: setINIMeta},

	iniPEM("SslCert", "Cert", func(h *Host) *string { return &h.Cert }),
	iniPEM("SslKey", "Key", func(h *Host) *string { return &h.Key }),
	iniPEM("SslInter", "Intermediates", func(h *Host) *string { return &h.Intermediates }),
	{name: "SslPassword", field: "KeyPassword", note: "the password itself, env:NAME or file:PATH", set: setINIPassword},
	iniText("SslPasswordEnv", "KeyPasswordEnv", func(h *Host) *string { return &h.KeyPasswordEnv }),
	iniPath("SslPasswordFile", "KeyPasswordFile", func(h *Host) *string { return &h.KeyPasswordFile }),
	{name: "SslLoadSource", note: "CertLoadFile", set: setINILoadSource},
	{name: "SslCertFormat", field: "CertFormat", note: "auto, pem, der, pkcs12, pkcs7 or jks", set: setINIFormat, get: getINIFormat},
	iniText("SslCertSubject", "CertSubject", func(h *Host) *string { return &h.CertSubject }),
	iniPath("SslOcspStaple", "OCSPStaple", func(h *Host) *string { return &h.OCSPStaple }),
	iniFlag("AllowTemporary", "AllowTemporary", func(h *Host) *bool { return &h.AllowTemporary }),

	{name: "SslSecLevel", also: []string{"SslSrvSecurity"}, field: "Level", note: "a name of TSslSrvSecurity, its number, or a name of Level", set: setINILevel, get: getINILevel},
	{name: "SslCipherList12", field: "CipherSuites", note: "names of OpenSSL or IANA, separated by colons", set: setINICiphers, get: getINICiphers},
	{name: "SslCryptoGroups", field: "Curves", note: "names, separated by colons", set: setINICurves, get: getINICurves},
	{name: "SslMinVersion", field: "MinVersion", note: "TLS 1.2 or sslVerTLS1_2, and so on", set: setINIVersion(func(h *Host) *uint16 { return &h.MinVersion }), get: getINIVersion(func(h *Host) *uint16 { return &h.MinVersion })},
	{name: "SslMaxVersion", field: "MaxVersion", note: "likewise", set: setINIVersion(func(h *Host) *uint16 { return &h.MaxVersion }), get: getINIVersion(func(h *Host) *uint16 { return &h.MaxVersion })},
	iniNumber("SslMinStrength", "MinStrength", 0, 256, func(h *Host) *int { return &h.MinStrength }),
	{name: "CliCertMethod", field: "ClientAuth", note: "a name of TSslCliCertMethod or of ClientCert", set: setINIClientAuth, get: getINIClientAuth},

	{name: "CertSupplierProto", field: "AutoOrder", note: "SuppProtoNone or SuppProtoAcmeV2", set: setINISupplier, get: getINISupplier},
	{name: "CertChallenge", field: "Challenge", note: "a name of TChallengeType or of Challenge", set: setINIChallenge, get: getINIChallenge},
	iniFlag("CertOnDemand", "OnDemand", func(h *Host) *bool { return &h.OnDemand }),

	{name: "WellKnownPath", field: "WellKnown", note: "a folder", set: setINIWellKnown, get: getINIWellKnown},
	iniText("WebRedirectURL", "RedirectURL", func(h *Host) *string { return &h.RedirectURL }),
	{name: "WebRedirectStat", field: "RedirectStatus", note: "301, 302, 307 or 308; 0 is no redirection", set: setINIStatus, get: getININumber(func(h *Host) *int { return &h.RedirectStatus })},
	iniFlag("AuthForceSsl", "RequireTLS", func(h *Host) *bool { return &h.RequireTLS }),
	{name: "AllowedOrigins", field: "AllowedOrigins", note: "origins, separated by commas; empty is the same host alone", empty: true, set: setINIOrigins, get: getINIOrigins},

	// What ICS has and Go, or a WebSocket server, has not.
	iniWithout("ForwardProxy", falseOnly, "has no meaning: this server is no proxy"),
	iniWithout("AuthSslCmd", falseOnly, "has no meaning: a WebSocket does not begin TLS on a connection that is open; BindSslPort has TLS from the start"),
	iniWithout("WebDocDir", anything, noWebServer),
	iniWithout("WebTemplDir", anything, noWebServer),
	iniWithout("WebDefDoc", anything, noWebServer),
	iniWithout("WebLogDir", anything, "has no meaning: what happens goes to Config.Logger"),
	iniWithout("WebLogIdx", numbers, "has no meaning: what happens goes to Config.Logger"),
	iniWithout("SslCipherList13", anything, "has no meaning: Go does not let the suites of TLS 1.3 be chosen; all of them are good"),
	iniWithout("SslRawKeyFile", anything, "has no meaning: Go does not have raw public keys (RFC 7250); give the host a certificate"),
	iniWithout("DHParams", anything, "has no meaning: Go has no suites with finite-field Diffie-Hellman; SslCryptoGroups chooses the curves"),
	iniWithout("CertDirWork", anything, "belongs to the issuer: acme.storage in a configuration file, or its field in the program"),
	iniWithout("CertProduct", anything, "has no meaning: an issuer that speaks ACME has one product"),
	iniWithout("CertPKeyType", oneOf(icsKeyTypes), "belongs to the issuer: acme.key_type in a configuration file, or its field in the program"),
	iniWithout("CertSignDigest", oneOf(icsDigests), "has no meaning: the authority chooses it"),
	iniWithout("SupplierTitle", anything, "belongs to the issuer, which is one for all hosts"),
	iniWithout("AcmeSupplier", oneOf(icsSuppliers), "belongs to the issuer: acme.directory in a configuration file, or its field in the program"),
	iniWithout("AcmeCertProfile", anything, "belongs to the issuer: acme.profile in a configuration file, or its field in the program"),
	iniWithout("AcmeCertValidity", numbers, "has no meaning: the authority chooses it"),
}

const (
	metaPrefix  = "Meta.*"
	noWebServer = "has no meaning: there is no web server; set Host.HTTP in the program, such as to http.FileServer"
)

// beyond are the fields that no text can hold, and what is wanted for writing.
var beyond = []struct {
	field string
	set   func(h *Host) bool
	hint  string
}{
	{"KeyPassword", func(h *Host) bool { return h.KeyPassword != nil }, "a function; KeyPasswordEnv and KeyPasswordFile can be written"},
	{"Source", func(h *Host) bool { return h.Source != nil }, "code; Cert, Key and Intermediates can be written"},
	{"ClientCAs", func(h *Host) bool { return h.ClientCAs != nil }, "a pool of certificates"},
	{"WellKnown", func(h *Host) bool { _, ok := dirfs.Folder(h.WellKnown); return !ok }, "a file system; the one of os.DirFS can be written"},
	{"OnWellKnown", func(h *Host) bool { return h.OnWellKnown != nil }, "a function"},
	{"HTTP", func(h *Host) bool { return h.HTTP != nil }, "a handler"},
}

// findINIKey returns the key with that name, in any case of its letters.
func findINIKey(name string) *iniKey {
	for i := range iniKeys {
		k := &iniKeys[i]
		if k.name == metaPrefix && len(name) > len("Meta.") && strings.EqualFold(name[:len("Meta.")], "Meta.") {
			if strings.EqualFold(name[len("Meta."):], "Proto") {
				return findINIKey("Proto")
			}
			return k
		}
		if strings.EqualFold(name, k.name) {
			return k
		}
		for _, other := range k.also {
			if strings.EqualFold(name, other) {
				return k
			}
		}
	}
	return nil
}

func iniKeyNames() (names []string) {
	for _, k := range iniKeys {
		names = append(append(names, k.name), k.also...)
	}
	return names
}
