// Package client holds what a server keeps for one connected peer.
//
// A client class is a struct that embeds [Base] and has the method OnMessage:
//
//	type Echo struct{ client.Base }
//
//	func (c *Echo) OnMessage(m client.Message) error { return c.Send(m) }
//
// The server makes one object of the class for each handshake, through its
// factory, in this order:
//
//	NewClient  OnClientConnect
//	  (OnMessage | OnFragment | OnPing | OnPong | OnReadyToSend | OnDropped)*
//	OnClientDisconnect
//
// NewClient, OnClientConnect and OnClientDisconnect belong to the factory (see
// package wsserver). The calls for one client never overlap and run on its
// reader's goroutine, so the object's fields need no lock inside them; calls
// for two clients do overlap, unless they run on the same loop of package pump.
// Everything on Base may be called from any goroutine.
//
// An error that an event returns is a reply: a [*CloseError] becomes the close
// frame, any other error closes with 1011 and goes to the log. An error that
// the factory returns before the handshake is answered is one too: a
// [*RejectError] becomes the HTTP response.
//
// Send takes a message from any goroutine and does not wait for the peer; what
// happens when a peer is slow is up to the [QueuePolicy]. Files and streams go out with
// [Base.SendFile], [Base.SendReader] and [Base.NewMessage], and come in with
// [FragmentHandler], whatever their size. docs/messages.md tells it as a whole.
//
// A class is tested without a port through package client/clienttest.
//
// Ids in brackets, such as, are rows of docs/compatibility.md, which says
// what the older systems call a feature and where its test is.
package client
