// Package load has the command "bench": a load generator.
//
// A run has three phases: the connections are opened, at the pace of --ramp; messages are
// sent and counted for --duration; what is unanswered is waited for. A [peer] is one
// connection. Peers share shards, each with a histogram, which are merged at the end.
package load
