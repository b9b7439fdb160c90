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
	gate        *banner.Gate // of the host alone; nil without hosts
	hostLimit   int          // for gate
	gateSetting string
	origins     *handshake.Origins
	originsFrom string // the setting; empty for the server's
	compression client.Compression
	forward     *forward.Target // nil: none
}

// initSites makes the sites, with those of disabled hosts left out.
func (s *core) initSites(in *inForce) error {
	c := &in.cfg
	origins, err := parseOrigins(c.AllowedOrigins)
	in.common = site{banner: c.Banner, origins: origins, compression: c.Compression, forward: c.Forward}
	errs := []error{wrapField("AllowedOrigins", err)}
	if s.hosts == nil {
		return errors.Join(errs...)
	}
	in.sites = make([]*site, len(c.Hosts))
	for _, h := range s.hosts.Hosts() {
		own := in.common
		own.gate = s.hostGates[h.Index()]
		errs = append(errs, own.adopt(c, h))
		in.sites[h.Index()] = &own
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
		t.banner, t.hostLimit, t.gateSetting = p, p.MaxClients, field+".MaxClients"
	}
	if list := h.AllowedOrigins(); list != nil {
		var oerr error
		t.originsFrom = "Host.AllowedOrigins"
		t.origins, oerr = parseOrigins(list)
		err = errors.Join(err, wrapField(fmt.Sprintf("Hosts[%d].AllowedOrigins", h.Index()), oerr))
	}
	return err
}

// site returns what holds for a's host.
func (s *core) site(a *arrival) *site {
	if a.host == nil {
		return &a.in.common
	}
	return a.in.sites[a.host.Index()]
}

// takePlaces takes the places of a client: of its binding, in its host and in the server.
// With none free nothing is taken, and the setting that decided is returned.
func (s *core) takePlaces(a *arrival, adm *admission) (setting string) {
	t := s.site(a)
	if g := a.in.bindings[a.binding]; g != nil && a.index >= 0 {
		adm.held = a.holds()
		if g.Enter(&adm.held.place) != nil {
			return fmt.Sprintf("MaxClientsByBinding[%q]", a.binding)
		}
	}
	if t.gate != nil && t.gate.Enter(&adm.hostPlace) != nil {
		adm.held.leave()
		return t.gateSetting
	}
	if s.gate.Enter(&adm.place) != nil {
		adm.hostPlace.Leave()
		adm.held.leave()
		return "Banner.MaxClients"
	}
	return ""
}

// checkOrigin holds the origin of a request against the list of its host.
func (t *site) checkOrigin(req *handshake.Request, a *arrival) *handshake.Error {
	e := t.origins.CheckFor(req, a.authority(req), a.secure())
	if e != nil && e.Setting != "" && t.originsFrom != "" {
		e.Setting = t.originsFrom
	}
	return e
}

// parseOrigins compiles a list of origins.
func parseOrigins(list []string) (*handshake.Origins, error) {
	o, err := handshake.ParseOrigins(list)
	if e, ok := errors.AsType[*handshake.OriginError](err); ok {
		err = (*OriginError)(e)
	}
	return o, err
}
