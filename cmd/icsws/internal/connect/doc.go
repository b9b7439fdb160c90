// Package connect has the command "connect": a WebSocket to type into, or to put into a
// pipe.
//
// A [session] is the connection. What happens on it is told to a view: one for people at a
// terminal, one for pipes, one that makes JSON of it. Lines come from a terminal with an
// editor and a history, or from stdin as it is.
package connect
