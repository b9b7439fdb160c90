package main

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/icsws/icsws/pump"
)

// BenchmarkBots plays with 500 bots over sockets, on one core, in real time: -benchtime
// 300x is ten seconds. The figures are the share of that core which server and bots take
// together, how long the server works for a tick on the loop, how late a tick was at
// worst, and the writes of the server for one pilot in a tick.
func BenchmarkBots(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const bots = 500
	loop := pump.New(pump.Options{})
	game, srv, err := newServer(options{addr: "127.0.0.1:0", maxClients: 2 * bots, log: slog.LevelError + 1}, loop)
	if err != nil {
		b.Fatal(err)
	}
	if err := srv.Listen(b.Context()); err != nil {
		b.Fatal(err)
	}
	over := make(chan struct{})
	go func() { defer close(over); _ = loop.Run(context.Background()) }()
	ctx, cancel := context.WithCancel(b.Context())
	playing := startBots(ctx, srv.Addrs()[0].String(), bots)
	defer func() {
		cancel()
		playing.Wait()
		_ = srv.Close()
		loop.Close()
		<-over
	}()
	for srv.ClientCount() < bots {
		time.Sleep(10 * time.Millisecond)
	}
	ticks := make(chan struct{}, 1000)
	var work, worst time.Duration
	n := 0
	ticker := loop.TickFixed(time.Second/30, 3, func(due time.Time, _ time.Duration) {
		start := time.Now()
		game.tick()
		work += time.Since(start)
		if n++; n > 30 {
			worst = max(worst, start.Sub(due))
		}
		select {
		case ticks <- struct{}{}:
		default:
		}
	})
	defer ticker.Stop()
	for range 30 { // until everybody has met everybody
		<-ticks
	}
	done := make(chan struct{})
	_ = loop.Post(func() { work, worst, n = 0, 0, 0; close(done) })
	<-done
	for len(ticks) > 0 {
		<-ticks
	}
	cpu, writes, start := cpuTime(), writeCalls(), time.Now()
	bytes := srv.Stats().BytesOut
	for b.Loop() {
		<-ticks
	}
	took := time.Since(start)
	b.ReportMetric(float64(cpuTime()-cpu)/float64(took)*100, "%core")
	b.ReportMetric(float64(work.Microseconds())/float64(b.N), "µs-on-loop/tick")
	b.ReportMetric(float64(worst.Microseconds())/1000, "ms-late")
	b.ReportMetric(float64(srv.Stats().BytesOut-bytes)/float64(b.N)/bots, "B/pilot/tick")
	b.ReportMetric(float64(writeCalls()-writes)/float64(b.N)/bots, "writes/pilot/tick")
	b.ReportMetric(float64(ticker.Missed()), "missed")
	if got := srv.ClientCount(); got != bots {
		b.Errorf("%d bots are left", got)
	}
}
