package acme

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// authority is who issues certificates; in tests it is no ACME server.
type authority interface {
	// obtain orders a certificate and returns its chain as PEM and, if the authority
	// says it at once, when to renew it.
	obtain(ctx context.Context, r request) (chain []byte, when *renewal, err error)
	// renewalInfo asks when leaf is to be renewed; nil if the authority does not say.
	renewalInfo(ctx context.Context, leaf *x509.Certificate, log *slog.Logger) (*renewal, error)
	// close ends what obtain and renewalInfo left open.
	close()
}

// request is one certificate that is wanted.
type request struct {
	names      []string
	key        crypto.Signer
	challenges []hosts.Challenge
	replaces   *x509.Certificate // nil for the first one
	log        *slog.Logger
}

// client is an authority that speaks ACME (RFC 8555). What is known about the authority
// is asked for anew for each order, as it changes over the years that a server runs.
type client struct {
	cfg     *Config
	vault   *vault
	answers *answers
	http    *http.Client
	own     *http.Transport // nil if the program brought its own
	account atomic.Pointer[acme.Account]
}

func newClient(cfg *Config, v *vault, a *answers) *client {
	c := &client{cfg: cfg, vault: v, answers: a, http: cfg.HTTPClient}
	if c.http == nil {
		c.own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: cfg.RootCAs},
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			ForceAttemptHTTP2:     true,
		}
		c.http = &http.Client{Transport: c.own, Timeout: time.Minute}
	}
	return c
}

func (c *client) close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

func (c *client) dial(log *slog.Logger) *acme.Client {
	return &acme.Client{Directory: c.cfg.Directory, HTTPClient: c.http, UserAgent: "icsws", Logger: log}
}

func (c *client) obtain(ctx context.Context, r request) ([]byte, *renewal, error) {
	conn := &acmez.Client{Client: c.dial(r.log), ChallengeSolvers: c.solvers(r.challenges)}
	account, err := c.useAccount(ctx, conn.Client)
	if err != nil {
		return nil, nil, c.explain(err)
	}
	chains, err := c.order(ctx, conn, account, r)
	if lost := new(acme.Problem); errors.As(err, lost) && lost.Type == acme.ProblemTypeAccountDoesNotExist {
		r.log.Warn("acme: the authority does not know the account any more, registering again",
			"account", account.Location)
		if err := c.forgetAccount(ctx, account); err != nil {
			return nil, nil, err
		}
		if account, err = c.useAccount(ctx, conn.Client); err == nil {
			chains, err = c.order(ctx, conn, account, r)
		}
	}
	if err != nil {
		return nil, nil, c.explain(err)
	}
	chain := c.choose(chains, r.log)
	return chain.ChainPEM, fromInfo(chain.RenewalInfo), nil
}

func (c *client) order(ctx context.Context, conn *acmez.Client, account *acme.Account, r request) ([]acme.Certificate, error) {
	csr, err := acmez.NewCSR(r.key, r.names)
	if err != nil {
		return nil, err
	}
	params, err := acmez.OrderParametersFromCSR(*account, csr)
	if err != nil {
		return nil, err
	}
	params.Profile = c.cfg.Profile
	params.Replaces = r.replaces
	chains, err := conn.ObtainCertificate(ctx, params)
	if err == nil && len(chains) == 0 {
		err = errors.New("the authority sent no certificate")
	}
	return chains, err
}

// choose returns the chain that leads to the preferred root, else the first.
func (c *client) choose(chains []acme.Certificate, log *slog.Logger) acme.Certificate {
	want := c.cfg.PreferredChain
	if want == "" {
		return chains[0]
	}
	var roots []string
	for _, chain := range chains {
		root := rootName(chain.ChainPEM)
		if root == want {
			return chain
		}
		roots = append(roots, root)
	}
	log.Warn("acme: the authority has no chain to the preferred root, using its first",
		"preferred", want, "roots", roots)
	return chains[0]
}

// rootName is the common name of who issued the last certificate of a chain.
func rootName(chain []byte) string {
	var last *pem.Block
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		last = block
	}
	if last == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(last.Bytes)
	if err != nil {
		return ""
	}
	return cert.Issuer.CommonName
}

func (c *client) renewalInfo(ctx context.Context, leaf *x509.Certificate, log *slog.Logger) (*renewal, error) {
	info, err := c.dial(log).GetRenewalInfo(ctx, leaf)
	if errors.Is(err, acme.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return fromInfo(&info), nil
}

func fromInfo(info *acme.RenewalInfo) *renewal {
	if info == nil || !info.HasWindow() {
		return nil
	}
	r := &renewal{
		Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End,
		At: info.SelectedTime, URL: info.ExplanationURL,
		Refresh: time.Now().Add(renewalPoll),
	}
	if info.RetryAfter != nil {
		// Between a minute and a day, as RFC 9773 section 4.3.2 has it.
		wait := min(max(time.Until(*info.RetryAfter), time.Minute), 24*time.Hour)
		r.Refresh = time.Now().Add(wait)
	}
	return r
}

// explain makes a [*ProblemError] of what the authority answered.
func (c *client) explain(err error) error {
	var p acme.Problem
	if !errors.As(err, &p) {
		return err
	}
	e := &ProblemError{
		Type:   strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace),
		Status: p.Status, Detail: p.Detail, Err: err,
	}
	if p.Type == acme.ProblemTypeUserActionRequired {
		e.URL = p.Instance
		if f := c.cfg.OnUserAction; f != nil && e.URL != "" {
			if err := guard(func() error { f(e.URL); return nil }); err != nil {
				return errors.Join(e, fmt.Errorf("OnUserAction: %w", err))
			}
		}
	}
	return e
}
