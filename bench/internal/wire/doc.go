// Package wire is the client's half of RFC 6455 as a load generator needs it:
// frames built before the clock starts, and replies that are parsed and compared
// with what was sent while they arrive.
//
// A [Script] holds the messages that every connection sends, again and again; a
// [Stream] reads what one connection gets back. Nothing here does I/O.
package wire
