//go:build linux

// load drives one WebSocket server through one scenario and prints what it
// measured as one line of JSON (package figures).
//
//	load -url ws://127.0.0.1:9000/echo -pid 1234 -scenario echo -conns 64 -depth 16
//
// It runs on one thread, in raw epoll and system calls, with frames that are
// built beforehand and replies that are compared in place, so that it costs less
// than any server. TLS goes through crypto/tls over the same sockets. Only
// loopback addresses are dialled, every loop ends with -limit.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/proc"
	"github.com/icsws/icsws/bench/internal/wire"
)

// options are the flags.
type options struct {
	url      string
	pid      int
	scenario string
	conns    int
	size     int64
	depth    int
	count    int
	rate     int
	deaf     int
	rooms    int
	talkers  int
	metrics  string
	json     bool
	brief    bool
	compress wire.Compression
	warm     time.Duration
	measure  time.Duration
	settle   time.Duration
	limit    time.Duration
}

func parse() options {
	var o options
	flag.StringVar(&o.url, "url", "", "what to dial, ws or wss on a loopback `address`")
	flag.IntVar(&o.pid, "pid", 0, "the server's process `id`, for its CPU time and memory")
	flag.StringVar(&o.scenario, "scenario", "echo", "echo, broadcast, room, tick, paced, handshake, idle, grow, collect, file, receive, slow or churn")
	flag.IntVar(&o.conns, "conns", 64, "connections")
	flag.Int64Var(&o.size, "size", 32, "payload `bytes`; of the file (file)")
	flag.IntVar(&o.depth, "depth", 1, "messages in flight: per connection (echo), in all (broadcast)")
	flag.IntVar(&o.count, "count", 1, "messages on each connection (idle) or in all (slow); connections in all (churn); collections (collect)")
	flag.IntVar(&o.rate, "rate", 20, "messages a second (slow, paced)")
	flag.IntVar(&o.rooms, "rooms", 0, "how many rooms the connections are in, their number appended to the path (room, paced)")
	flag.IntVar(&o.talkers, "talkers", 0, "how many talk in a wave, one after the other; 0 is all (room)")
	flag.StringVar(&o.metrics, "metrics", "", "`file` that the server writes on SIGUSR1 (idle, collect)")
	flag.IntVar(&o.deaf, "deaf", 0, "of the connections, how many never read (slow)")
	flag.BoolVar(&o.json, "json", false, "messages are 64 JSON texts also without compression (echo)")
	flag.BoolVar(&o.brief, "brief", false, "measure memory only after the messages (idle)")
	flag.StringVar((*string)(&o.compress), "compress", string(wire.Off), "off, message or context; other than off the messages are 64 JSON texts")
	flag.DurationVar(&o.warm, "warm", 300*time.Millisecond, "server CPU time, or a quarter of the wall clock, before measuring; wall clock (paced, tick)")
	flag.DurationVar(&o.measure, "measure", 2*time.Second, "server CPU time, or a quarter of the wall clock, while measuring; wall clock (paced, tick)")
	flag.DurationVar(&o.settle, "settle", 3*time.Second, "rest before memory is read (idle, grow, collect)")
	flag.DurationVar(&o.limit, "limit", time.Minute, "everything ends with an error after this time")
	flag.Parse()
	return o
}

func main() {
	o := parse()
	f, err := run(o)
	if err != nil {
		f = figures.Figures{Error: err.Error()}
	}
	line, e := json.Marshal(f)
	if e != nil {
		line = fmt.Appendf(nil, `{"error":%q}`, e)
	}
	fmt.Printf("%s\n", line)
	if err != nil {
		os.Exit(1)
	}
}

func run(o options) (figures.Figures, error) {
	if o.conns < 1 || o.depth < 1 || o.size < 0 || o.count < 1 || o.rate < 1 || o.deaf < 0 || o.rooms < 0 || o.talkers < 0 || !o.compress.Valid() {
		return figures.Figures{}, fmt.Errorf("load: -conns %d -depth %d -size %d -count %d -rate %d -deaf %d -rooms %d -talkers %d -compress %q",
			o.conns, o.depth, o.size, o.count, o.rate, o.deaf, o.rooms, o.talkers, o.compress)
	}
	t, err := parseTarget(o.url)
	if err != nil {
		return figures.Figures{}, err
	}
	if _, err := proc.RaiseFiles(); err != nil {
		return figures.Figures{}, fmt.Errorf("load: open files: %w", err)
	}
	if t.tls {
		debug.SetGCPercent(400)
	} else {
		debug.SetGCPercent(-1) // what a run allocates is little
		debug.SetMemoryLimit(1 << 30)
		runtime.LockOSThread()
	}
	g := &generator{options: o, target: t, end: now() + int64(o.limit)}
	scenarios := map[string]func() (figures.Figures, error){
		"echo":      g.echo,
		"broadcast": g.broadcast,
		"room":      g.room,
		"tick":      g.tick,
		"paced":     g.paced,
		"grow":      g.grow,
		"collect":   g.collections,
		"handshake": g.handshake,
		"idle":      g.idle,
		"file":      g.file,
		"receive":   g.receive,
		"slow":      g.slow,
		"churn":     g.churn,
	}
	scenario, ok := scenarios[o.scenario]
	if !ok {
		return figures.Figures{}, fmt.Errorf("load: no scenario %q", o.scenario)
	}
	return scenario()
}
