package wsserver

import (
	"context"
	"errors"
	"reflect"

	"github.com/icsws/icsws/admit"
)

// ErrNotLive is in the [*ConfigError] of a field that Update may not change.
var ErrNotLive = errors.New("can not be changed while the server exists")

// liveFields are the fields of Config that Update may change (O-22). All others are what
// sockets, hosts, goroutines and user code have been built on.
var liveFields = map[string]bool{
	"Banner": true, "BannerByHost": true, "MaxClientsByBinding": true,
	"AllowedClients": true, "AllowedFile": true, "DeniedClients": true, "DeniedFile": true,
	"TrustedProxies": true, "ClientIPHeader": true, "ExemptClients": true,
	"MaxPerIP": true, "IPv4Prefix": true, "IPv6Prefix": true,
	"AcceptRate": true, "HandshakeRate": true, "TotalAcceptRate": true,
	"MaxTracked": true, "AutoBan": true, "MaxBans": true,
	"UnknownHost": true, "AllowedOrigins": true,
	"SubProtocols": true, "RequireSubProtocol": true, "HTTP": true, "Forward": true, "ForwardByHost": true,
	"MaxHeaderBytes": true, "MaxPending": true, "MaxHTTPConns": true, "HTTPTimeout": true,
	"HandshakeTimeout": true, "TLSHandshakeTimeout": true, "ShutdownTimeout": true, "Drain": true,
	"MaxMessageSize": true, "MaxFrameSize": true, "SendQueue": true, "MemoryBudget": true,
	"Compression": true, "CompressionByHost": true, "BandwidthLimit": true, "BandwidthSampling": true,
	"WriteTimeout": true, "CloseTimeout": true, "NoCloseWait": true, "CloseCode": true, "CloseReason": true,
	"PingInterval": true, "PongTimeout": true, "PingPayload": true, "DisablePong": true,
	"IdleTimeout": true, "MaxLifetime": true, "NewName": true,
}

// Config returns a copy of the configuration in force, in which no zero stands for a
// default save that of MaxMessageSize. Lists and maps are the caller's own; what pointers
// lead to must not be changed.
func (s *Server[T]) Config() Config { return s.core.config() }

// Update changes the configuration of a running server: change gets a copy of the one in
// force, as Config returns it, and what it makes of that is checked as a whole and put
// into force at once. With an error nothing changes.
//
// It holds for what comes from then on: for connections that are accepted, and for the
// clients that they become. Clients that are connected stay as they are, also those that
// would be refused now. Fields that are not live (docs/admission.md has the table) must
// stay as they are; the error is then a [*ConfigError] with [ErrNotLive] for each.
//
// If the rules of addresses change, names in lists are looked up, and files read, as New
// does; ctx bounds that, and the wait for other calls: one runs at a time. So change must
// not call Update, ReloadClients or Bans. It must not keep the configuration. A default
// that follows from another field is a value there, too: who changes SendQueue.MaxBytes
// sets HighWater and LowWater as well, or to zero. After Shutdown, Close or Abort the
// error is [ErrServerClosed].
func (s *Server[T]) Update(ctx context.Context, change func(*Config)) error {
	return s.core.update(ctx, change)
}

// ReloadClients looks up again the names in AllowedClients, DeniedClients, TrustedProxies
// and ExemptClients, and reads AllowedFile and DeniedFile again. With an error nothing
// changes. Clients that are connected stay.
func (s *Server[T]) ReloadClients(ctx context.Context) error { return s.core.reloadClients(ctx) }

// Bans returns the bans of the server, those of Config.AutoBan and the program's own: who
// is banned can not connect, and gets 403 behind a trusted proxy. Clients that are
// connected stay. The set stays the same for the life of the server.
func (s *Server[T]) Bans() *admit.Bans { return s.core.bans() }

// turn waits for the right to change what is in force.
func (s *core) turn(ctx context.Context) error {
	select {
	case s.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errorf("wsserver: %w", context.Cause(ctx))
	}
}

func (s *core) config() Config {
	c := cloneConfig(s.in.Load().cfg)
	c.Banner.MaxClients = s.gate.MaxClients() // SetMaxClients has changed it
	return c
}

func (s *core) update(ctx context.Context, change func(*Config)) error {
	if err := s.turn(ctx); err != nil {
		return err
	}
	defer func() { <-s.turns }()
	old, c := s.in.Load(), s.config()
	limit := c.Banner.MaxClients
	change(&c)
	if c.Drain.Window == 0 && old.cfg.Drain.Window != 0 {
		c.Drain = Drain{} // without a window the defaults of the rest mean nothing
	}
	c = cloneConfig(c).withDefaults()
	if err := notLive(&old.cfg, &c); err != nil {
		return err
	}
	if err := errors.Join(c.checkMessages(s.pieces), c.check()); err != nil {
		return err
	}
	next, err := s.compile(c, old)
	if err != nil {
		return err
	}
	if err := s.updateRules(ctx, next, old); err != nil {
		return err
	}
	if !s.publish(next) {
		return ErrServerClosed
	}
	if n := c.Banner.MaxClients; n != limit {
		_ = s.gate.SetMaxClients(n) // was checked
	}
	s.log.Info("configuration changed")
	return nil
}

// updateRules is the last part of an update that may fail.
func (s *core) updateRules(ctx context.Context, next, old *inForce) (err error) {
	switch {
	case s.isClosing():
		return ErrServerClosed
	case samePolicy(&next.cfg, &old.cfg):
	case old.rules != nil:
		err = policyError(old.rules.Update(ctx, next.cfg.policy()))
	default:
		next.rules, err = s.newRules(ctx, &next.cfg)
	}
	return err
}

func (s *core) reloadClients(ctx context.Context) error {
	if err := s.turn(ctx); err != nil {
		return err
	}
	defer func() { <-s.turns }()
	if rules := s.in.Load().rules; rules != nil {
		return policyError(rules.Reload(ctx))
	}
	return nil
}

func (s *core) bans() *admit.Bans {
	if rules := s.in.Load().rules; rules != nil {
		return rules.Bans()
	}
	s.turns <- struct{}{}
	defer func() { <-s.turns }()
	in := *s.in.Load()
	if in.rules == nil {
		in.rules, _ = s.newRules(context.Background(), &in.cfg) // of no policy: there is nothing to fail
		s.mu.Lock()
		s.in.Store(&in)
		s.mu.Unlock()
	}
	return in.rules.Bans()
}

// notLive returns an error for each field that has changed and may not.
func notLive(old, now *Config) error {
	var errs []error
	a, b := reflect.ValueOf(old).Elem(), reflect.ValueOf(now).Elem()
	for i := range a.NumField() {
		if name := a.Type().Field(i).Name; !liveFields[name] && !same(a.Field(i), b.Field(i)) {
			errs = append(errs, &ConfigError{name, ErrNotLive})
		}
	}
	return errors.Join(errs...)
}
