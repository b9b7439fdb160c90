package admit

import (
	"errors"
	"math"
	"slices"
	"time"
)

// Policy is the settings of [Rules]. The zero value lets everybody in. A Policy is a
// value; Rules copy it.
type Policy struct {
	// AllowedClients are those who may connect, as [NewList] has them, by the address of
	// the client: behind a trusted proxy the one that the proxy names. Empty,
	// together with AllowedFile, means everybody.
	AllowedClients []string
	// AllowedFile is the path of a text with more of them, as [ReadList] has it. It is
	// read by New, Update and Reload.
	AllowedFile string
	// DeniedClients may not connect, even if they are allowed or exempt. They are
	// looked for by the address of the peer too, also if it is a trusted proxy.
	DeniedClients []string
	// DeniedFile is the path of a text with more of them.
	DeniedFile string
	// TrustedProxies are the peers that may name another address as the client's. Their
	// own address has no limits, rates and bans, and need not be allowed; what is left
	// for them is TotalAcceptRate. Whoever is listed here can pretend to be anybody.
	TrustedProxies []string
	// ExemptClients are the clients without limits, rates and bans, TotalAcceptRate included;
	// such as a monitor.
	ExemptClients []string

	// MaxPerIP is how many connections an address may have at once, from accept to their
	// end. Zero means no limit.
	MaxPerIP int
	// IPv4Prefix is how many bits of an IPv4 address count as the address, 24 to 32.
	// Zero means 32. With a change of it, or of IPv6Prefix, counting begins anew for the
	// connections that come then.
	IPv4Prefix int
	// IPv6Prefix is the same for IPv6 addresses, 32 to 128. Zero means 64.
	IPv6Prefix int
	// AcceptRate is how often an address may connect.
	AcceptRate Rate
	// HandshakeRate is how often a client address may ask for an upgrade. Behind a
	// trusted proxy, where connections are the proxy's, this is what limits clients.
	HandshakeRate Rate
	// TotalAcceptRate is how often all addresses together may connect. Peers that
	// something else refuses do not count.
	TotalAcceptRate Rate
	// MaxTracked is how many addresses are tracked at once, 1 to 16,777,216. Zero means
	// 65,536. See the package comment for what comes beyond.
	MaxTracked int

	// AutoBan bans addresses by themselves.
	AutoBan BanRule
	// MaxBans is how many bans there may be at once, 1 to 1,048,576. Zero means 65,536.
	// An automatic ban beyond is not made, but counted.
	MaxBans int
}

// BanRule bans an address, by the prefix lengths of the policy, for its violations:
// refusals for MaxPerIP, AcceptRate and HandshakeRate, and what [Rules.Violation] is
// told. The zero value bans nobody.
type BanRule struct {
	After  int           // violations that make a ban, up to 65,535; zero turns the rule off
	Within time.Duration // from the first of them to the last. Zero means 1 min
	For    time.Duration // how long the ban is. Zero means 10 min
}

const (
	defaultTracked = 1 << 16
	mostTracked    = 1 << 24
	defaultBans    = 1 << 16
	mostBans       = 1 << 20
)

// withDefaults returns a copy in which no zero stands for a default.
func (p Policy) withDefaults() Policy {
	def(&p.IPv4Prefix, 32)
	def(&p.IPv6Prefix, 64)
	def(&p.MaxTracked, defaultTracked)
	def(&p.MaxBans, defaultBans)
	if p.AutoBan.After > 0 {
		def(&p.AutoBan.Within, time.Minute)
		def(&p.AutoBan.For, 10*time.Minute)
	}
	p.AllowedClients = slices.Clone(p.AllowedClients)
	p.DeniedClients = slices.Clone(p.DeniedClients)
	p.TrustedProxies = slices.Clone(p.TrustedProxies)
	p.ExemptClients = slices.Clone(p.ExemptClients)
	return p
}

func def[V comparable](p *V, v V) {
	var zero V
	if *p == zero {
		*p = v
	}
}

// Validate returns what is wrong with p, as one or more [*PolicyError], or nil. It does
// not read the lists and files: New does.
func (p Policy) Validate() error {
	p = p.withDefaults()
	return errors.Join(
		between("MaxPerIP", p.MaxPerIP, 0, math.MaxInt32),
		between("IPv4Prefix", p.IPv4Prefix, 24, 32),
		between("IPv6Prefix", p.IPv6Prefix, 32, 128),
		between("MaxTracked", p.MaxTracked, 1, mostTracked),
		between("MaxBans", p.MaxBans, 1, mostBans),
		checkRate("AcceptRate", p.AcceptRate),
		checkRate("HandshakeRate", p.HandshakeRate),
		checkRate("TotalAcceptRate", p.TotalAcceptRate),
		p.AutoBan.check(),
	)
}

func between(field string, n, least, most int) error {
	if n < least || n > most {
		return wrong(field, "%d is not in %d to %d", n, least, most)
	}
	return nil
}

func checkRate(field string, r Rate) error {
	if err := r.check(); err != nil {
		return &PolicyError{field, err}
	}
	return nil
}

func (b BanRule) check() error {
	switch {
	case b.After == 0 && b != BanRule{}:
		return wrong("AutoBan", "without After nobody is banned")
	case b.Within < 0 || b.For < 0:
		return wrong("AutoBan", "negative")
	case b.Within > longest || b.For > longest:
		return wrong("AutoBan", "more than %v", time.Duration(longest))
	}
	return between("AutoBan.After", b.After, 0, math.MaxUint16)
}

// limits returns what the limiter needs of p, which has its defaults.
func (p *Policy) limits() *limits {
	return &limits{
		perIP:  int64(p.MaxPerIP),
		accept: p.AcceptRate.bucket(), shake: p.HandshakeRate.bucket(), total: p.TotalAcceptRate.bucket(),
		violations: uint16(p.AutoBan.After), within: int64(p.AutoBan.Within),
		tracked: p.MaxTracked, ipv4Prefix: p.IPv4Prefix, ipv6Prefix: p.IPv6Prefix,
	}
}
