package wsserver

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/forwarded"
)

// inForce is the configuration at work. It never changes: Update puts another one in its
// place. A connection keeps the one that it was accepted under, up to its client.
type inForce struct {
	cfg      Config           // complete
	rules    *admit.Rules     // nil: the addresses of clients do not matter
	forward  *forwarded.Rules // nil: no header names clients
	common   site             // without hosts
	sites    []*site          // by hosts.Entry.Index; nil for those that are disabled
	bindings map[string]*banner.Gate
	pending  chan struct{} // a slot for each connection in handshake
	over     chan struct{} // closed when another one is in force
	engine   *engine.Engine
	pages    *pageServer
	examined bool // see examines
}

// compile makes everything of a configuration but the rules of addresses, which may need
// a resolver. Nothing of it is in force before publish. old is nil in New.
func (s *core) compile(c Config, old *inForce) (*inForce, error) {
	if old == nil {
		old = new(inForce)
	}
	in := &inForce{cfg: c, rules: old.rules, examined: s.examines(&c), over: make(chan struct{})}
	var errs [3]error
	in.forward, errs[0] = c.forwardRules()
	in.bindings, errs[1] = s.bindingGates(&c, old.bindings)
	errs[2] = s.initSites(in)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if old.engine == nil {
		in.engine = engine.New(s.engineConfig(&c))
	} else {
		in.engine = old.engine.With(s.engineConfig(&c))
	}
	if in.pending = old.pending; cap(in.pending) != c.MaxPending {
		in.pending = make(chan struct{}, c.MaxPending) // those in handshake keep their old slots
	}
	if in.pages = old.pages; in.pages == nil || !in.pages.suits(&c) {
		in.pages = s.newPageServer(&c)
	}
	return in, nil
}

// publish puts in, whose rules are complete, into force; false when the server is closing.
func (s *core) publish(in *inForce) bool {
	if in.forward != nil {
		in.forward.Trusted = in.rules.Trusts
	}
	old, ok := s.swap(in)
	if ok && old != nil && old.pages != in.pages {
		old.pages.retire()
	}
	return ok
}

// swap does what publish does under the lock.
func (s *core) swap(in *inForce) (old *inForce, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, false
	}
	for name, g := range in.bindings {
		_ = g.SetMaxClients(in.cfg.MaxClientsByBinding[name]) // was checked
	}
	for _, t := range in.sites {
		if t != nil {
			_ = t.gate.SetMaxClients(t.hostLimit)
		}
	}
	if old = s.in.Swap(in); old != nil {
		close(old.over)
	}
	if old != nil && old.pages != in.pages {
		list := slices.DeleteFunc(slices.Clone(s.pages.retired), func(p *pageServer) bool { return p.open.Load() == 0 })
		s.pages.retired = append(list, old.pages)
	}
	return old, true
}

// resolveTime bounds how long New looks up the names in lists.
const resolveTime = 10 * time.Second

// initForce puts the first configuration into force.
func (s *core) initForce(c Config) error {
	if s.hosts != nil {
		s.hostGates = make([]*banner.Gate, len(c.Hosts))
		for i := range s.hostGates {
			s.hostGates[i], _ = banner.NewGate(banner.Policy{}) // which is valid
		}
	}
	in, err := s.compile(c, nil)
	if c.judges() {
		ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
		defer cancel()
		rules, rerr := s.newRules(ctx, &c)
		if err = errors.Join(err, rerr); err == nil {
			in.rules = rules
		}
	}
	if err != nil {
		return err
	}
	s.publish(in)
	return nil
}
