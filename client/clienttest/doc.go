// Package clienttest helps to test client classes and servers without a port.
//
// # A class alone
//
// A [Recorder] stands in for the connection of one client. It runs the events of
// the class on the test's goroutine and keeps what the class sends:
//
//	c := &Member{hall: new(Hall)}
//	rec := clienttest.Connect(t, c)
//	if err := rec.Text("hello"); err != nil { ... } // OnMessage has returned
//	got := rec.Sent()
//
// [Recorder.Stall] plays a peer that reads slowly, so that the queue fills and its
// policy acts; [Recorder.Resume] ends that:
//
//	rec.Stall(1) // one message more fits
//	c.Publish(a, b)
//	err := rec.Resume() // OnDropped and OnReadyToSend have returned
//
// A class with OnFragment gets what it is sent as one piece, or with
// [Recorder.Fragment] as several. Messages in pieces that it sends itself are
// recorded whole. What happens outside of an event and calls for one, such as a full
// queue, waits for [Recorder.Wake] or the next event: so a test without goroutines
// is always in order.
//
// A [Request] is a handshake for the factory's NewClient. With the factory a whole
// life is tested in the order of a server:
//
//	opts := clienttest.Options{Origin: "https://chat.example"}
//	c, err := factory.NewClient(clienttest.Request(t, "/chat?name=ada", opts))
//	rec := clienttest.Connect(t, c, opts)
//	err = factory.OnClientConnect(c)
//	rec.Greet() // the banner
//	err = rec.Text("hello")
//	factory.OnClientDisconnect(c, rec.Disconnect(client.CloseInfo{}))
//
// # A whole server
//
// A [Listener] is a network in memory and a [Peer] a WebSocket client with a
// script, so that a whole server runs inside of a testing/synctest bubble, where
// an hour of silence takes no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		l := clienttest.NewListener()
//		go srv.Serve(l)
//		defer srv.Close()
//		peer := clienttest.Dial(t, l, "/chat?name=ada")
//		peer.SendText("hello")
//		got := peer.Receive()
//		...
//	})
package clienttest
