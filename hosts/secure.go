package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// Secure returns the TLS configuration of a server without hosts: a clone of base with
// the level, the rules for client certificates, DisableSessionTickets and KeyLog of o. Of
// o it reads Level, ClientAuth, ClientCAs, Verify, OnClientAuth, DisableSessionTickets,
// KeyLog, DisableTLS, Now and Logger. What base sets explicitly, versions, suites and
// groups, holds as a host's own settings do (see Host.MinVersion); ALPN is "http/1.1".
//
// All this holds for a configuration that base.GetConfigForClient returns too, save for
// ALPN and the check of its certificates: it is cloned for each connection.
//
// The error joins an [*OptionError] for everything that is wrong; those about base have
// "TLS." before the field. The chains in base.Certificates have to be good enough for
// the level.
func Secure(base *tls.Config, o Options) (*tls.Config, error) {
	c := base.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	s, errs := sharing(o, c)
	r := &optionReporter{shared: s, errs: errs}
	switch {
	case o.DisableTLS:
		r.fail("DisableTLS", ErrTLSDisabled)
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		r.fail("Certificates", ErrNoCertificate)
	}
	c.NextProtos = []string{"http/1.1"} // h2 has no upgrade
	p := s.read(r, c)
	r.chains(p, c.Certificates)
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	p.apply(c, nil)
	each := p.seal(c, nil)
	if theirs := c.GetConfigForClient; theirs != nil || each != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return s.forClient(c, hello, theirs, each)
		}
	}
	return c, nil
}

// read makes a policy of a configuration that says things itself.
func (s *shared) read(r reporter, c *tls.Config) *policy {
	own := *s
	own.base = &tls.Config{ClientAuth: c.ClientAuth, ClientCAs: c.ClientCAs}
	return own.policy(r, Host{
		MinVersion: c.MinVersion, MaxVersion: c.MaxVersion,
		CipherSuites: c.CipherSuites, Curves: c.CurvePreferences,
	})
}

// forClient is the GetConfigForClient of c; a nil configuration is c itself.
func (s *shared) forClient(c *tls.Config, hello *tls.ClientHelloInfo,
	theirs func(*tls.ClientHelloInfo) (*tls.Config, error),
	each func(*tls.Config, *tls.ClientHelloInfo) *tls.Config) (*tls.Config, error) {
	if theirs != nil {
		given, err := theirs(hello)
		if err != nil {
			return nil, err
		}
		if given != nil {
			return s.adopt(given, hello)
		}
	}
	if each == nil {
		return nil, nil
	}
	if own := each(c, hello); own != c {
		return own, nil
	}
	return nil, nil
}

// adopt has the rules hold for a configuration that the program chose for a client.
func (s *shared) adopt(given *tls.Config, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c := given.Clone()
	c.SessionTicketsDisabled = c.SessionTicketsDisabled || s.opts.DisableSessionTickets
	s.keyLog(c)
	r := &optionReporter{shared: s, silent: true}
	p := s.read(r, c)
	if err := errors.Join(r.errs...); err != nil {
		return nil, fmt.Errorf("hosts: GetConfigForClient: %w", err)
	}
	p.apply(c, nil)
	if each := p.seal(c, nil); each != nil {
		c = each(c, hello)
	}
	return c, nil
}

// optionReporter collects what is wrong with the options of a server without hosts.
type optionReporter struct {
	*shared
	errs   []error
	silent bool
}

func (r *optionReporter) fail(field string, err error) {
	if i := slices.Index([]string{"MinVersion", "MaxVersion", "CipherSuites", "Curves", "Certificates"}, field); i >= 0 {
		field = "TLS." + field
	}
	if field == "TLS.Curves" {
		field = "TLS.CurvePreferences"
	}
	r.errs = append(r.errs, &OptionError{field, err})
}

func (r *optionReporter) warn(msg string, args ...any) {
	if !r.silent {
		r.log.Warn("hosts: "+msg, args...)
	}
}

// chains checks the certificates: each has to be strong enough, and one has to go with
// the suites.
func (r *optionReporter) chains(p *policy, certs []tls.Certificate) {
	fits := len(certs) == 0
	for _, cert := range certs {
		chain := make([]*x509.Certificate, len(cert.Certificate))
		for i, der := range cert.Certificate {
			var err error
			if chain[i], err = x509.ParseCertificate(der); err != nil {
				r.fail("Certificates", fmt.Errorf("%w: %w", ErrFormat, err))
				return
			}
		}
		if err := p.level.CheckChain(chain); err != nil {
			r.fail("Certificates", err)
		}
		fits = fits || len(chain) > 0 && p.fits(chain[0])
	}
	if !fits {
		r.fail("CipherSuites", fmt.Errorf("%w: none can be used with the key of a certificate", ErrCipher))
	}
}
