package wsserver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
)

// checkTLS refuses settings of TLS that contradict each other, or that nobody would
// look at: who asks for client certificates must not get a server without TLS.
func (c *Config) checkTLS() error {
	secure := slices.ContainsFunc(c.Bindings, func(b multilisten.Binding) bool { return b.TLS })
	var errs []error
	switch {
	case c.DisableTLS && c.TLS != nil:
		errs = append(errs, configError("DisableTLS", "set, together with Config.TLS"))
	case c.DisableTLS && secure:
		errs = append(errs, configError("DisableTLS", "set, but a binding wants TLS"))
	case c.DisableTLS && c.ClientAuth != hosts.ClientCertNone:
		errs = append(errs, configError("DisableTLS", "set, but Config.ClientAuth wants certificates of clients"))
	}
	if len(c.Hosts) > 0 {
		return errors.Join(errs...)
	}
	if c.ClientAuth != hosts.ClientCertNone && c.TLS == nil {
		errs = append(errs, configError("ClientAuth", "set, but neither Config.TLS nor Config.Hosts is"))
	}
	if c.Issuer != nil {
		errs = append(errs, configError("Issuer", "set, but Config.Hosts is empty"))
	}
	return errors.Join(errs...)
}

// hostOptions is what the configuration means to package hosts.
func (s *core) hostOptions() (hosts.Options, error) {
	c := &s.cfg
	cas, err1 := authorities("ClientCAFile", c.ClientCAs, c.ClientCAFile)
	roots, err2 := authorities("RootCAFile", c.RootCAs, c.RootCAFile)
	return hosts.Options{
		TLS: c.TLS, DisableTLS: c.DisableTLS, Level: c.Level,
		ClientAuth: c.ClientAuth, ClientCAs: cas, Verify: c.ClientVerify, OnClientAuth: s.onClientAuth(),
		OnHostTLS: s.onHostTLS(), DisableSessionTickets: c.DisableSessionTickets, KeyLog: c.TLSKeyLog,
		RootCAs: roots, AllowSelfSigned: c.AllowSelfSigned, BestEffort: c.BestEffortHosts,
		CertExpireDays: c.CertExpireDays, RecheckEvery: c.RecheckEvery,
		OnNewCert: s.onNewCert(), OnCertError: s.onCertError, Issuer: c.Issuer, Logger: s.log,
	}, errors.Join(err1, err2)
}

// authorities is the pool, or what is in the file.
func authorities(field string, pool *x509.CertPool, file string) (*x509.CertPool, error) {
	switch {
	case file == "":
		return pool, nil
	case pool != nil:
		return nil, configError(field, "set, together with Config.%ss", strings.TrimSuffix(field, "File"))
	}
	pool, err := hosts.ParsePool(file)
	return pool, wrapField(field, err)
}

// initTLS checks the hosts and loads their certificates, or checks Config.TLS.
func (s *core) initTLS() (err error) {
	if s.tlsOptions, err = s.hostOptions(); err != nil {
		return err
	}
	if len(s.cfg.Hosts) > 0 {
		s.hosts, err = hosts.New(s.cfg.Hosts, s.tlsOptions)
		return wrapField("Hosts", err)
	}
	if s.cfg.TLS != nil {
		s.cfg.TLS, err = s.plainTLS(s.cfg.TLS)
	}
	return err
}

// plainTLS is the configuration of TLS bindings without hosts.
func (s *core) plainTLS(c *tls.Config) (*tls.Config, error) {
	if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return nil, configError("TLS", "no certificate, and no Config.Hosts that have one")
	}
	// What OnTLSHello chooses has to be behind the rules.
	c, err := hosts.Secure(s.announced(c, nil), s.tlsOptions)
	if err != nil {
		return nil, &ConfigError{"TLS", err}
	}
	return c, nil
}

// hostTLS is the configuration of a listener with hosts.
func (s *core) hostTLS(view *hosts.View) (*tls.Config, error) {
	c, err := view.TLSConfig()
	if err != nil {
		return nil, err
	}
	return s.announced(c, view), nil
}

// shown is the host whose certificate a client gets that asks for that name.
func shown(view *hosts.View, serverName string) *hosts.Entry {
	secured := view.TLS()
	if e, err := secured.Lookup(serverName); err == nil {
		return e
	}
	return secured.Default()
}
