// Package memnet is a network in memory: a [Listener] and buffered stream
// connections that behave like TCP on the loopback interface, without ports,
// kernel or goroutines.
//
//	l := memnet.Listen()
//	go srv.Serve(l)
//	conn, err := l.Dial(ctx)
//
// It is made for tests, above all for those in a testing/synctest bubble: a
// blocked Accept, Read or Write waits on a condition variable and so counts as
// durably blocked, and deadlines follow the clock of the bubble. Outside of a
// bubble everything works the same with the real clock.
//
// What differs from a kernel: a connection is dialled without delay however
// many wait to be accepted, bytes written are readable at once, and a write
// after the peer's Close fails immediately.
package memnet
