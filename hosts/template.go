package hosts

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// OptionError says which field of [Options], or of the configuration given to [Secure],
// is wrong.
type OptionError struct {
	Field string // such as "Level", "Verify.CRLs" or "TLS.MinVersion"
	Err   error
}

// Error names the field and what is wrong with it.
func (e *OptionError) Error() string { return fmt.Sprintf("hosts: %s: %v", e.Field, e.Err) }

// Unwrap returns e.Err.
func (e *OptionError) Unwrap() error { return e.Err }

// shared is what the TLS policies of all hosts have in common.
type shared struct {
	opts Options
	base *tls.Config // what every host's configuration begins with
	crls *revocations
	log  *slog.Logger
}

// newShared checks the options that are about TLS. With an error it is usable too.
func newShared(o Options) (*shared, error) {
	base, err := checkTemplate(o.TLS)
	s, errs := sharing(o, base)
	return s, errors.Join(append([]error{err}, errs...)...)
}

// sharing puts the options that are about TLS as such into base, which is ours.
func sharing(o Options, base *tls.Config) (*shared, []error) {
	s := &shared{opts: o, base: base, log: o.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	var errs []error
	fail := func(field string, err error) { errs = append(errs, &OptionError{field, err}) }
	if err := o.Level.check(); err != nil {
		fail("Level", err)
		s.opts.Level = LevelHigh
	}
	if o.ClientAuth > ClientCertRequire {
		fail("ClientAuth", fmt.Errorf("%w: %s", ErrClientCert, o.ClientAuth))
		s.opts.ClientAuth = ClientCertRequire
	}
	var err error
	if s.crls, err = newRevocations(o.Verify); err != nil {
		fail("Verify", err)
	}
	if base.Time == nil {
		base.Time = o.Now
	}
	base.SessionTicketsDisabled = base.SessionTicketsDisabled || o.DisableSessionTickets
	s.keyLog(base)
	if base.KeyLogWriter != nil {
		s.log.Warn("hosts: THE SECRETS OF ALL TLS CONNECTIONS ARE WRITTEN TO A KEY LOG: whoever reads it reads the traffic. Never do this in production")
	}
	return s, errs
}

// keyLog has c write its secrets to Options.KeyLog. crypto/tls writes to it one
// connection at a time.
func (s *shared) keyLog(c *tls.Config) {
	if s.opts.KeyLog != nil {
		c.KeyLogWriter = s.opts.KeyLog
	}
}

// checkTemplate returns a clone of the template that is fit for hosts, an empty
// one for nil. With an error it is usable too.
func checkTemplate(given *tls.Config) (*tls.Config, error) {
	c := &tls.Config{}
	if given != nil {
		c = given.Clone()
	}
	c.NextProtos = []string{"http/1.1"}
	err := forHosts(c)
	if c.MinVersion < tls.VersionTLS12 {
		if c.MinVersion != 0 && err == nil {
			err = fmt.Errorf("%w: MinVersion: below TLS 1.2, which only a host with level %s may ask for itself", ErrTemplate, LevelNone)
		}
		c.MinVersion = tls.VersionTLS12
	}
	if c.MaxVersion != 0 && c.MaxVersion < c.MinVersion {
		if err == nil {
			err = fmt.Errorf("%w: MaxVersion: below MinVersion", ErrTemplate)
		}
		c.MaxVersion = 0
	}
	return c, err
}

// forHosts looks for what hosts decide themselves and for what no level allows.
func forHosts(c *tls.Config) error {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Certificates", len(c.Certificates) > 0},
		{"GetCertificate", c.GetCertificate != nil},
		{"GetConfigForClient", c.GetConfigForClient != nil},
		{"WrapSession", c.WrapSession != nil},
		{"UnwrapSession", c.UnwrapSession != nil},
	} {
		if f.set {
			return fmt.Errorf("%w: %s: not usable with hosts", ErrTemplate, f.name)
		}
	}
	if c.ClientAuth < tls.NoClientCert || c.ClientAuth > tls.RequireAndVerifyClientCert {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		return fmt.Errorf("%w: ClientAuth: unknown", ErrTemplate)
	}
	for _, id := range c.CipherSuites {
		if _, err := checkSuite(id); err != nil {
			c.CipherSuites = nil
			return fmt.Errorf("%w: CipherSuites: %w", ErrTemplate, err)
		}
	}
	for _, id := range c.CurvePreferences {
		if err := checkCurve(id); err != nil {
			c.CurvePreferences = nil
			return fmt.Errorf("%w: CurvePreferences: %w", ErrTemplate, err)
		}
	}
	if c.MaxVersion != 0 && !slices.Contains(versions, c.MaxVersion) {
		c.MaxVersion = 0
		return fmt.Errorf("%w: MaxVersion: %w", ErrTemplate, ErrVersion)
	}
	if c.MinVersion != 0 && !slices.Contains(versions, c.MinVersion) {
		c.MinVersion = 0
		return fmt.Errorf("%w: MinVersion: %w", ErrTemplate, ErrVersion)
	}
	return nil
}
