package config

import (
	"crypto/tls"
	"io/fs"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/dirfs"
)

type host = hosts.Host

var hostShape = shape[host]{keys: hostKeys, code: []code[host]{
	{"KeyPassword", func(h *host) bool { return h.KeyPassword != nil }, "a function; KeyPasswordEnv and KeyPasswordFile can be written"},
	{"Source", func(h *host) bool { return h.Source != nil }, "code; Cert, Key and Intermediates can be written"},
	{"ClientCAs", func(h *host) bool { return h.ClientCAs != nil }, "a pool of certificates"},
	{"WellKnown", func(h *host) bool { _, ok := dirfs.Folder(h.WellKnown); return !ok }, "a file system; the one of os.DirFS can be written"},
	{"OnWellKnown", func(h *host) bool { return h.OnWellKnown != nil }, "a function"},
	{"HTTP", func(h *host) bool { return h.HTTP != nil }, "a handler"},
}}

var hostKeys = table[host]{
	at("tag", func(h *host) *string { return &h.Tag }, plain, "a short name for the program"),
	at("names", func(h *host) *[]string { return &h.Names }, words, "what clients call the host"),
	at("descr", func(h *host) *string { return &h.Descr }, plain, "a description for logs"),
	at("meta", func(h *host) *map[string]string { return &h.Meta }, texts, "free text for the program"),
	at("disabled", func(h *host) *bool { return &h.Disabled }, onOff, "takes the host out of everything"),
	at("bind", func(h *host) *string { return &h.Bind }, plain, "IP address; none is all"),
	at("bind2", func(h *host) *string { return &h.Bind2 }, plain, "another one with the same ports"),
	at("port", func(h *host) *int { return &h.Port }, whole[int](-1, 65535), "for plain connections; -1 is a free one"),
	at("tls_port", func(h *host) *int { return &h.TLSPort }, whole[int](-1, 65535), "for TLS; -1 is a free one"),

	at("cert", func(h *host) *string { return &h.Cert }, cert, "the certificate, perhaps with key and chain"),
	at("key", func(h *host) *string { return &h.Key }, cert, "the private key"),
	at("intermediates", func(h *host) *string { return &h.Intermediates }, cert, "further certificates of the chain"),
	at("key_password_env", func(h *host) *string { return &h.KeyPasswordEnv }, plain, "the environment variable with the password of the key"),
	at("key_password_file", func(h *host) *string { return &h.KeyPasswordFile }, file, "the file with it"),
	refused[host]("key_password", "a password has no place here; write key_password_env or key_password_file"),
	at("cert_format", func(h *host) *hosts.Format { return &h.CertFormat }, parsed("auto, pem, der, pkcs12, pkcs7 or jks", hosts.ParseFormat, hosts.Format.String), "of cert, key and intermediates"),
	at("cert_subject", func(h *host) *string { return &h.CertSubject }, plain, "which of several certificates in a file"),
	at("ocsp_staple", func(h *host) *string { return &h.OCSPStaple }, file, "an OCSP response to be sent along, DER"),
	at("allow_temporary", func(h *host) *bool { return &h.AllowTemporary }, onOff, "starts with a self-signed certificate"),
	at("auto_order", func(h *host) *bool { return &h.AutoOrder }, onOff, "the issuer obtains the certificate"),
	at("challenge", func(h *host) *hosts.Challenge { return &h.Challenge }, challenge, "how it proves that the names are ours"),
	at("on_demand", func(h *host) *bool { return &h.OnDemand }, onOff, "when a client asks for a name"),

	at("level", func(h *host) *hosts.Level { return &h.Level }, level, "the security level; none is the server's"),
	at("cipher_suites", func(h *host) *[]uint16 { return &h.CipherSuites }, each("list of names", hosts.ParseCiphers, tls.CipherSuiteName), "those of TLS 1.2"),
	at("curves", func(h *host) *[]tls.CurveID { return &h.Curves }, each("list of names", hosts.ParseCurves, tls.CurveID.String), "for the key exchange"),
	at("min_version", func(h *host) *uint16 { return &h.MinVersion }, tlsVersion, "of TLS"),
	at("max_version", func(h *host) *uint16 { return &h.MaxVersion }, tlsVersion, "of TLS"),
	at("min_strength", func(h *host) *int { return &h.MinStrength }, whole[int](0, 256), "bits of the cipher"),
	at("client_auth", func(h *host) *hosts.ClientCert { return &h.ClientAuth }, clientAuth, "whether clients show a certificate; the stricter of this and the server's"),

	at("well_known", func(h *host) *fs.FS { return &h.WellKnown }, folder, "answers below /.well-known/"),
	at("redirect_url", func(h *host) *string { return &h.RedirectURL }, plain, "where other requests are sent; {host} and {uri} are those of the request"),
	at("redirect_status", func(h *host) *int { return &h.RedirectStatus }, oneOf(301, 302, 307, 308), "308 unless set"),
	at("require_tls", func(h *host) *bool { return &h.RequireTLS }, onOff, "refuses WebSockets on the plain port"),
	at("allowed_origins", func(h *host) *[]string { return &h.AllowedOrigins }, words, "in place of the server's"),

	without[host]("dh_params", "has no effect: Go has no suites with finite-field Diffie-Hellman; curves chooses the curves"),
	without[host]("cipher_suites_13", "has no effect: Go does not let the suites of TLS 1.3 be chosen"),
}

var challenge = func() codec[hosts.Challenge] {
	var all []word[hosts.Challenge]
	for c := hosts.ChallengeAuto; c <= hosts.ChallengeDNS01; c++ {
		all = append(all, word[hosts.Challenge]{c.String(), c})
	}
	return choice(all...)
}()
