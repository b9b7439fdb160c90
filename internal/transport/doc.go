// Package transport is the connection under the frame engine. To the engine a
// [Conn] is the network; in truth the engine only reads from it, and reads nothing
// but valid, uncompressed data frames of messages that are large or in parts. All others
// are delivered from here:
//
//	kernel socket / tls.Conn / any net.Conn      wire*.go
//	  ▲                │
//	  │                ▼
//	queue, drainer   filter: strictness, limits, inflate   queue.go  inbound.go
//	  ▲                │
//	  └── cork ◄── engine: unmask, reassemble ──► events    outbound.go
//
// Control frames never reach the engine: pings are answered and the closing
// handshake is done here. Whatever the engine writes is swallowed; all outgoing
// frames are made by this package's callers.
//
// One goroutine, the reader, runs the engine's loop and thereby Read, the filter
// and the events. Everything else may be called from any goroutine. No mutex is
// held while bytes move or user code runs. What belongs to a batch of input is
// written with one system call: frames that are sent while the reader is busy
// gather in the cork, which is flushed when the reader has nothing left to read, at
// 8 KiB, or by the watchdog of the [Service] after a millisecond.
//
// How a reader waits is up to the wire. Those over any net.Conn wait on its goroutine;
// a sock waits in a poller of ours, and its reader leaves meanwhile (standby.go).
// What goroutines other than the reader send is written by flushers (flusher.go).
package transport
