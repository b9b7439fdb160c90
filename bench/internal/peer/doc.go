// Package peer is what the measured servers share, so that they differ in their
// library only: the flags, the listener, the certificate, the clock of the ticks, a
// garbage collection on SIGUSR2, and on SIGUSR1 the parts of the memory.
//
// A server calls [Parse], listens, and calls [Ready] with its address. One behind
// net/http calls [Options.Serve] instead of the last two.
package peer
