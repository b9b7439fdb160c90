package client

// Loop runs the events of many clients one at a time, on a goroutine that the program
// chooses. It is a *pump.Loop; anything else is [ErrNoLoop].
type Loop interface {
	// Post has f run on the loop, behind what waits there.
	Post(f func()) error
	// Drain runs what waits on the goroutine of the caller.
	Drain(max int) int
}

// AttachPump has the events of this client run on l from the next one on (E-24); nil
// stands for a goroutine of the client's own, as without any loop. What has come already
// and waits comes along: nothing is lost, comes twice or changes its order, and no event
// begins on l before one that runs elsewhere has returned. It may be called at any time
// from any goroutine, also in an event of the client, which is then the last one on the
// old loop, and as often as one likes. In Hooks.OnClientCreate it decides about
// OnClientConnect, too.
//
// It replaces what Config.Pump, Config.PumpByHost or Server.AttachPump say, also what
// they say later. The error is [ErrNoLoop], [ErrLoopClosed], or [ErrClosed] when the
// last event has run.
func (b *Base) AttachPump(l Loop) error {
	if l == nil { // not an interface around nil
		return b.link().Ops.AttachLoop(nil)
	}
	return b.link().Ops.AttachLoop(l)
}

// DetachPump lets the events of this client wait until AttachPump is called (E-25); the
// one that runs is the last. What comes meanwhile is kept up to 64 KiB, or
// pump.Options.MaxClientBytes of its last loop; then nothing more is read and TCP pushes
// back. Pings are answered as long as something is read. OnClientDisconnect waits like
// the others, until the server is shut down and its time is over.
//
// To move a client from one loop to another AttachPump is enough.
func (b *Base) DetachPump() error { return b.link().Ops.DetachLoop() }
