// Package pump runs the events of many clients one at a time, on a goroutine that the
// program chooses: a game, a simulation or a graphical program keeps all its state there
// and needs no lock.
//
//	loop := pump.New(pump.Options{})
//	srv, err := wsserver.New(world, wsserver.Config{Addr: ":8080", Pump: loop})
//	…
//	loop.Tick(time.Second/30, world.step) // on the same goroutine as all events
//	loop.Run(ctx)
//
// # Who runs it
//
// At any time at most one goroutine runs a [Loop]: the one that is in [Loop.Run], which
// blocks, or in [Loop.Drain] or [Loop.Step], which do not and are for a program that has
// a main loop of its own; [Loop.C] tells that one when there is something to do. A second
// one gets [ErrRunning]: from Run as an error, from Drain and Step as a panic. So does a
// call from inside of an event: events do not nest.
//
// # What runs on it
//
// All events of the clients that are attached to it: OnClientConnect, OnMessage,
// OnFragment, OnPing, OnPong, OnReadyToSend, OnDropped, OnClientDisconnect, and the Hooks
// around them. Functions that were given to [Loop.Post], [Loop.Tick] and
// [Loop.TickFixed]. NewClient does not: it answers a handshake and may take its time.
//
// Nothing on a loop may block for long, as everything else on it waits. The readers of
// the clients go on meanwhile: they keep a bounded number of bytes for the loop, and then
// let TCP push back.
//
// docs/pump.md tells it as a whole.
package pump
