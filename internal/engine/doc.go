// Package engine runs a client object on a connection. It is the only importer
// of gws, which reassembles messages and takes large frames; everything else about the
// connection is internal/transport's, which delivers whole messages itself.
//
// One [Engine] belongs to one server, one [Session] to one connection. A Session
// is all in one allocation: the facts and operations that client.Base sees, the
// transport, and the state of the events. What gws takes for the network is a reader,
// which is lent to the session while it has something for gws.
//
// What is never used of gws, and why: its Broadcaster (races with the reader's
// teardown and reuses pooled frames), its writer (control frames enter the
// compression window, no deadline, no bound), WriteAsync (unbounded queue),
// ParallelEnabled (events would overtake each other), its compression (see
// internal/deflate). internal/arch holds us to that.
package engine
