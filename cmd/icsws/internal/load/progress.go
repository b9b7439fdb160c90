package load

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// progress tells how things are, until end is called.
type progress struct {
	w     io.Writer
	b     *bench
	line  bool // one line is written anew; else one after the other
	every time.Duration

	stop chan struct{}
	all  sync.WaitGroup

	before *figures
	at     time.Time
}

func startProgress(env *cli.Env, b *bench) *progress {
	p := &progress{w: env.Stderr, b: b, line: cli.IsTerminal(env.Stderr) && env.Getenv("TERM") != "dumb", every: 5 * time.Second, stop: make(chan struct{})}
	if p.line {
		p.every = time.Second / 2
	}
	if !b.o.quiet {
		p.before, p.at = new(figures), time.Now()
		p.all.Go(p.run)
	}
	return p
}

// end waits until nothing more is written.
func (p *progress) end() {
	close(p.stop)
	p.all.Wait()
}

func (p *progress) run() {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.stop:
			if p.line {
				_, _ = io.WriteString(p.w, "\r\x1b[K")
			}
			return
		}
		text := p.text()
		if p.line {
			text = "\r\x1b[K" + text
		} else {
			text += "\n"
		}
		_, _ = io.WriteString(p.w, text) // nobody is left to be told
	}
}

// text is shorter than the 80 columns of a terminal.
func (p *progress) text() string {
	b := p.b
	f, now := b.total(), time.Now()
	b.mu.Lock()
	phase, since, live, tried := b.phase, now.Sub(b.began), b.live, b.tried
	failed, lost := 0, 0
	for _, x := range b.failed {
		failed += x.Count
	}
	for _, x := range b.lost {
		lost += x.Count
	}
	b.mu.Unlock()
	text := fmt.Sprintf("%s %.0f s, %d open", phase, since.Seconds(), live)
	switch {
	case phase == "connecting":
		text += fmt.Sprintf(" of %d", max(b.o.connections, tried))
	case phase == "measuring":
		text += ", " + p.rates(&f, now)
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if lost > 0 {
		text += fmt.Sprintf(", %d lost", lost)
	}
	*p.before, p.at = f, now
	return text
}

// rates are those since the last line.
func (p *progress) rates(f *figures, now time.Time) string {
	n := f.answered - p.before.answered
	if p.b.o.listens() {
		n = f.unasked - p.before.unasked
	}
	text := fmt.Sprintf("%.0f messages/s", float64(n)/max(now.Sub(p.at).Seconds(), 1e-3))
	if d := f.latency.since(&p.before.latency); d.n > 0 {
		text += fmt.Sprintf(", p50 %s, p99 %s", took(millis(d.quantile(0.5))), took(millis(d.quantile(0.99))))
	}
	return text
}
