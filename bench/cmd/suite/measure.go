//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
)

// measure runs everything that was asked for. What it has when ctx ends comes
// with an error.
func (o options) measure(ctx context.Context) ([]record, error) {
	ks := chosen(cases(scale{o.quick, o.conns}, o.most), o.cases, o.quick)
	if len(ks) == 0 {
		return nil, fmt.Errorf("-cases %q: no such case", o.cases)
	}
	w, err := newWorkshop(ctx, o.peers)
	if err != nil {
		return nil, err
	}
	defer w.remove()
	j, err := openJournal(o.out)
	if err != nil {
		return nil, err
	}
	defer j.close()
	about := o.about(w)
	if ks, err = o.atRates(ctx, w, ks); err != nil {
		return nil, err
	}
	var records []record
	for round := range o.rounds {
		for i, k := range ks {
			for _, p := range rotated(k.with(o.peers), round+i) {
				r := record{Run: about, Round: round, Case: k.name, Title: k.title, Unit: k.unit, Peer: p.name}
				start := time.Now()
				r.Figures, r.Lacks = o.one(ctx, w, p, k, o.timing())
				if ctx.Err() != nil {
					return records, context.Cause(ctx)
				}
				log.Printf("%d/%d %4.1fs %-20s %-12s %s", round+1, o.rounds, time.Since(start).Seconds(), k.name, p.name, r.brief())
				records = append(records, r)
				if err := j.write(r); err != nil {
					return records, err
				}
			}
		}
	}
	return records, nil
}

// one measures one case on a fresh server. lacks says that there is nothing to
// measure.
func (o options) one(ctx context.Context, w *workshop, p contender, k kase, t timing) (f figures.Figures, lacks bool) {
	if !p.can(k) {
		return f, true
	}
	s, err := w.start(p, k, o.cpus[0])
	if err != nil {
		return figures.Figures{Error: err.Error()}, false
	}
	defer s.stop()
	f = o.load(ctx, w, s, k, t)
	if end := s.end(); f.Error != "" && end != "" {
		f.Error = strings.TrimSpace(f.Error + "; the server ended: " + end + " " + s.said())
	}
	return f, false
}

// load runs the generator against s.
func (o options) load(ctx context.Context, w *workshop, s *server, k kase, t timing) figures.Figures {
	ctx, cancel := context.WithTimeout(ctx, t.limit+15*time.Second)
	defer cancel()
	args := append([]string{
		"-url", s.url + k.path, "-pid", strconv.Itoa(s.pid), "-scenario", k.scenario,
		"-warm", t.warm.String(), "-measure", t.measure.String(), "-limit", t.limit.String(),
	}, k.args...)
	if k.parts {
		args = append(args, "-metrics", s.metrics)
	}
	cmd := exec.CommandContext(ctx, w.path("load"), args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := proc.StartOn(o.cpus[1], cmd)
	if err == nil {
		err = cmd.Wait()
	}
	var f figures.Figures
	if e := json.Unmarshal(out.Bytes(), &f); e != nil {
		return figures.Figures{Error: fmt.Sprintf("the generator: %v %.300s", err, errs.Bytes())}
	}
	return f
}
