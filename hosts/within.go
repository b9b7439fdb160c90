package hosts

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
)

// Within returns a configuration with the certificates and protocols of chosen, where it
// has any, under the rules of another one: what that says of versions, ciphers, client
// certificates, session tickets and verification holds, and chosen can only be stricter.
// So code that chooses a certificate for a client can not open a door by the way.
func Within(rules, chosen *tls.Config) *tls.Config {
	c := rules.Clone()
	c.GetConfigForClient = nil
	if len(chosen.Certificates) > 0 || chosen.GetCertificate != nil {
		c.Certificates, c.GetCertificate = chosen.Certificates, chosen.GetCertificate
	}
	if chosen.NextProtos != nil {
		c.NextProtos = chosen.NextProtos
	}
	c.MinVersion = max(c.MinVersion, chosen.MinVersion)
	if chosen.MaxVersion != 0 && (c.MaxVersion == 0 || chosen.MaxVersion < c.MaxVersion) {
		c.MaxVersion = chosen.MaxVersion
	}
	if both := stricter(c.ClientAuth, chosen.ClientAuth); both != c.ClientAuth {
		c.ClientAuth = both
		if chosen.ClientCAs != nil {
			c.ClientCAs = chosen.ClientCAs
		}
	}
	c.SessionTicketsDisabled = c.SessionTicketsDisabled || chosen.SessionTicketsDisabled
	c.VerifyConnection = inTurn(c.VerifyConnection, chosen.VerifyConnection)
	if first, then := c.VerifyPeerCertificate, chosen.VerifyPeerCertificate; first == nil {
		c.VerifyPeerCertificate = then
	} else if then != nil {
		c.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			return cmp.Or(first(raw, chains), then(raw, chains))
		}
	}
	return c
}

// Under returns what a client of the host gets when the program has chosen a
// configuration for its hello: see [Within]. A GetConfigForClient of chosen is asked. The
// error is that of asking, or wraps [ErrNoCertificate] for a host without TLS.
func (e *Entry) Under(chosen *tls.Config, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if e.identity == nil {
		return nil, &HostError{e.index, e.host.Tag, "Cert", ErrNoCertificate}
	}
	if chosen.GetConfigForClient != nil {
		switch next, err := chosen.GetConfigForClient(hello); {
		case err != nil:
			return nil, err
		case next != nil:
			chosen = next
		}
	}
	return Within(e.identity.configurationFor(hello), chosen), nil
}

// stricter asks for a client certificate if either does, and checks it if either does.
func stricter(a, b tls.ClientAuthType) tls.ClientAuthType {
	checks := max(a, b) >= tls.VerifyClientCertIfGiven
	switch demands := requires(a) || requires(b); {
	case demands && checks:
		return tls.RequireAndVerifyClientCert
	case demands:
		return tls.RequireAnyClientCert
	case checks:
		return tls.VerifyClientCertIfGiven
	}
	return max(a, b)
}

// inTurn calls both checks; either may be nil.
func inTurn(first, then func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	if first == nil || then == nil {
		if first == nil {
			return then
		}
		return first
	}
	return func(cs tls.ConnectionState) error {
		if err := first(cs); err != nil {
			return err
		}
		return then(cs)
	}
}
