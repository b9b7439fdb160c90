package load

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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
		phrases := p.phrases()
		text := strings.Join(phrases, ", ") + "\n"
		if p.line {
			text = "\r\x1b[K" + fitting(phrases, cli.Columns(p.w)) // the width may change
		}
		_, _ = io.WriteString(p.w, text) // nobody is left to be told
	}
}

// fitting joins phrases as far as they leave the last column free, as a line that wraps could
// not be written anew. A terminal that does not tell its columns has 80.
func fitting(phrases []string, columns int) (line string) {
	for _, phrase := range phrases {
		if line != "" {
			phrase = line + ", " + phrase
		}
		if utf8.RuneCountInString(phrase) >= cmp.Or(columns, 80) {
			break
		}
		line = phrase
	}
	return line
}

// phrases are what there is to tell. What went wrong is before the rates, for narrow terminals.
func (p *progress) phrases() []string {
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
	open := fmt.Sprintf("%d open", live)
	if phase == "connecting" {
		open += fmt.Sprintf(" of %d", max(b.o.connections, tried))
	}
	list := []string{fmt.Sprintf("%s %.0f s", phase, since.Seconds()), open}
	if failed > 0 {
		list = append(list, fmt.Sprintf("%d failed", failed))
	}
	if lost > 0 {
		list = append(list, fmt.Sprintf("%d lost", lost))
	}
	if phase == "measuring" {
		list = append(list, p.rates(&f, now)...)
	}
	*p.before, p.at = f, now
	return list
}

// rates are those since the last line.
func (p *progress) rates(f *figures, now time.Time) []string {
	n := f.answered - p.before.answered
	if p.b.o.listens() {
		n = f.unasked - p.before.unasked
	}
	list := []string{fmt.Sprintf("%.0f messages/s", float64(n)/max(now.Sub(p.at).Seconds(), 1e-3))}
	if d := f.latency.since(&p.before.latency); d.n > 0 {
		list = append(list, "p50 "+took(millis(d.quantile(0.5))), "p99 "+took(millis(d.quantile(0.99))))
	}
	return list
}
