// Package multilisten opens several listening sockets as one group.
//
//	group, err := multilisten.Open(ctx, multilisten.Options{},
//		multilisten.Binding{Name: "public", Addr: ":8080"},
//		multilisten.Binding{Name: "admin", Addr: "127.0.0.1:9000"},
//	)
//
// A [Binding] is an address to listen on; a [Listener] is what it becomes once it
// is open. The life of one listener, with the states that Options.OnState is told:
//
//	          Open                    every binding has had its turn         Pause
//	closed ---------> bound ------------------------------------> listening -------> paused
//	  ^  |  Reopen      |                                            |  | <--------    |
//	  |  +---------->---+                                            |  |   Resume     |
//	  |                 |  another binding failed, or Close          |  | Accept       |
//	  +--- closing <----+--------------------------------------------+--+--------------+
//
// Bound means that the kernel has given the address and queues connections, while
// the other bindings of the group may still fail. With [AllOrNothing] one failure
// closes those that were open; with [BestEffort] they are kept and the failures
// are returned beside the group.
//
// Closing a listener or the group touches no accepted connection. Accept returns
// the plain *net.TCPConn or *net.UnixConn; for the proxies of a [ProxyPolicy] a
// [*ProxyConn] around it.
//
// Sockets may come from another process: from a service manager ([Inherit]), or from
// the predecessor of this one ([Group.HandOver]), so that a restart refuses nobody.
//
// Everything may be called from any goroutine, from OnState too. The package keeps
// nothing outside its values; Inherit alone changes the process, whose environment it
// tidies. It starts no goroutine, save for those of package context that watch over a
// ProxyConn.Handshake or a HandOver while it runs.
package multilisten
