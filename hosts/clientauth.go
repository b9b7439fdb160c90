package hosts

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// What can be wrong with client certificates. x509 has errors for the rest, such as
// [x509.UnknownAuthorityError].
var (
	ErrClientCert    = errors.New("not a rule for client certificates")
	ErrNoClientCert  = errors.New("no client certificate")             // where one is required
	ErrClientRefused = errors.New("hosts: client certificate refused") // wraps what the check found, if anything
)

// ClientCert says whether clients have to show a certificate. The greater value is the
// stricter one; of server and host it holds (H-22, T-04).
type ClientCert uint8

// The rules. A certificate that is shown has to be good under both Optional and Require,
// else the handshake fails.
const (
	ClientCertNone     ClientCert = iota // none is asked for (sslCliCertNone)
	ClientCertOptional                   // one may be shown (sslCliCertOptional, T-05)
	ClientCertRequire                    // one must be shown (sslCliCertRequire)
)

var clientCertNames = [...]string{"none", "optional", "require"}

// String returns the rule in a word.
func (c ClientCert) String() string {
	if int(c) < len(clientCertNames) {
		return clientCertNames[c]
	}
	return fmt.Sprintf("clientcert(%d)", uint8(c))
}

// ParseClientCert reads a rule: "require", "ClientCertRequire", the name that ICS has for
// it, "sslCliCertRequire", or its number there, "2". Case does not matter. The error is
// a [*SettingError] with [ErrClientCert].
func ParseClientCert(s string) (ClientCert, error) {
	word := strings.ToLower(strings.TrimSpace(s))
	word = strings.TrimPrefix(strings.TrimPrefix(word, "clientcert"), "sslclicert")
	for i, name := range clientCertNames {
		if word == name || word == fmt.Sprint(i) {
			return ClientCert(i), nil
		}
	}
	return ClientCertNone, &SettingError{s, ErrClientCert}
}

// with joins the rule with that of a tls.Config; the stricter one holds. Only a tls.Config
// can ask for certificates that are not checked.
func (c ClientCert) with(t tls.ClientAuthType) tls.ClientAuthType {
	switch {
	case c == ClientCertNone:
		return t
	case c == ClientCertRequire, requires(t):
		return tls.RequireAndVerifyClientCert
	}
	return tls.VerifyClientCertIfGiven
}

func requires(t tls.ClientAuthType) bool {
	return t == tls.RequireAnyClientCert || t == tls.RequireAndVerifyClientCert
}

// ClientVerify relaxes or extends the check of client certificates. The zero value is the
// full check: a chain to one of the authorities, each certificate in its time, for
// clients, and as strong as the level wants. Certificates between leaf and authority have
// to come from the client.
type ClientVerify struct {
	// IgnoreExpiry takes certificates before and after their time (T-17).
	IgnoreExpiry bool

	// AllowUnknownCA takes certificates of any authority. Anybody can make one then, so
	// that only its key means something.
	AllowUnknownCA bool

	// IgnoreUsage takes certificates that are not for clients, such as those of servers
	// (RFC 5280 section 4.2.1.12).
	IgnoreUsage bool

	// CRLCheck says what revocation lists are for (T-20). Nothing is fetched.
	CRLCheck CRLCheck

	// CRLs are the lists, see [ParseCRLs].
	CRLs []*x509.RevocationList

	// LoadCRLs returns the lists in place of CRLs, for lists that are renewed while the
	// server runs. It is called in every handshake with a client certificate, from any
	// goroutine, and should return what is in memory: the same pointers as long as
	// nothing changes, as what is known of a list is kept by its pointer. An error
	// refuses the client.
	LoadCRLs func() ([]*x509.RevocationList, error)
}

// relaxed says whether crypto/tls would refuse what is good here.
func (v *ClientVerify) relaxed() bool { return v.IgnoreExpiry || v.AllowUnknownCA || v.IgnoreUsage }

// ClientAuth is what [Options.OnClientAuth] is asked about (E-27). Only Accept may be
// changed, and nothing kept but what is read from it.
//
// The call is part of the handshake. In a full one the client has not yet proved that it
// has the key of the certificate; crypto/tls makes sure of that right afterwards. So the
// answer is the place for a decision, and nothing may be done in the client's name.
// Calls for different clients overlap, and each counts against the time for its handshake.
// A panic refuses the client.
//
// To know the client's address every handshake gets a clone of its host's configuration,
// half a kilobyte; it has the ticket keys, so sessions resume as without OnClientAuth.
type ClientAuth struct {
	// Chain is what the client sent, its certificate first (T-22); empty if it has none.
	Chain []*x509.Certificate
	// Verified are the chains to an authority that passed every check.
	Verified [][]*x509.Certificate
	// Status is nil if all is well, also when there is no certificate where none is
	// required. Else it says why not: [ErrNoClientCert], an error of x509, [ErrWeak],
	// [ErrRevoked] or [ErrNoCRL].
	Status error
	// Accept is whether the client gets in: at first Status == nil.
	Accept bool
	// ServerName is what the client called the server, HostTag the tag of the host.
	ServerName, HostTag string
	// Remote is the address of the client.
	Remote net.Addr
	// Resumed says that the session, and the certificate with it, is an earlier one's.
	Resumed bool
}

// PanicError is a panic of a function of the program that was called in a handshake.
// The error of the handshake wraps it.
type PanicError struct {
	Func  string // such as "OnClientAuth"
	Value any
	Stack []byte
}

// Error has the name of the function and the value.
func (e *PanicError) Error() string { return fmt.Sprintf("hosts: %s: panic: %v", e.Func, e.Value) }

// guard checks the clients of one tls.Config. It is made from a configuration that means
// what crypto/tls says of it, and takes over the part about clients.
type guard struct {
	*policy
	name, tag  string // of the host
	mode       tls.ClientAuthType
	own        bool // we do the check, not crypto/tls
	roots      *x509.CertPool
	verifyPeer func([][]byte, [][]*x509.Certificate) error
	next       func(tls.ConnectionState) error
}

// seal has clients and ciphers checked by us; what the configuration would have called is
// called afterwards. The function that it returns gives the configuration for a hello;
// it is nil if all connections may share c.
//
// crypto/tls goes on checking what it can, as it tells clients more exactly what is
// wrong: unknown_ca, certificate_expired and certificate_required where our refusal, in
// VerifyConnection, is always bad_certificate. It can not be overruled, so with
// OnClientAuth, or something to ignore, the check is ours. OnClientAuth also gets it where
// a template asks without checking.
func (p *policy) seal(c *tls.Config, e *Entry) func(*tls.Config, *tls.ClientHelloInfo) *tls.Config {
	g := &guard{policy: p, mode: c.ClientAuth, roots: c.ClientCAs, next: c.VerifyConnection, name: "server"}
	if e != nil {
		g.name, g.tag = label(e.index, e.host.Tag), e.host.Tag
	}
	asked := c.ClientAuth != tls.NoClientCert
	asking := asked && p.opts.OnClientAuth != nil
	if g.own = asking || c.ClientAuth >= tls.VerifyClientCertIfGiven && p.opts.Verify.relaxed(); g.own {
		g.verifyPeer, c.VerifyPeerCertificate = c.VerifyPeerCertificate, nil
		c.ClientAuth = tls.RequestClientCert
		if requires(g.mode) && !asking {
			c.ClientAuth = tls.RequireAnyClientCert
		}
	}
	if asked || p.strength > least13 {
		c.VerifyConnection = func(cs tls.ConnectionState) error { return g.verify(c, cs, nil) }
	}
	if asking || p.strength > least13 {
		return g.config
	}
	return nil
}

// config returns what a connection uses, which is c or a clone of it. A clone has the
// ticket keys of c, so sessions resume.
func (g *guard) config(c *tls.Config, hello *tls.ClientHelloInfo) *tls.Config {
	asking := g.own && g.opts.OnClientAuth != nil
	old := g.strength > least13 && chooseTLS12(c, hello)
	if !asking && !old {
		return c
	}
	clone := c.Clone()
	if old {
		clone.MaxVersion = tls.VersionTLS12
	}
	if asking && hello.Conn != nil {
		remote := hello.Conn.RemoteAddr()
		clone.VerifyConnection = func(cs tls.ConnectionState) error { return g.verify(clone, cs, remote) }
	}
	return clone
}

// chooseTLS12 says whether a client that would get AES-128 in TLS 1.3 can have better in
// TLS 1.2.
func chooseTLS12(c *tls.Config, hello *tls.ClientHelloInfo) bool {
	return c.MinVersion <= tls.VersionTLS12 &&
		(c.MaxVersion == 0 || c.MaxVersion >= tls.VersionTLS13) &&
		slices.Contains(hello.SupportedVersions, tls.VersionTLS13) &&
		slices.Contains(hello.SupportedVersions, tls.VersionTLS12) &&
		slices.Contains(hello.CipherSuites, tls.TLS_AES_128_GCM_SHA256) &&
		slices.ContainsFunc(hello.CipherSuites, func(id uint16) bool { return slices.Contains(c.CipherSuites, id) })
}

// verify is VerifyConnection: it runs in full handshakes and in resumed ones.
func (g *guard) verify(c *tls.Config, cs tls.ConnectionState, remote net.Addr) error {
	if err := g.checkStrength(cs); err != nil {
		return err
	}
	var err error
	switch {
	case g.own:
		err = g.decide(c, &cs, remote)
	case g.mode >= tls.VerifyClientCertIfGiven && len(cs.PeerCertificates) > 0:
		_, err = g.passing(c, cs.VerifiedChains)
		err = g.refusal(err)
	}
	if err != nil || g.next == nil {
		return err
	}
	return g.next(cs)
}

// decide checks the client, asks the program, and calls the template's
// VerifyPeerCertificate as crypto/tls would have.
func (g *guard) decide(c *tls.Config, cs *tls.ConnectionState, remote net.Addr) error {
	verified, status := g.check(c, cs.PeerCertificates)
	cs.VerifiedChains = verified
	if err := g.ask(cs, status, remote); err != nil {
		return err
	}
	if g.verifyPeer == nil || cs.DidResume {
		return nil
	}
	raw := make([][]byte, len(cs.PeerCertificates))
	for i, cert := range cs.PeerCertificates {
		raw[i] = cert.Raw
	}
	// It may not have thought of accepted clients without a chain.
	var err error
	if p := call("VerifyPeerCertificate", func() { err = g.verifyPeer(raw, verified) }); p != nil {
		return p
	}
	return err
}

// ask has the program decide, if it wants to.
func (g *guard) ask(cs *tls.ConnectionState, status error, remote net.Addr) error {
	f := g.opts.OnClientAuth
	if f == nil {
		return g.refusal(status)
	}
	a := &ClientAuth{
		Chain: slices.Clone(cs.PeerCertificates), Verified: cs.VerifiedChains, Status: status, Accept: status == nil,
		ServerName: cs.ServerName, HostTag: g.tag, Remote: remote, Resumed: cs.DidResume,
	}
	if err := call("OnClientAuth", func() { f(a) }); err != nil {
		return g.refusal(err)
	}
	switch {
	case a.Accept:
		return nil
	case status == nil:
		return fmt.Errorf("%w: %s: by OnClientAuth", ErrClientRefused, g.name)
	}
	return g.refusal(status)
}

// refusal is the error of a handshake.
func (g *guard) refusal(status error) error {
	if status == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", ErrClientRefused, g.name, status)
}
