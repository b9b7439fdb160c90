// Package dial is the client's side: it connects to a WebSocket server, keeps the
// connection, and connects again when it is lost (D-01 to D-43).
//
//	c := dial.New(dial.Options{URL: "wss://chat.example/ws"}, dial.Handler{
//		OnOpen:    func(c *dial.Conn, o dial.OpenInfo) error { return c.SendText("hello") },
//		OnMessage: func(c *dial.Conn, m client.Message) error { fmt.Printf("%s\n", m.Data); return nil },
//	})
//	if err := c.Start(); err != nil { … }
//	defer c.Stop(ctx, client.StatusNormalClosure, "")
//
// Start, an attempt, a connection, its end, a wait, the next attempt, Stop: that is the
// life of a [Conn], and [Handler] hears of each step once. Whether and when it comes back
// is a small state machine: waits that double, all of it random, hints of the server,
// rules for when to stay away. docs/dial.md has the picture.
//
// A connection is what it is on a server, with the same classes, queues, clocks and
// streams: Conn.Client has all of client.Base.
//
// An attempt to connect has the stages of [Stage]: the header lines, the name, the
// connection, the proxy, TLS, the handshake of RFC 6455. Why one failed is a
// [*DialError], with a [Reason] that programs can compare and people can read.
package dial
