// Package wsserver accepts WebSocket connections and runs one object of the
// program's own client class for each.
//
//	type Echo struct{ client.Base }
//
//	func (c *Echo) OnMessage(m client.Message) error { return c.Send(m) }
//
//	srv, err := wsserver.New(wsserver.Class[Echo](), wsserver.Config{Addr: ":8080"})
//	…
//	err = srv.ListenAndServe(ctx)
//
// # The way of a connection
//
//	accept → TLS, with the host's certificate → request → host → origin
//	  → a place under MaxClients → NewClient → Hooks.OnClientCreate → 101
//	  → OnClientConnect → banner → OnMessage* → close → OnClientDisconnect
//
// What is refused on the way gets an HTTP answer that says why, a [Reason], a
// counter in [Stats], a log line and Events.OnReject. A request that is no
// upgrade is answered by its host, see Config.HTTP.
//
// Virtual hosts share a server, each with its names, certificate, limits and pages, and
// its factory: [ByHost] and [As].
//
// # Goroutines
//
// Each client has one goroutine, its reader, on which all its events run, one at
// a time. Each listener has one, each handshake, and with hosts the care for their
// certificates. All of them belong to the [Server] and end with it: [Server.Done] is
// closed when they have. With Config.Pump the events of all clients run one at a time on
// a goroutine of the program's, see package pump.
//
// All methods of a Server may be called from any goroutine and in every event.
// Those that wait for clients to end (Shutdown, Close, Abort, DisconnectAll)
// return at once when they are called in an event, as they would otherwise wait
// for themselves.
//
// Ids in brackets, such as, are rows of docs/compatibility.md, which says
// what the older systems call a feature and where its test is.
package wsserver
