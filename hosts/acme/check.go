package acme

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/icsws/icsws/hosts"
)

// Check says why the order could never be fulfilled (H-44). The error joins
// [ErrChallengePort], [ErrWildcardNeedsDNS], [ErrNoDNS], [ErrNoAllow], [ErrName],
// [ErrNotPublic] and [ErrTooManyNames], as they apply.
func (i *Issuer) Check(o hosts.Order) error {
	_, err := i.challenges(&o)
	if o.OnDemand {
		if i.cfg.Allow == nil {
			err = errors.Join(err, ErrNoAllow)
		}
		return err
	}
	for _, name := range o.Names {
		err = errors.Join(err, i.checkName(name))
	}
	if len(o.Names) > maxNames {
		err = errors.Join(err, fmt.Errorf("%w: %d, the most is %d", ErrTooManyNames, len(o.Names), maxNames))
	}
	return err
}

func (i *Issuer) checkName(name string) error {
	if name == "*" {
		return fmt.Errorf(`%w: "*" is no name of a certificate; list the names, or use OnDemand`, ErrName)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("%w: %s is an address", ErrName, name)
	}
	if i.cfg.public() && !isPublicName(name) {
		return fmt.Errorf("%w: %s", ErrNotPublic, name)
	}
	return nil
}

// Names that nobody can register (RFC 6761, RFC 6762, RFC 8375, and what ICANN has set
// aside for private use).
var privateSuffixes = []string{".localhost", ".local", ".internal", ".home.arpa", ".test", ".invalid"}

func isPublicName(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	if !strings.Contains(name, ".") || strings.Contains(name, "_") {
		return false
	}
	for _, suffix := range privateSuffixes {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// challenges returns what the order may be proved with, or why nothing is possible.
func (i *Issuer) challenges(o *hosts.Order) ([]hosts.Challenge, error) {
	wild := false
	if !o.OnDemand { // its wildcards are patterns, no names of certificates
		for _, name := range o.Names {
			wild = wild || strings.HasPrefix(name, "*.")
		}
	}
	handed := o.Port == 0 && o.TLSPort == 0
	possible := map[hosts.Challenge]bool{
		hosts.ChallengeHTTP01:    handed || o.Port == i.cfg.HTTPPort,
		hosts.ChallengeTLSALPN01: handed || o.TLSPort == i.cfg.TLSPort,
		hosts.ChallengeDNS01:     i.cfg.DNS != nil,
	}
	if o.Challenge == hosts.ChallengeAuto {
		return i.automatic(possible, wild, o)
	}
	if err := i.refusal(o, possible[o.Challenge], wild); err != nil {
		return nil, err
	}
	return []hosts.Challenge{o.Challenge}, nil
}

// automatic chooses what needs no DNS where it can. With several the authority's offer
// and what worked before decide, and the next is tried when one fails.
func (i *Issuer) automatic(possible map[hosts.Challenge]bool, wild bool, o *hosts.Order) ([]hosts.Challenge, error) {
	var list []hosts.Challenge
	for _, c := range []hosts.Challenge{hosts.ChallengeTLSALPN01, hosts.ChallengeHTTP01} {
		if possible[c] {
			list = append(list, c)
		}
	}
	if possible[hosts.ChallengeDNS01] && (wild || len(list) == 0) {
		list = append(list, hosts.ChallengeDNS01)
	}
	switch {
	case wild && !possible[hosts.ChallengeDNS01]:
		return nil, fmt.Errorf("%w: set Config.DNS", ErrWildcardNeedsDNS)
	case len(list) == 0:
		return nil, fmt.Errorf("%w: it listens on %d and %d, one of Port %d and TLSPort %d is needed, or Config.DNS",
			ErrChallengePort, o.Port, o.TLSPort, i.cfg.HTTPPort, i.cfg.TLSPort)
	}
	return list, nil
}

// refusal is why the challenge that the host demands can not be had.
func (i *Issuer) refusal(o *hosts.Order, possible, wild bool) error {
	c := o.Challenge
	switch {
	case c > hosts.ChallengeDNS01:
		return fmt.Errorf("acme: unknown challenge %s", c)
	case wild && c != hosts.ChallengeDNS01:
		return fmt.Errorf("%w: not %s", ErrWildcardNeedsDNS, c)
	case possible:
		return nil
	case c == hosts.ChallengeDNS01:
		return ErrNoDNS
	case c == hosts.ChallengeHTTP01:
		return fmt.Errorf("%w: %s needs Port %d, it has %d", ErrChallengePort, c, i.cfg.HTTPPort, o.Port)
	default:
		return fmt.Errorf("%w: %s needs TLSPort %d, it has %d", ErrChallengePort, c, i.cfg.TLSPort, o.TLSPort)
	}
}
