// Package relay is what stands between a client and the target of a forwarded connection:
// it dials the target, and is the class of such a client.
//
//	conn, _, err := relay.Dial(ctx, target, asked)  // before the 101
//	c := conn.Client(lingering)                  // bound to the session like any client
//	c.Begin(session)                             // when OnClientConnect is over
//	err = c.Run()                                // target to peer, on a goroutine of its own
//	c.Finish()                                   // there, too
//	c.End(info)                                  // the session has ended: Run and Finish return
//
// What the peer sends is written to the target within its events, so that a slow target
// keeps the server from reading; what the target sends waits for room in the queue of the
// client, so that a slow peer keeps Run from reading.
package relay
