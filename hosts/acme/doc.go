// Package acme obtains and renews the certificates of virtual hosts from an authority
// that speaks ACME (RFC 8555), such as Let's Encrypt.
//
//	issuer, err := acme.New(acme.Config{
//		Email:     "admin@example.com",
//		AgreedTOS: true,
//		Storage:   acme.DirStorage("/var/lib/chat/acme"),
//	})
//	set, err := hosts.New([]hosts.Host{{
//		Tag:   "chat",
//		Names: []string{"chat.example.com", "www.chat.example.com"},
//		Port:  80, TLSPort: 443,
//		AutoOrder: true, AllowTemporary: true,
//	}}, hosts.Options{Issuer: issuer})
//
// The server starts at once: with the certificate that the storage has, or with a
// temporary one until the first is there. Nothing is ordered before it listens, since
// the authority comes to look.
//
// # Certificates
//
// A host has one certificate, for all its names. An order therefore fails as a whole
// when one of the names does not lead to the server; names of which you are not sure
// belong in a host of their own. Each certificate has a new key. It is renewed when the
// authority says (RFC 9773), otherwise in the last third of its life, or at once when the
// authority revokes it and says so. What is in use stays until the next one is there,
// whatever happens.
//
// An attempt that fails is reported to the host's OnCertError as an [*OrderError], and
// repeated after a minute, ten minutes and so on up to six hours, without end.
//
// # Challenges
//
// How control over a name is proved is the host's Challenge:
//
//	http-01       Port 80       a request, answered on the plain port
//	tls-alpn-01   TLSPort 443   a handshake, answered on the TLS port
//	dns-01        Config.DNS    a TXT record; the only one for wildcards
//
// This package opens no socket for them. [Issuer.ServeChallenge] and
// [Issuer.ChallengeCert] answer on the listeners of the server, and in every process that
// shares the storage, so that it does not matter which of several servers behind one name
// the authority meets. If something in front of the server forwards the ports, say to
// which with Config.HTTPPort and TLSPort.
//
// # Names on demand
//
// A host with OnDemand, such as "*.tenant.example.com", gets a certificate for each name
// that a client asks for, once Config.Allow agrees. The first handshake waits for it as
// long as the server lets handshakes last; the order takes some seconds and goes on
// anyway.
//
// # Limits of authorities
//
// Let's Encrypt issues a certificate for the same names five times a week and takes 300
// new orders of an account in three hours. Try things out with [LetsEncryptStaging], and
// keep the storage.
package acme
