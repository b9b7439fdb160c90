package acme

import (
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/icsws/icsws/hosts"
)

// Issuer obtains and renews certificates from an authority that speaks ACME (H-37).
// Make it with [New] and give it to one set of hosts, as hosts.Options.Issuer. All
// methods may be called from any goroutine.
type Issuer struct {
	cfg       Config
	log       *slog.Logger // for what belongs to no host
	vault     *vault
	authority authority
	answers   *answers
	limiter   limiter
	asking    chan struct{} // held while the storage is asked for another's answer
	warned    atomic.Int64  // second in which it was last told that this fails
	unwarned  atomic.Uint64 // how often it was not, since then
	demand    demand

	orders atomic.Pointer[orders] // nil before Run
	life   life
}

var _ hosts.Issuer = (*Issuer)(nil)

// New checks the configuration, which is copied. Nobody is asked and nothing is stored
// before [Issuer.Run]. The error is a [*ConfigError].
func New(c Config) (*Issuer, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	log := c.Logger.WithGroup("cert")
	i := &Issuer{
		cfg:     c,
		log:     log,
		vault:   &vault{c.Storage, authorityName(c.Directory), log},
		answers: newAnswers(),
		asking:  make(chan struct{}, 8),
	}
	i.authority = newClient(&i.cfg, i.vault, i.answers)
	i.demand.init(i)
	return i, nil
}

// life is from the beginning of Run to its end. Adding a job and the end share one lock,
// so that none is added while Run waits for the last.
type life struct {
	mu    sync.Mutex      // guards the following
	ctx   context.Context // of Run; nil before
	ended bool
	jobs  sync.WaitGroup
}

func (l *life) begin(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx != nil {
		return ErrRunning
	}
	l.ctx = ctx
	return nil
}

// start runs job on a goroutine of its own, which Run waits for.
func (l *life) start(job func(ctx context.Context)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil || l.ended || l.ctx.Err() != nil {
		return ErrNotRunning
	}
	l.jobs.Go(func() { job(l.ctx) })
	return nil
}

func (l *life) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.jobs.Wait()
}

// Run delivers what the storage has, orders the rest and renews everything in time,
// until ctx ends; then it gives up what is going on and returns nil, with nothing left
// running (H-47). Failed attempts are repeated after Config.Backoff. At most 16 hosts
// are ordered for at once and 10 orders begun in 10 seconds. It is called once; the
// second time the error is [ErrRunning].
func (i *Issuer) Run(ctx context.Context, list []hosts.Order) error {
	if err := i.life.begin(ctx); err != nil {
		return err
	}
	list = slices.Clone(list)
	i.orders.Store(newOrders(list))
	var keepers []*keeper
	for n := range list {
		if o := &list[n]; !o.OnDemand && len(o.Names) > 0 {
			keepers = append(keepers, newKeeper(i, o, o.Names))
		}
	}
	newSchedule(i, keepers).run(ctx)
	i.life.end()
	i.authority.close()
	return nil
}

// DemandCert returns the certificate for a name of a host with OnDemand: from memory,
// or after Config.Allow agreed from the storage or the authority. Handshakes for one
// name wait for one order, each as long as hello.Context lasts; the order goes on
// without them, so that a handshake that was too impatient succeeds the next time. At
// most 64 names wait, and 16 are ordered at once. A name that failed is not tried again
// before its pause is over.
//
// A certificate that is due is renewed in the background, when a handshake asks for it;
// one that nobody asks for is not renewed. The error is [ErrNotAllowed], [ErrBusy],
// [ErrNotRunning], an [*OrderError] or the context's.
func (i *Issuer) DemandCert(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	ctx := hello.Context()
	if ctx == nil { // a hello that no connection belongs to
		ctx = context.Background()
	}
	return i.demand.get(ctx, hello.ServerName)
}
