//go:build linux

package main

import (
	"fmt"
	"regexp"
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
	full     bool // not with -quick
}

// bytesPerConnection is the unit of the cases that measure memory.
const bytesPerConnection = "connection"

// cases are all cases in the order of the report.
func cases(idle int) []kase {
	return []kase{
		echo("echo-d1-32B", 32, 1),
		echo("echo-d1-1KiB", 1<<10, 1),
		echo("echo-d1-64KiB", 64<<10, 1),
		echo("echo-d16-32B", 32, 16),
		echo("echo-d16-1KiB", 1<<10, 16),
		echo("echo-d16-64KiB", 64<<10, 16),
		onlyFull(echo("echo-d64-32B", 32, 64)),
		overTLS(echo("tls-d16-32B", 32, 16)),
		overTLS(echo("tls-d16-1KiB", 1<<10, 16)),
		broadcast("broadcast-x1", 1),
		broadcast("broadcast-x8", 8),
		{name: "room-200", title: "chat room: 200 talkers, each message of 64 B goes to all", unit: "delivery",
			scenario: "room", args: args("-conns", 200, "-size", 64), path: peer.Broadcast},
		{name: "handshake", title: "handshake, 32 at once", unit: "handshake",
			scenario: "handshake", args: args("-conns", 32), path: peer.Echo},
		overTLS(kase{name: "handshake-tls", title: "handshake, 16 at once", unit: "handshake",
			scenario: "handshake", args: args("-conns", 16), path: peer.Echo}),
		compressed("deflate-message", peer.Message, "each message by itself"),
		compressed("deflate-context", peer.Context, "with context takeover"),
		memory("idle", idle),
		onlyFull(overTLS(memory("idle-tls", idle))),
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

func echo(name string, size, depth int) kase {
	return kase{name: name, unit: "message", scenario: "echo", path: peer.Echo,
		title: fmt.Sprintf("echo: 64 connections, %d in flight on each, %s", depth, sizeText(size)),
		args:  args("-conns", 64, "-size", size, "-depth", depth)}
}

func broadcast(name string, flying int) kase {
	return kase{name: name, unit: "delivery", scenario: "broadcast", path: peer.Broadcast,
		title: fmt.Sprintf("broadcast: 1000 receivers, 64 B, %d under way at once", flying),
		args:  args("-conns", 1000, "-size", 64, "-depth", flying)}
}

func compressed(name string, mode peer.Compression, how string) kase {
	k := echo(name, 1<<10, 1)
	k.title += " of JSON, permessage-deflate " + how
	k.compress = mode
	k.args = append(k.args, "-compress", string(mode))
	return k
}

func memory(name string, conns int) kase {
	return kase{name: name, unit: bytesPerConnection, scenario: "idle", path: peer.Echo,
		title: fmt.Sprintf("memory of %d idle connections", conns),
		args:  args("-conns", conns, "-size", 32)}
}

func overTLS(k kase) kase {
	k.tls = true
	k.title += ", TLS 1.3"
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

func sizeText(n int) string {
	if n >= 1<<10 {
		return strconv.Itoa(n>>10) + " KiB"
	}
	return strconv.Itoa(n) + " B"
}
