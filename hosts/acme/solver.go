package acme

import (
	"context"
	"fmt"

	"github.com/icsws/icsws/hosts"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// solvers returns what answers the challenges. None of it opens a socket: the server's
// own listeners ask [Issuer.ServeChallenge] and [Issuer.ChallengeCert].
func (c *client) solvers(challenges []hosts.Challenge) map[string]acmez.Solver {
	m := make(map[string]acmez.Solver)
	for _, challenge := range challenges {
		switch challenge {
		case hosts.ChallengeHTTP01:
			m[acme.ChallengeTypeHTTP01] = &httpSolver{c}
		case hosts.ChallengeTLSALPN01:
			m[acme.ChallengeTypeTLSALPN01] = &alpnSolver{c}
		case hosts.ChallengeDNS01:
			m[acme.ChallengeTypeDNS01] = &dnsSolver{c.cfg.DNS}
		}
	}
	return m
}

// cleanUpContext is for tidying up after ctx has ended.
func cleanUpContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storageTimeout)
}

// httpSolver answers http-01 (RFC 8555 section 8.3).
type httpSolver struct{ *client }

func (s *httpSolver) Present(ctx context.Context, c acme.Challenge) error {
	s.answers.setHTTP(c.Identifier.Value, c.Token, c.KeyAuthorization)
	return s.publish(ctx, s.vault.httpAnswer(c.Identifier.Value, c.Token), c.KeyAuthorization)
}

func (s *httpSolver) CleanUp(ctx context.Context, c acme.Challenge) error {
	s.answers.removeHTTP(c.Identifier.Value, c.Token)
	return s.withdraw(ctx, s.vault.httpAnswer(c.Identifier.Value, c.Token))
}

// alpnSolver answers tls-alpn-01 (RFC 8737).
type alpnSolver struct{ *client }

func (s *alpnSolver) Present(ctx context.Context, c acme.Challenge) error {
	cert, err := acmez.TLSALPN01ChallengeCert(c)
	if err != nil {
		return err
	}
	s.answers.setALPN(c.Identifier.Value, c.Token, cert)
	return s.publish(ctx, s.vault.alpnAnswer(c.Identifier.Value), c.KeyAuthorization)
}

func (s *alpnSolver) CleanUp(ctx context.Context, c acme.Challenge) error {
	s.answers.removeALPN(c.Identifier.Value, c.Token)
	return s.withdraw(ctx, s.vault.alpnAnswer(c.Identifier.Value))
}

// publish lets the processes that share the storage answer too, since the authority may
// come to any of them.
func (c *client) publish(ctx context.Context, key, answer string) error {
	if err := c.vault.Store(ctx, key, []byte(answer)); err != nil {
		return fmt.Errorf("storing the answer to a challenge: %w", err)
	}
	return nil
}

func (c *client) withdraw(ctx context.Context, key string) error {
	ctx, cancel := cleanUpContext(ctx)
	defer cancel()
	return c.vault.Delete(ctx, key)
}

// dnsSolver answers dns-01 (RFC 8555 section 8.4).
type dnsSolver struct{ dns DNSSolver }

func (s *dnsSolver) Present(ctx context.Context, c acme.Challenge) error {
	return guard(func() error {
		return s.dns.Present(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
	})
}

func (s *dnsSolver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := cleanUpContext(ctx)
	defer cancel()
	return guard(func() error {
		return s.dns.CleanUp(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
	})
}
