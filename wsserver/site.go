package wsserver

import (
	"errors"
	"fmt"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/handshake"
)

// site is what holds for the clients of one virtual host: its own where the
// configuration has something for it, else the server's.
type site struct {
	banner      banner.Policy
	gate        *banner.Gate // of the host alone; nil without Config.BannerByHost
	gateSetting string
	origins     *handshake.Origins
	originsFrom string // the setting; empty for the server's
	compression client.Compression
	forward     *forward.Target // nil: none
}

// initSites makes the sites, with those of disabled hosts left out.
func (s *core) initSites() error {
	origins, err := handshake.ParseOrigins(s.cfg.AllowedOrigins)
	s.common = site{banner: s.cfg.Banner, origins: origins, compression: s.cfg.Compression, forward: s.cfg.Forward}
	errs := []error{wrapField("AllowedOrigins", err)}
	if s.hosts == nil {
		return errors.Join(errs...)
	}
	s.sites = make([]*site, len(s.cfg.Hosts))
	for _, h := range s.hosts.Hosts() {
		own := s.common
		errs = append(errs, own.adopt(&s.cfg, h))
		s.sites[h.Index()] = &own
	}
	return errors.Join(errs...)
}

// adopt takes over what the configuration has for h.
func (t *site) adopt(c *Config, h *hosts.Entry) (err error) {
	if z, ok := c.CompressionByHost[h.Tag()]; ok {
		t.compression = z
	}
	if f, ok := c.ForwardByHost[h.Tag()]; ok {
		t.forward = f
	}
	if p, ok := c.BannerByHost[h.Tag()]; ok {
		field := fmt.Sprintf("BannerByHost[%q]", h.Tag())
		t.banner, t.gateSetting = p, field+".MaxClients"
		t.gate, err = banner.NewGate(p)
		err = wrapField(field, err)
	}
	if list := h.AllowedOrigins(); list != nil {
		var oerr error
		t.originsFrom = "Host.AllowedOrigins"
		t.origins, oerr = handshake.ParseOrigins(list)
		err = errors.Join(err, wrapField(fmt.Sprintf("Hosts[%d].AllowedOrigins", h.Index()), oerr))
	}
	return err
}

// site returns what holds for a's host.
func (s *core) site(a *arrival) *site {
	if a.host == nil {
		return &s.common
	}
	return s.sites[a.host.Index()]
}

// takePlaces takes the places of a client, in its host and in the server. With none free
// nothing is taken, and the setting that decided is returned.
func (s *core) takePlaces(t *site, adm *admission) (setting string) {
	if t.gate != nil && t.gate.Enter(&adm.hostPlace) != nil {
		return t.gateSetting
	}
	if s.gate.Enter(&adm.place) != nil {
		adm.hostPlace.Leave()
		return "Banner.MaxClients"
	}
	return ""
}

// checkOrigin holds the origin of a request against the list of its host.
func (t *site) checkOrigin(req *handshake.Request, tls bool) *handshake.Error {
	e := t.origins.Check(req, tls)
	if e != nil && e.Setting != "" && t.originsFrom != "" {
		e.Setting = t.originsFrom
	}
	return e
}
