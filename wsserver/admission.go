package wsserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/multilisten"
)

// held is what a connection holds of the limits that few configurations have. All
// methods take nil for nothing.
type held struct {
	ticket admit.Ticket
	place  banner.Place // under MaxClientsByBinding
}

// release gives everything back; once is enough, more does no harm.
func (h *held) release() {
	if h != nil {
		h.ticket.Release()
		h.place.Leave()
	}
}

// leave gives back the place alone.
func (h *held) leave() {
	if h != nil {
		h.place.Leave()
	}
}

func (h *held) hasTicket() bool { return h != nil && h.ticket.Held() }

// policy is the part of the configuration that package admit puts into practice.
func (c *Config) policy() admit.Policy {
	return admit.Policy{
		AllowedClients: c.AllowedClients, AllowedFile: c.AllowedFile,
		DeniedClients: c.DeniedClients, DeniedFile: c.DeniedFile,
		TrustedProxies: c.TrustedProxies, ExemptClients: c.ExemptClients,
		MaxPerIP: c.MaxPerIP, IPv4Prefix: c.IPv4Prefix, IPv6Prefix: c.IPv6Prefix,
		AcceptRate: c.AcceptRate, HandshakeRate: c.HandshakeRate, TotalAcceptRate: c.TotalAcceptRate,
		MaxTracked: c.MaxTracked, AutoBan: c.AutoBan, MaxBans: c.MaxBans,
	}
}

// cloneAdmission makes the lists the Config's own. An empty one is as good as none.
func (c *Config) cloneAdmission() {
	for _, l := range []*[]string{&c.AllowedClients, &c.DeniedClients, &c.TrustedProxies, &c.ExemptClients} {
		*l = append([]string(nil), *l...)
	}
}

// samePolicy reports whether two configurations have the same policy.
func samePolicy(a, b *Config) bool { return reflect.DeepEqual(a.policy(), b.policy()) }

// judges reports whether the addresses of clients matter at all.
func (c *Config) judges() bool { return !samePolicy(c, new(Config)) }

// newRules puts the policy of c into practice.
func (s *core) newRules(ctx context.Context, c *Config) (*admit.Rules, error) {
	r, err := admit.New(ctx, c.policy(), admit.Options{OnBan: func(b admit.Ban) {
		if n, ok := s.passes(lineBanned, slog.LevelWarn); ok {
			s.log.Warn("banned", logkey.Code, ReasonBanned.Code(), logkey.Prefix, b.Prefix.String(), logkey.Reason, b.Reason,
				logkey.Until, b.Until, logkey.LeftOut, n)
		}
	}})
	return r, policyError(err)
}

// policyError turns the errors of package admit about a policy into those of a Config,
// whose fields have the same names.
func policyError(err error) error {
	if err == nil {
		return nil
	}
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range list.Unwrap() {
			errs = append(errs, policyError(e))
		}
		return errors.Join(errs...)
	}
	if e, ok := errors.AsType[*admit.PolicyError](err); ok {
		return &ConfigError{e.Field, e.Err}
	}
	return err
}

// door judges a connection at once, before it gets a slot or a goroutine: a flood of
// those who are not let in costs next to nothing. That leaves out where user code is
// asked or told, which must not hold up the listener, and where a PROXY header has to be
// read first: admitted does it there. False means that the connection is closed.
func (s *core) door(l *listener, conn net.Conn, in *inForce) (*held, bool) {
	if in.rules == nil || s.cfg.Events.OnAcceptFilter != nil || s.cfg.Events.OnReject != nil {
		return nil, true
	}
	if _, ok := conn.(*multilisten.ProxyConn); ok {
		return nil, true
	}
	if l.spare == nil {
		l.spare = new(held)
	}
	h, remote := l.spare, addrPort(conn.RemoteAddr())
	if refusal := in.rules.Accept(&h.ticket, remote.Addr()); refusal.Refused() {
		s.turnAway(RejectInfo{
			Remote: remote, ClientIP: remote.Addr(), Local: addrPort(conn.LocalAddr()), Binding: l.name,
		}, refusal)
		reset(conn)
		return nil, false
	}
	l.spare = nil
	return h, true
}

// admitted judges the address of a connection, unless the door has done so.
func (s *core) admitted(a *arrival) bool {
	rules := a.in.rules
	if rules == nil || a.held.hasTicket() {
		return true
	}
	h := a.holds()
	refusal := rules.Accept(&h.ticket, a.remote.Addr())
	if refusal.Refused() {
		s.turnAway(s.rejection(a, 0, 0, ""), refusal)
		reset(a.raw)
		return false
	}
	return true
}

func (a *arrival) holds() *held {
	if a.held == nil {
		a.held = new(held)
	}
	return a.held
}

// turnAway reports a connection that is closed without an answer.
func (s *core) turnAway(info RejectInfo, refusal admit.Refusal) {
	info.Reason, info.Text, info.Setting, info.Err = reasonOf(refusal), refusal.Text(), refusal.Setting(), refusal
	s.reject(info)
}

// reset closes a connection so that nothing of it stays in the kernel.
func reset(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok { // whose Close would write
		conn = t.NetConn()
	}
	conn = below(conn)
	if l, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0)
	}
	_ = conn.Close()
}

// welcome judges the client of an upgrade, whom a trusted proxy may have named.
func (s *core) welcome(a *arrival) (Reason, *handshake.Error) {
	rules := a.in.rules
	if rules == nil {
		return 0, nil
	}
	refusal := rules.Handshake(&a.holds().ticket, a.clientIP())
	if !refusal.Refused() {
		return 0, nil
	}
	e := &handshake.Error{Status: refusal.Status(), Body: refusal.Text(), Setting: refusal.Setting(), Err: refusal}
	if refusal.RetryAfter > 0 && e.Status != http.StatusForbidden {
		seconds := (refusal.RetryAfter + time.Second - 1) / time.Second
		e.Header = http.Header{"Retry-After": {strconv.FormatInt(int64(seconds), 10)}}
	}
	return reasonOf(refusal), e
}

func reasonOf(r admit.Refusal) Reason {
	switch r.Reason {
	case admit.ReasonDenied:
		return ReasonDenied
	case admit.ReasonNotAllowed:
		return ReasonNotAllowed
	case admit.ReasonBanned:
		return ReasonBanned
	case admit.ReasonTooMany:
		return ReasonMaxPerIP
	case admit.ReasonNetwork:
		if r.RetryAfter == 0 {
			return ReasonMaxPerIP
		}
	}
	return ReasonRate
}

// offence counts a refusal that is the fault of the client for AutoBan. Connections that
// send nothing are none: browsers open some in advance. Nor is a TLS handshake that fails
// in order, as with a client that does not know our authority, nor a wrong PROXY header,
// which only those may send whom the configuration trusts.
func (s *core) offence(info *RejectInfo) {
	rules := s.in.Load().rules
	if rules == nil {
		return
	}
	switch info.Reason {
	case ReasonBadRequest:
	case ReasonTimeout:
		if info.Status != http.StatusRequestTimeout {
			return
		}
	case ReasonTLS:
		if _, garbage := errors.AsType[tls.RecordHeaderError](info.Err); !garbage {
			return
		}
	default:
		return
	}
	rules.Violation(info.ClientIP, info.Reason.String())
}

// bindingGates makes the gates of MaxClientsByBinding, or takes those that there are.
// Their limits are set when they come into force.
func (s *core) bindingGates(c *Config, old map[string]*banner.Gate) (map[string]*banner.Gate, error) {
	if len(c.MaxClientsByBinding) == 0 && len(old) == 0 {
		return nil, nil
	}
	bindings, _, _ := s.bindings()
	gates := make(map[string]*banner.Gate)
	var errs []error
	for name, limit := range c.MaxClientsByBinding {
		field := "MaxClientsByBinding[" + strconv.Quote(name) + "]"
		if !slices.ContainsFunc(bindings, func(b multilisten.Binding) bool { return bindingName(b) == name }) {
			errs = append(errs, configError(field, "no binding has that name"))
		}
		g, err := banner.NewGate(banner.Policy{MaxClients: limit})
		errs = append(errs, wrapField(field, err))
		gates[name] = g
	}
	for name, g := range old {
		gates[name] = g
	}
	return gates, errors.Join(errs...)
}

// bindingName is what a binding is called in logs and configurations.
func bindingName(b multilisten.Binding) string {
	if b.Name == "" {
		return b.Addr
	}
	return b.Name
}
