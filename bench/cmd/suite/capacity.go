//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"slices"
	"strconv"
	"time"
)

// atRates gives the cases that are a share of what the base can do their rate. One
// figure serves the whole run, so that all servers and rounds have the same.
func (o *options) atRates(ctx context.Context, w *workshop, ks []kase) ([]kase, error) {
	paced := func(k kase) bool { return k.share > 0 }
	if !slices.ContainsFunc(ks, paced) {
		return ks, nil
	}
	if o.rate == 0 {
		rate, err := o.capacity(ctx, w)
		if err != nil {
			return nil, err
		}
		o.rate = rate
	}
	ks = slices.Clone(ks)
	for i, k := range ks {
		if paced(k) {
			ks[i] = k.atRate(o.rate)
		}
	}
	return ks, nil
}

// atRate is the case with its part of the rate, to two digits.
func (k kase) atRate(capacity int) kase {
	rate := k.share * float64(capacity)
	unit := math.Pow(10, math.Floor(math.Log10(rate))-1)
	n := max(int(math.Round(rate/unit)*unit), 1)
	k.title += fmt.Sprintf(" (%d messages a second)", n)
	k.args = slices.Concat(k.args, []string{"-rate", strconv.Itoa(n)})
	return k
}

// capacity is how many messages a second the base can echo with one CPU of its own, on
// 64 connections with one message in flight on each. It comes from the CPU time of a
// message, not from the wall clock: other programs may be at work.
func (o *options) capacity(ctx context.Context, w *workshop) (int, error) {
	servers, err := choose(base)
	if err != nil {
		return 0, err
	}
	if err := w.build(ctx, servers[0].dir, "./servers/"+servers[0].dir); err != nil {
		return 0, err
	}
	t := o.timing()
	t.measure = max(t.measure/2, 300*time.Millisecond)
	f, _ := o.one(ctx, w, servers[0], echo("capacity", 64, 1), t)
	if f.Error != "" || f.CPU <= 0 {
		return 0, errors.New("the base has no capacity: " + f.Error)
	}
	rate := int(1e6 / f.CPU)
	log.Printf("%s can echo %d messages a second; -capacity %d repeats this", base, rate, rate)
	return rate, nil
}
