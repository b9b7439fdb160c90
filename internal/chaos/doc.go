// Package chaos is a TCP proxy for tests that treats connections as bad networks do: it
// ends and resets them, closes one direction, stalls, delays, writes in tiny pieces, and
// does not listen for a while. It never changes, repeats or reorders bytes.
//
//	p, err := chaos.Listen(server, seed)
//	p.Rage(true)
package chaos
