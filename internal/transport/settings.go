package transport

import (
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/budget"
)

// Settings are the limits of the connections of one server. They are complete:
// no zero value stands for a default. Negative durations turn a limit off.
type Settings struct {
	Dialed       bool           // we are the client: our frames are masked, the peer's are not
	Dormant      bool           // sockets wait in a poller of ours, where there is one
	Inline       bool           // with Dormant: events run on the goroutine of the poller
	MaxMessage   int64          // bytes of a whole message, after inflation; < 0 = no limit
	MaxPieces    int64          // the same for a message that is delivered in pieces
	MaxFrame     int            // payload of a frame that we send; 0 = no limit
	Budget       *budget.Budget // of all queues; nil = none
	Bandwidth    int            // bytes a second in each direction; 0 = no limit
	Sampling     time.Duration  // for how long unused bandwidth may be caught up
	Sent         bool           // Events.Sent is wanted
	Queue        client.SendQueue
	WriteTimeout time.Duration
	CloseTimeout time.Duration
	NoCloseWait  bool // drop the connection as soon as our close frame is out
	PingInterval time.Duration
	PongTimeout  time.Duration
	PingPayload  func() []byte // nil = a counter
	NoPong       bool
	IdleTimeout  time.Duration
	MaxLifetime  time.Duration
}

const (
	corkLimit  = 8 << 10  // a cork this full is flushed
	largeFrame = 8 << 10  // a frame this large is not copied into the cork
	sliceLimit = 64 << 10 // most bytes between two looks at the queue's state
	maxWhole   = 64 << 10 // payload of a frame that the filter holds until it is whole

	// lingerTime bounds how long input is discarded after our last byte, so that no
	// reset destroys it on its way to the peer.
	lingerTime  = time.Second
	lingerBytes = 4 << 20

	// serverTurn is how long a client waits for the server to end the stream first.
	serverTurn = 200 * time.Millisecond

	// maxLinger bounds the connections of a server that linger at the same time; a
	// further one is closed at once.
	maxLinger = 1024

	// hastyTime is what our close frame gets at most when the server is closed.
	hastyTime = 100 * time.Millisecond
)
