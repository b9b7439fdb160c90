package dial

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/transport"
)

// tlsConfig makes the configuration of TLS with the server. Files are read here, before
// anything is dialled.
func (a *attempt) tlsConfig() (*tls.Config, *certAsk, *DialError) {
	c, err := a.o.baseTLS()
	if err != nil {
		return nil, nil, a.fail(StageOptions, err)
	}
	switch {
	case a.elsewhere: // neither name nor certificate are meant for it
		c.ServerName, c.Certificates, c.GetClientCertificate = a.to.serverName(), nil, nil
		c.EncryptedClientHelloConfigList = nil
	case a.o.ServerName != "":
		c.ServerName = a.o.ServerName
	case c.ServerName == "":
		c.ServerName = a.to.serverName()
	}
	if a.o.CertFile != "" && !a.elsewhere {
		f := hosts.FileSource{Cert: a.o.CertFile, Key: a.o.KeyFile, Password: a.o.KeyPassword}
		var cert *tls.Certificate
		err := guarded(func() (err error) { cert, err = f.Load(a.ctx); return err })
		if err != nil {
			e := a.fail(StageOptions, wrapOption("CertFile", err))
			if errors.Is(err, hosts.ErrPassword) && e.Reason == ReasonOptions {
				e.Reason = ReasonUser
			}
			return nil, nil, e
		}
		c.Certificates, c.GetClientCertificate = []tls.Certificate{*cert}, nil
	}
	return c, watchAsk(c), nil
}

// proxyTLS makes the configuration of TLS with an https proxy. A certificate of ours is not
// meant for it.
func (a *attempt) proxyTLS(host string) (*tls.Config, error) {
	c, err := a.o.baseTLS()
	if err != nil {
		return nil, err
	}
	c.ServerName, c.Certificates, c.GetClientCertificate = host, nil, nil
	c.EncryptedClientHelloConfigList = nil
	return c, nil
}

// baseTLS is what both have in common.
func (o *Options) baseTLS() (*tls.Config, error) {
	c := o.TLS.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	switch {
	case o.RootCAs != nil:
		c.RootCAs = o.RootCAs
	case o.CAFile != "":
		pool, err := hosts.ParsePool(o.CAFile)
		if err != nil {
			return nil, wrapOption("CAFile", err)
		}
		c.RootCAs = pool
	}
	ciphers, err := hosts.ParseCiphers(o.Ciphers)
	if err != nil {
		return nil, wrapOption("Ciphers", err)
	}
	if ciphers != nil {
		c.CipherSuites = ciphers
	}
	if o.KeyLog != nil {
		c.KeyLogWriter = o.KeyLog
	}
	c.InsecureSkipVerify = c.InsecureSkipVerify || o.InsecureSkipVerify
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.NextProtos = []string{"http/1.1"} // RFC 6455 is an upgrade of that
	return c, nil
}

// secure does the handshake of TLS with the server.
func (a *attempt) secure(below net.Conn, config *tls.Config, ask *certAsk) (net.Conn, *DialError) {
	begun := time.Now()
	var conn shaker
	if own, ok := below.(*tls.Conn); ok && a.o.Dial != nil && a.proxy == nil {
		conn = own
	} else {
		conn = transport.NewTLSClient(below, config)
	}
	err := guarded(func() error { return conn.HandshakeContext(a.ctx) }) // it calls functions of the template
	a.timing.TLS += time.Since(begun)
	if err != nil {
		e := a.fail(StageTLS, ask.explain(err))
		if e.Reason == ReasonOther {
			e.Reason = ReasonTLS
		}
		return nil, e
	}
	return conn, nil
}

// certAsk tells whether the server has asked for a certificate, and got one. It belongs to
// the goroutine of the attempt, as the handshake does.
type certAsk struct{ asked, sent bool }

// watchAsk has c report to the result; the choice stays that of crypto/tls.
func watchAsk(c *tls.Config) *certAsk {
	ask, choose, certs := &certAsk{}, c.GetClientCertificate, c.Certificates
	c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		ask.asked = true
		if choose != nil {
			cert, err := choose(info)
			ask.sent = cert != nil && len(cert.Certificate) > 0
			return cert, err
		}
		for i := range certs {
			if info.SupportsCertificate(&certs[i]) == nil {
				ask.sent = true
				return &certs[i], nil
			}
		}
		return new(tls.Certificate), nil
	}
	return ask
}

// explain adds to a failure that the server wanted a certificate.
func (k *certAsk) explain(err error) error {
	if k != nil && k.asked && !k.sent && alertOf(err) == alertHandshakeFailure {
		return &askedError{err}
	}
	return err
}
