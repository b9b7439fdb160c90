package wsserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/link"
)

// AttachPump has the events of all clients run on l, of those that are connected from
// their next event on, and of those to come (E-24); nil stands for a goroutine of each
// client's own. With tags it is about the clients of these hosts only, and without it is
// not about clients of hosts for which it, DetachPump or Config.PumpByHost has said
// something. Clients that have called AttachPump or DetachPump themselves stay where they
// are.
//
// It may be called at any time and in events; nothing is lost, comes twice or changes its
// order, see client.Base.AttachPump. The error is client.ErrNoLoop, client.ErrLoopClosed,
// or a [*ConfigError] for a tag that no host has; then nothing is changed.
func (s *Server[T]) AttachPump(l client.Loop, tags ...string) error {
	inside, err := insideOf(l)
	if err != nil {
		return err
	}
	return s.core.setPump(pump{loop: inside}, tags)
}

// DetachPump lets the events of all clients, or of those of the hosts with these tags,
// wait until AttachPump is called, see client.Base.DetachPump (E-25). That is also true
// for clients to come.
func (s *Server[T]) DetachPump(tags ...string) error {
	return s.core.setPump(pump{detached: true}, tags)
}

// pumps say where events run. core.mu guards the values, order is held while they
// change.
type pumps struct {
	order  sync.Mutex
	server pump
	byHost map[string]pump // by tag
	late   *time.Timer     // see rescueLater
}

// pump is where the events of some clients run. The zero value is each client's own
// goroutine.
type pump struct {
	loop     link.Loop
	detached bool
}

// insideOf returns what the engine wants to have of l, nil for nil.
func insideOf(l client.Loop) (link.Loop, error) {
	if l == nil {
		return nil, nil
	}
	inside := link.LoopOf(l)
	if inside == nil {
		return nil, client.ErrNoLoop
	}
	return inside, nil
}

func (s *core) initPumps() {
	s.pumps.server.loop, _ = insideOf(s.cfg.Pump)
	s.pumps.byHost = make(map[string]pump)
	for tag, l := range s.cfg.PumpByHost {
		inside, _ := insideOf(l)
		s.pumps.byHost[tag] = pump{loop: inside}
	}
}

func (c *Config) checkPumps() error {
	_, err := insideOf(c.Pump)
	errs := []error{wrapField("Pump", err)}
	for tag, l := range c.PumpByHost {
		_, err := insideOf(l)
		errs = append(errs, wrapField(fmt.Sprintf("PumpByHost[%q]", tag), err), checkPumpTag(tag, c.Hosts))
	}
	return errors.Join(errs...)
}

func checkPumpTag(tag string, list []hosts.Host) error {
	if slices.ContainsFunc(list, func(h hosts.Host) bool { return h.Tag == tag }) {
		return nil
	}
	return configError(fmt.Sprintf("PumpByHost[%q]", tag), "no host has that tag")
}

// setPump changes where the events of all, or of the clients of some hosts, run.
func (s *core) setPump(p pump, tags []string) error {
	for _, tag := range tags {
		if err := checkPumpTag(tag, s.cfg.Hosts); err != nil {
			return err
		}
	}
	if p.loop != nil {
		if !p.loop.Join(nobody{}) {
			return client.ErrLoopClosed
		}
		p.loop.Leave(nobody{})
	}
	for _, sess := range s.reseat(p, tags) {
		endUnseated(sess, client.ErrLoopClosed)
	}
	return nil
}

// reseat does the work of setPump, and returns clients whose loop was closed meanwhile.
func (s *core) reseat(p pump, tags []string) (unseated []*engine.Session) {
	s.pumps.order.Lock()
	defer s.pumps.order.Unlock()
	s.mu.Lock()
	if len(tags) == 0 {
		s.pumps.server = p
	}
	for _, tag := range tags {
		s.pumps.byHost[tag] = p
	}
	byHost := maps.Clone(s.pumps.byHost)
	list := s.runningLocked()
	s.mu.Unlock()
	for _, sess := range list {
		tag := sess.Link.HostTag
		_, named := byHost[tag]
		if sess.Client == nil || relayOf(sess) != nil || named && len(tags) == 0 || len(tags) > 0 && !slices.Contains(tags, tag) {
			continue
		}
		if errors.Is(p.seat(sess), client.ErrLoopClosed) {
			unseated = append(unseated, sess)
		}
	}
	return unseated
}

// nobody has a seat and no events.
type nobody struct{}

func (nobody) Run(int) (int, bool) { return 0, false }
func (nobody) Room()               {}
func (nobody) Closed()             {}

// seat puts a client where p says.
func (p pump) seat(sess *engine.Session) error {
	if p.detached {
		sess.Unseat()
		return nil
	}
	return sess.Seat(p.loop)
}

// seatLocked puts a client that is about to start where its server or host says.
func (s *core) seatLocked(sess *engine.Session) error {
	p, named := s.pumps.byHost[sess.Link.HostTag]
	if !named {
		p = s.pumps.server
	}
	if sess.Client == nil || p == (pump{}) || relayOf(sess) != nil {
		return nil
	}
	return p.seat(sess)
}

// endUnseated closes a client whose loop was closed.
func endUnseated(sess *engine.Session, err error) {
	if errors.Is(err, client.ErrLoopClosed) {
		_ = sess.CloseWith(client.StatusGoingAway, "", false, err)
	}
}

// choose puts a client where its NewClient says.
func choose(sess *engine.Session, l client.Loop) error {
	inside, err := insideOf(l)
	if err != nil || inside == nil {
		return err
	}
	return sess.Choose(inside)
}

// rescue has the last events of all clients run although their loops do not.
func (s *core) rescue() { s.in.Load().engine.Rescue(s.running) }

// rescueLater is rescue for an end that nobody waits for.
func (s *core) rescueLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pumps.late == nil {
		s.pumps.late = time.AfterFunc(s.in.Load().cfg.ShutdownTimeout, s.rescue)
	}
}

func (s *core) stopRescueLocked() {
	if s.pumps.late != nil {
		s.pumps.late.Stop()
	}
}
