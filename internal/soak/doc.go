// Package soak has nothing but tests: a server on real sockets under fuzzed frames,
// storms of connections, slow and stuck peers, and all of that at once, under each
// driver. What they hold it to:
//
//   - it never panics, and what it answers is what a parser of their own expects;
//   - its counters balance, and every client that is begun ends, once;
//   - goroutines, descriptors and heap are back where they were;
//   - canaries, clients that do nothing wrong, lose nothing while it goes on.
//
// go test runs a short form. ICSWS_SOAK=full takes about ten minutes (make soak).
// Everything random comes from a seed, which each test logs; ICSWS_SOAK_SEED repeats it.
package soak
