// Package engine runs a client object on a connection. It is the only importer
// of gws, which unmasks and reassembles messages; everything else about the
// connection is internal/transport's.
//
// One [Engine] belongs to one server, one [Session] to one connection. A Session
// is all in one allocation: the facts and operations that client.Base sees, the
// transport that gws takes for the network, and the state of the events.
//
// What is never used of gws, and why: its Broadcaster (races with the reader's
// teardown and reuses pooled frames), its writer (control frames enter the
// compression window, no deadline, no bound), WriteAsync (unbounded queue),
// ParallelEnabled (events would overtake each other), its compression (see
// internal/deflate). internal/arch holds us to that.
package engine
