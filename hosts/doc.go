// Package hosts holds the virtual hosts of a server: which names each has, on
// which addresses it listens, with which certificate, and which of them a
// connection means.
//
//	set, err := hosts.New([]hosts.Host{
//		{Tag: "chat", Names: []string{"chat.example"}, Port: 80, TLSPort: 443, Cert: "chat.pem"},
//		{Tag: "game", Names: []string{"*.game.example"}, TLSPort: 443, Cert: "game.pem", Key: "game.key"},
//	}, hosts.Options{})
//
// The life of a [Set]: [New] checks every host and loads its certificate;
// [Set.Addresses] says what to listen on; for each listener [Set.View] has the
// hosts that it serves, [View.TLSConfig] its TLS side and [View.Lookup] the host
// that a name means. A server that was handed its listeners uses [Set.All].
//
// # Which host
//
// An exact name beats a wildcard, a wildcard beats "*"; between equals the host
// that comes first wins. A wildcard stands for exactly one label, the leftmost
// (RFC 9525 section 6.3): "*.game.example" is a.game.example, not game.example
// and not a.b.game.example. No name at all, and an IP address that no host
// lists, mean the first host of the listener. Disabled hosts take no part.
//
// On TLS the client names a host twice: in its server name indication (RFC 6066
// section 3), by which the certificate is chosen, and in the request. Both go
// through the same look-up; a server should answer 421 Misdirected Request
// (RFC 9110 section 15.5.20) when they mean different hosts, or when either
// gives [ErrUnknownHost], so that nobody reaches one host with what was agreed
// for another. A handshake for an unknown name is still completed, with the
// certificate of the default host: browsers show an alert as a broken
// connection only, while 421 says what is wrong.
//
// # Concurrency
//
// A Set, its views and entries do not change after New, save that temporary
// certificates and session-ticket keys renew themselves during handshakes.
// Everything may be called from any goroutine; there is none of its own.
package hosts
