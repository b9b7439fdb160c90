package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
)

const (
	// atOnce is how many connections are opened without --ramp, or closed, at the same time.
	atOnce = 128
	// drainTime bounds the wait for answers at the end.
	drainTime = 5 * time.Second
	// closeTime bounds the closing handshakes.
	closeTime = 5 * time.Second
)

// bench is one run.
type bench struct {
	o         *options
	d         dial.Options
	stock     *stock
	clock     clock
	shards    []*shard
	measuring atomic.Bool

	mu        sync.Mutex // guards the following
	open      []*peer
	tried     int
	connect   hist
	stages    map[string]*hist
	failed    map[string]*failure
	lost      map[string]*failure
	ending    bool // connections that end now are ended by us
	live      int
	phase     string
	began     time.Time
	measured  time.Duration
	inTime    figures // when the sending ended
	allClosed chan struct{}
}

// failure is one way in which connections fail.
type failure struct {
	Count int      `json:"count"`
	Text  string   `json:"text"` // of the first
	code  cli.Code // for the program
}

func newBench(o *options, d dial.Options) *bench {
	b := &bench{
		o: o, d: d, stock: newStock(o), stages: make(map[string]*hist), failed: make(map[string]*failure), lost: make(map[string]*failure),
		phase: "connecting", began: time.Now(), allClosed: make(chan struct{}),
	}
	for range min(4*runtime.GOMAXPROCS(0), o.connections) {
		b.shards = append(b.shards, new(shard))
	}
	return b
}

// run goes through the phases. ctx ends them early.
func (b *bench) run(ctx context.Context) {
	b.connectAll(ctx)
	if ctx.Err() == nil && len(b.open) > 0 {
		b.measure(ctx)
	}
	b.closeAll(ctx)
}

// connectAll makes one attempt for each connection and waits for all of them.
func (b *bench) connectAll(ctx context.Context) {
	begun, most := time.Now(), atOnce
	if b.o.ramp > 0 { // it says how many
		most = b.o.connections
	}
	places := make(chan struct{}, most)
	var all sync.WaitGroup
	for i := range b.o.connections {
		if b.o.ramp > 0 {
			pause(ctx, time.Until(begun.Add(time.Duration(float64(i)/b.o.ramp*float64(time.Second)))))
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-places }()
			b.connectOne(ctx, i)
		})
	}
	all.Wait()
}

// pause waits, if d is more than nothing.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (b *bench) connectOne(ctx context.Context, i int) {
	p := &peer{b: b, i: i, shard: b.shards[i%len(b.shards)], ring: make([]sent, b.o.depth)}
	p.conn = dial.New(b.d, dial.Handler{
		NewClient: func(dial.OpenInfo) (client.Client, error) { return p, nil },
		OnOpen:    func(*dial.Conn, dial.OpenInfo) error { b.opened(p); return nil },
		OnClose:   func(_ *dial.Conn, i client.CloseInfo) { b.ended(p, i) },
	})
	start := time.Now()
	info, err := p.conn.Connect(ctx)
	took := time.Since(start)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.tried++
		b.connect.record(took)
		b.stage("resolve", info.Timing.Resolve)
		b.stage("connect", info.Timing.Connect)
		b.stage("proxy", info.Timing.Proxy)
		b.stage("tls", info.Timing.TLS)
		b.stage("handshake", info.Timing.Handshake)
		return
	}
	if ctx.Err() != nil { // it has not failed
		return
	}
	b.tried++
	reason, code := reasonOf(err)
	note(b.failed, reason, err.Error(), code)
}

// opened counts before a loss of the connection can.
func (b *bench) opened(p *peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = append(b.open, p)
	b.live++
}

func (b *bench) stage(name string, took time.Duration) {
	if took == 0 {
		return
	}
	if b.stages[name] == nil {
		b.stages[name] = new(hist)
	}
	b.stages[name].record(took)
}

func reasonOf(err error) (string, cli.Code) {
	e, ok := errors.AsType[*dial.DialError](err)
	if !ok {
		return dial.ReasonOther.Code(), cli.Failed
	}
	reason := e.Reason.Code()
	if e.Reason == dial.ReasonStatus {
		reason += fmt.Sprintf(" %d", e.HTTPStatus)
	}
	return reason, reach.CodeOfDial(e)
}

func note(to map[string]*failure, reason, text string, code cli.Code) {
	if to[reason] == nil {
		to[reason] = &failure{Text: cli.Printable(text), code: code}
	}
	to[reason].Count++
}

// ended counts a connection that has ended by itself.
func (b *bench) ended(p *peer, i client.CloseInfo) {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live--
	if b.ending {
		return
	}
	text := i.Code.String()
	if i.Reason != "" {
		text += fmt.Sprintf(" %q", i.Reason)
	}
	if i.Code == client.StatusAbnormal {
		text = i.Cause.Error()
	}
	note(b.lost, i.Why(), text, reach.CodeOfClose(i))
	if b.live == 0 && b.measuring.Load() {
		close(b.allClosed)
	}
}

// measure is the phase that counts.
func (b *bench) measure(ctx context.Context) {
	b.mu.Lock()
	open := b.open // no more are added
	b.clock.begin(b.o.rate, b.o.connections, open)
	b.phase, b.began = "measuring", b.clock.start
	b.measuring.Store(true)
	alone := b.live == 0 // all were lost already
	b.mu.Unlock()
	if alone {
		return
	}
	sending, stop := context.WithTimeout(ctx, b.o.duration)
	defer stop()
	var all sync.WaitGroup
	switch {
	case b.o.listens():
	case b.o.rate > 0:
		by := min(runtime.GOMAXPROCS(0), len(open))
		for first := range by {
			all.Go(func() { b.clock.run(sending, open, first, by) })
		}
	default:
		for _, p := range open {
			p.allow(endless)
		}
	}
	select {
	case <-sending.Done():
	case <-b.allClosed:
		stop()
	}
	all.Wait()
	b.clock.settle(open, min(b.clock.now(), b.o.duration))
	b.finish(ctx, open)
}

// finish takes the figures of the phase, and waits for what is unanswered.
func (b *bench) finish(ctx context.Context, open []*peer) {
	b.mu.Lock()
	b.measured = b.clock.now()
	b.inTime = b.total()
	b.phase, b.began = "waiting for answers", time.Now()
	b.mu.Unlock()
	if b.o.listens() {
		b.measuring.Store(false)
		return
	}
	for _, p := range open {
		p.stop()
	}
	drain, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for drain.Err() == nil && b.waits(open) {
		pause(drain, 10*time.Millisecond)
	}
}

// waits tells whether a connection that is open has unanswered messages.
func (b *bench) waits(open []*peer) bool {
	for _, p := range open {
		unanswered, unsent := p.unanswered()
		p.mu.Lock()
		closed := p.closed && p.due != endless
		p.mu.Unlock()
		if unanswered+unsent > 0 && !closed && p.Connected() {
			return true
		}
	}
	return false
}

// total adds the shards up.
func (b *bench) total() (f figures) {
	for _, s := range b.shards {
		s.mu.Lock()
		f.add(&s.figures)
		s.mu.Unlock()
	}
	return f
}

// closeAll does the closing handshakes.
func (b *bench) closeAll(ctx context.Context) {
	b.mu.Lock()
	b.ending = true
	b.phase, b.began = "closing", time.Now()
	open := b.open
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, p := range open {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			_ = p.conn.Stop(ctx, client.StatusNormalClosure, "")
			<-p.conn.Done()
		})
	}
	all.Wait()
}
