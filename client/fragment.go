package client

// Fragment is a piece of a message, as it came. Pieces are cut by arrival
// and by memory, not where the peer has cut its frames.
type Fragment struct {
	// Op is the kind of the message.
	Op Opcode
	// Data is valid until OnFragment returns. A piece of text never ends inside a rune.
	// It may be empty at the end of a message.
	Data []byte
	// First and Final tell that the piece begins and ends its message.
	First, Final bool
}

// FragmentHandler is an optional event of a class. A class that has it gets every
// message in pieces, and OnMessage is called for records only, see
// [Base.SetRecordLength]. Messages may then be of any size: Config.MaxMessageSize
// applies only if it is set.
type FragmentHandler interface {
	// OnFragment gets each piece of each message, in order, inflated if it was
	// compressed. Goroutine and error are those of OnMessage; while it runs, nothing
	// more is read from this peer.
	OnFragment(f Fragment) error
}

// SetAcceptData(false) stops reading from this peer, also in the middle of what has
// come already, and lets its TCP connection push back; true goes on. Meanwhile
// no event of the peer's comes, pings are not answered, the peer's close is not seen,
// and the clocks for silence stand still. Closing ends the pause: what is then read is
// discarded. The zero value accepts.
func (b *Base) SetAcceptData(on bool) error { return b.link().Ops.SetAcceptData(on) }

// SetRecordLength(n) has binary data come to OnMessage in records of n bytes, cut and
// joined over the borders of messages; n may be changed by every event, also by that of
// a record, and 0, the default, turns it off. What is left at the end comes as a
// shorter record, after the peer's close frame or before OnClientDisconnect; and before
// the next whole message when it is turned off. Text is not touched. A negative n, or
// one above Config.MaxMessageSize, is [ErrRecordLength].
func (b *Base) SetRecordLength(n int) error { return b.link().Ops.SetRecordLength(n) }
