//go:build linux

package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/peer"
)

// trial is a case at full size, on this project's server alone, with what it
// promises.
type trial struct {
	kase
	promises []promise
}

// promise is a bound.
type promise struct {
	what string // of the server, above that before
	of   func(figures.Figures) (float64, bool)
	most float64
}

func peakMiB(most float64) promise {
	return promise{"peak memory, MiB", func(f figures.Figures) (float64, bool) {
		return record{Figures: f}.peak()
	}, most}
}

var churned = []promise{
	{"memory left, MiB", func(f figures.Figures) (float64, bool) {
		if f.Left == nil {
			return 0, false
		}
		return mib(*f.Left), true
	}, 1},
	{"descriptors left", func(f figures.Figures) (float64, bool) {
		if f.Files == nil {
			return 0, false
		}
		return float64(*f.Files), true
	}, 0},
}

// trials are all; quick ones are for the trials themselves.
func trials(s scale) []trial {
	size, message, conns := pick(s, 256*miB, 4*giB), pick(s, 64*miB, giB), pick(s, 10_000, 100_000)
	return []trial{
		{file("file", size), []promise{peakMiB(1)}},
		{overTLS(file("file-tls", size)), []promise{peakMiB(1)}},
		{receive("receive", message), []promise{peakMiB(8)}},
		{kase{name: "churn", title: fmt.Sprintf("%d connections opened and ended, 100 at once", conns), unit: "connection made",
			scenario: "churn", path: peer.Echo, args: args("-conns", 100, "-count", conns)}, churned},
	}
}

// soakTime is one large message, after another one that does not count.
var soakTime = timing{time.Nanosecond, time.Nanosecond, 3 * time.Minute}

// soak runs all trials, prints what came of each promise, and reports whether all
// were kept.
func (o options) soak(ctx context.Context) bool {
	server, err := choose(project)
	if err != nil {
		log.Print(err)
		return false
	}
	w, err := newWorkshop(ctx, server)
	if err != nil {
		log.Print(err)
		return false
	}
	defer w.remove()
	var b strings.Builder
	b.WriteString("| trial | of the server, above that before | measured | at most | |\n|---|---|---:|---:|---|\n")
	kept := true
	for _, t := range trials(scale{o.quick, o.conns}) {
		if !o.cases.MatchString(t.name) {
			continue
		}
		log.Printf("%s: %s", t.name, t.title)
		f, _ := o.one(ctx, w, server[0], t.kase, soakTime)
		if ctx.Err() != nil {
			log.Print(context.Cause(ctx))
			return false
		}
		kept = t.judge(&b, f) && kept
	}
	fmt.Print(b.String())
	return kept
}

// judge writes a line for each promise.
func (t trial) judge(b *strings.Builder, f figures.Figures) (kept bool) {
	if f.Error != "" {
		fmt.Fprintf(b, "| %s | %s | | | FAILED |\n", t.name, oneLine(f.Error))
		return false
	}
	kept = true
	for _, p := range t.promises {
		v, ok := p.of(f)
		verdict := "kept"
		if !ok || v > p.most {
			verdict, kept = "BROKEN", false
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", t.name, p.what, number(v), number(p.most), verdict)
	}
	return kept
}
