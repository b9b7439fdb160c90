//go:build linux

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/icsws/icsws/bench/internal/peer"
)

// kase is one thing to measure.
type kase struct {
	name     string // for -cases
	title    string
	unit     string // what the CPU time is divided by
	scenario string // of load, with args
	args     []string
	path     string
	tls      bool
	compress peer.Compression
	server   []string // further flags of the servers
	file     int64    // size of the file that they send
	full     bool     // not with -quick
	extra    []string // servers that take part beside the usual ones
	parts    bool     // the server says what its memory is made of
	share    float64  // messages a second as a share of what the base can echo; 0 is no such case
}

// The units of the cases that measure memory, of those with large messages, and of
// those with collections.
const (
	bytesPerConnection = "connection"
	gib                = "GiB"
	collection         = "collection"
)

const (
	kiB = int64(1) << 10
	miB = int64(1) << 20
	giB = int64(1) << 30
)

// scale is how large the cases are.
type scale struct {
	quick bool
	idle  int // connections of the idle cases
}

// pick is the size of a case.
func pick[T any](s scale, quick, full T) T {
	if s.quick {
		return quick
	}
	return full
}

// cases are all cases in the order of the report, none with more connections than most.
func cases(s scale, most int) []kase {
	return slices.Concat(small(s), large(s), many(s), rooms(s), paced(s), packed(s), rest(s, most), growth(s, most))
}

// small are echoes of messages that fit into a buffer, and one that does not.
func small(s scale) []kase {
	return []kase{
		echo("echo-d1-32B", 32, 1),
		echo("echo-d1-1KiB", kiB, 1),
		echo("echo-d1-64KiB", 64*kiB, 1),
		short(s, kase{name: "echo-d1-1MiB", title: "echo: 8 connections, 1 in flight on each, 1 MiB", unit: "message",
			scenario: "echo", args: args("-conns", 8, "-size", miB), path: peer.Echo}),
		echo("echo-d16-32B", 32, 16),
		echo("echo-d16-1KiB", kiB, 16),
		echo("echo-d16-64KiB", 64*kiB, 16),
		onlyFull(echo("echo-d64-32B", 32, 64)),
		{name: "echo-d1-3000c", title: "echo: 3000 connections, 1 in flight on each, 32 B", unit: "message",
			scenario: "echo", args: args("-conns", 3000, "-size", 32), path: peer.Echo, extra: []string{project + "-inline"}},
		overTLS(echo("tls-d16-32B", 32, 16)),
		overTLS(echo("tls-d16-1KiB", kiB, 16)),
	}
}

// large are messages that need not be in memory.
func large(s scale) []kase {
	size := pick(s, 64*miB, giB)
	return []kase{
		short(s, file("file-send", size)),
		short(s, overTLS(file("file-send-tls", size))),
		short(s, receive("receive", size)),
	}
}

// many are messages to everybody.
func many(s scale) []kase {
	receivers, rate, count := pick(s, 200, 1000), pick(s, 112, 20), pick(s, 112, 240)
	players := pick(s, 100, 500)
	return []kase{
		broadcast("broadcast-x1", 1),
		broadcast("broadcast-x8", 8),
		{name: "tick-16", unit: "delivery", scenario: "tick", path: peer.Tick,
			title: fmt.Sprintf("game tick: %d messages of %d B to each of %d clients, %d times a second",
				peer.TickMessages, peer.TickSize, players, peer.TickRate),
			args: args("-conns", players, "-size", peer.TickSize, "-warm", pick(s, "100ms", "500ms"), "-measure", pick(s, "300ms", "4s"))},
		{name: "slow-receivers", unit: "delivery", extra: []string{project + "-drop"},
			title:    fmt.Sprintf("broadcast: %d receivers, of which 10 never read, %d × 64 KiB, %d a second", receivers, count, rate),
			scenario: "slow", path: peer.Broadcast,
			args: args("-conns", receivers, "-deaf", 10, "-size", 64*kiB, "-rate", rate, "-count", count)},
	}
}

// rooms are chats. The talkers of rooms-N are as many in all, in N rooms.
func rooms(s scale) []kase {
	crowd, talkers := pick(s, 300, 1000), pick(s, 30, 100)
	all := []kase{
		{name: "room-200", title: "chat room: 200 talkers, each message of 64 B goes to all", unit: "delivery",
			scenario: "room", args: args("-conns", 200, "-size", 64), path: peer.Broadcast},
		onlyFull(kase{name: "room-1000", unit: "delivery", scenario: "room", path: peer.Broadcast,
			title: fmt.Sprintf("chat room: %d members, %d talk at a time, each message of 64 B goes to all", crowd, talkers),
			args:  args("-conns", crowd, "-talkers", talkers, "-size", 64)}),
	}
	for _, n := range []int{1, 4, 16, 64} {
		k := kase{name: fmt.Sprintf("rooms-%d", n), unit: "delivery", scenario: "room", path: peer.Room,
			title: fmt.Sprintf("chat: 256 talkers in %d rooms of %d, each message of 64 B goes to its room", n, 256/n),
			args:  args("-conns", 256, "-rooms", n, "-size", 64), full: n != 16}
		if n == 1 {
			k.title = "chat: 256 talkers in 1 room, each message of 64 B goes to all"
		}
		all = append(all, k)
	}
	return all
}

// paced are open loops: messages are sent when they are due, whatever became of those
// before. A message of the chat costs as much as about five echoes.
func paced(s scale) []kase {
	times := args("-warm", pick(s, "100ms", "500ms"), "-measure", pick(s, "400ms", "5s"))
	echo := func(name string, percent int) kase {
		return kase{name: name, unit: "message", scenario: "paced", path: peer.Echo, share: float64(percent) / 100,
			title: fmt.Sprintf("open loop, echo: 64 connections, 64 B, %d %% of what %s can do", percent, base),
			args:  append(args("-conns", 64, "-size", 64), times...)}
	}
	chat := func(name string, percent int) kase {
		return kase{name: name, unit: "delivery", scenario: "paced", path: peer.Room, share: float64(percent) / 500,
			title: fmt.Sprintf("open loop, chat: 128 clients in 16 rooms, 40 B to 2 KiB, with bursts, %d %% of what %s can do", percent, base),
			args:  append(args("-conns", 128, "-rooms", 16), times...)}
	}
	return []kase{
		onlyFull(echo("open-echo-20", 20)), echo("open-echo-60", 60),
		onlyFull(chat("open-chat-20", 20)), chat("open-chat-60", 60),
	}
}

// growth are points of curves, by the number of connections.
func growth(s scale, most int) []kase {
	var all []kase
	for _, n := range []int{100, 1000, 5000, 15_000} {
		k := kase{name: fmt.Sprintf("grow-%d", n), unit: "message", scenario: "grow", path: peer.Echo, full: n > 1000,
			args: args("-conns", min(n, most), "-size", 32, "-settle", pick(s, "100ms", "1500ms"))}
		k.title = fmt.Sprintf("memory of %d connections, then echo on all of them, 1 in flight on each, 32 B", min(n, most))
		all = append(all, k)
	}
	return all
}

// packed are compressed echoes, and the same texts as they are.
func packed(s scale) []kase {
	return []kase{
		onlyFull(texts("deflate-off", kiB, peer.Off)),
		onlyFull(texts("deflate-off-100B", 100, peer.Off)),
		texts("deflate-message", kiB, peer.Message),
		onlyFull(texts("deflate-message-100B", 100, peer.Message)),
		texts("deflate-context", kiB, peer.Context),
		short(s, texts("deflate-context-100B", 100, peer.Context)),
	}
}

// rest are handshakes and what connections cost while nothing happens.
func rest(s scale, most int) []kase {
	own := []string{base + "-own"}
	idle := memory("idle", s.idle)
	idle.parts = true
	if s.quick {
		idle.args = append(idle.args, "-brief", "-settle", "1200ms")
	}
	most = min(pick(s, 1000, 15_000), most)
	return []kase{
		{name: "handshake", title: "handshake, 32 at once", unit: "handshake",
			scenario: "handshake", args: args("-conns", 32), path: peer.Echo, extra: own},
		overTLS(kase{name: "handshake-tls", title: "handshake, 16 at once", unit: "handshake",
			scenario: "handshake", args: args("-conns", 16), path: peer.Echo, extra: own}),
		idle,
		{name: "gc-idle", title: fmt.Sprintf("garbage collections with %d idle connections", most), unit: collection,
			scenario: "collect", path: peer.Echo, parts: true,
			args: args("-conns", most, "-size", 32, "-count", pick(s, 5, 20), "-settle", pick(s, "200ms", "1500ms"))},
		onlyFull(overTLS(memory("idle-tls", s.idle/2))),
		onlyFull(packedMemory("idle-message", s, peer.Message)),
		packedMemory("idle-context", s, peer.Context),
	}
}

// chosen are the cases that -cases and -quick leave.
func chosen(all []kase, only *regexp.Regexp, quick bool) []kase {
	var left []kase
	for _, k := range all {
		if only.MatchString(k.name) && !(quick && k.full) {
			left = append(left, k)
		}
	}
	return left
}

func echo(name string, size int64, depth int) kase {
	return kase{name: name, unit: "message", scenario: "echo", path: peer.Echo,
		title: fmt.Sprintf("echo: 64 connections, %d in flight on each, %s", depth, sizeText(size)),
		args:  args("-conns", 64, "-size", size, "-depth", depth)}
}

func file(name string, size int64) kase {
	return kase{name: name, unit: gib, scenario: "file", path: peer.File, file: size,
		title: fmt.Sprintf("a file of %s sent as one message, again and again", sizeText(size)),
		args:  args("-conns", 1, "-size", size)}
}

func receive(name string, size int64) kase {
	return kase{name: name, unit: gib, scenario: "receive", path: peer.Receive,
		title: fmt.Sprintf("one message of %s read as it comes, where the library can, again and again", sizeText(size)),
		args:  args("-conns", 1, "-size", size)}
}

func broadcast(name string, flying int) kase {
	return kase{name: name, unit: "delivery", scenario: "broadcast", path: peer.Broadcast,
		title: fmt.Sprintf("broadcast: 1000 receivers, 64 B, %d under way at once", flying),
		args:  args("-conns", 1000, "-size", 64, "-depth", flying)}
}

// how says what a mode of compression is.
var how = map[peer.Compression]string{
	peer.Off:     "no compression",
	peer.Message: "permessage-deflate each message by itself",
	peer.Context: "permessage-deflate with context takeover",
}

// texts echoes JSON. By default most libraries leave 100 bytes as they are: there all
// are told to compress everything.
func texts(name string, size int64, mode peer.Compression) kase {
	k := echo(name, size, 1)
	k.title += " of JSON, " + how[mode]
	k.compress = mode
	k.args = append(k.args, "-compress", string(mode), "-json")
	if size < 200 && mode != peer.Off {
		k.server = []string{"-threshold", "1"}
	}
	return k
}

func memory(name string, conns int) kase {
	return kase{name: name, unit: bytesPerConnection, scenario: "idle", path: peer.Echo,
		title: fmt.Sprintf("memory of %d idle connections", conns),
		args:  args("-conns", conns, "-size", 32)}
}

// packedMemory has as much traffic first as fills a window of 4 KiB.
func packedMemory(name string, s scale, mode peer.Compression) kase {
	k := memory(name, pick(s, min(s.idle, 500), s.idle/2))
	k.compress = mode
	k.title += " after 8 messages of 1 KiB of JSON each way, " + how[mode]
	k.args = args("-conns", pick(s, min(s.idle, 500), s.idle/2), "-size", kiB, "-count", 8, "-compress", mode)
	k.args = append(k.args, "-brief", "-settle", pick(s, "1200ms", "2s"))
	return k
}

func overTLS(k kase) kase {
	k.tls = true
	k.title += ", TLS 1.3"
	return k
}

// short measures less with -quick than other cases do.
func short(s scale, k kase) kase {
	if s.quick {
		k.args = append(k.args, "-warm", "20ms", "-measure", "100ms") // the last ones count
	}
	return k
}

func onlyFull(k kase) kase {
	k.full = true
	return k
}

// args makes flags of names and numbers.
func args(pairs ...any) []string {
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = fmt.Sprint(p)
	}
	return out
}

func sizeText(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{giB, "GiB"}, {miB, "MiB"}, {kiB, "KiB"}} {
		if n >= u.size {
			return strconv.FormatInt(n/u.size, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}
