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
//	          Open                    every binding has had its turn
//	closed ---------> bound ------------------------------------> listening
//	  ^  |  Reopen      |                                             |
//	  |  +---------->---+                                             | Accept
//	  |                 |  another binding failed, or Close           |
//	  +--- closing <----+---------------------------------------------+
//
// Bound means that the kernel has given the address and queues connections, while
// the other bindings of the group may still fail. With [AllOrNothing] one failure
// closes those that were open; with [BestEffort] they are kept and the failures
// are returned beside the group.
//
// Closing a listener or the group touches no accepted connection. Accept returns
// the plain *net.TCPConn or *net.UnixConn.
//
// Everything may be called from any goroutine, from OnState too. The package
// starts no goroutine and keeps nothing outside its values.
package multilisten
