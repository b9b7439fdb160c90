// Package link ties client.Base to the connection below it without any driver
// method on user classes. It is a leaf: client sets its function variables in
// init, and wsserver, internal/engine and clienttest call them.
package link

import (
	"context"
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/icsws/icsws/internal/budget"
)

// State is where a client stands in its life.
type State uint32

// The states of a client, in the order of a life.
const (
	Connecting State = iota // the object exists, the handshake is not answered yet
	Open                    // the 101 is written
	Closing                 // a close frame was sent or received
	Closed                  // the connection is gone
)

// Facts is what the handshake established about a connection. It is complete
// before Bind and never changes.
type Facts struct {
	ID            uint64
	UUID          [16]byte
	Name          string
	Remote, Local netip.AddrPort
	ClientIP      *netip.Addr // whom a proxy has named; nil: the address of Remote
	Binding       string
	BindingIndex  int
	HostTag       string
	HostHeader    string
	Origin        string
	URI           string // request target as sent
	Raw           string // header lines of the request, without the request line
	SubProtocol   string
	TLS           *tls.ConnectionState
	Opened        time.Time
}

// Counters are the traffic figures of one connection.
type Counters struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64 // on the wire below TLS framing, headers included
	Buffered                int    // bytes waiting in the queue
	MessagesDropped         uint64
	BytesDropped            uint64
	LastRead                time.Time
	RTT                     time.Duration
}

// Conn is one connection as Base sees it. The engine embeds it in its own
// connection object, so that binding costs no allocation.
type Conn struct {
	Facts
	Ops    Ops
	Server any // a client.Server
}

// Ops is what the engine, or a recorder in tests, does for Base. All methods
// may be called from any goroutine.
type Ops interface {
	// Send takes one message and reports the bytes of its frame.
	Send(op byte, p []byte) (wire int, err error)
	// SendWith is Send with options; ctx bounds the wait.
	SendWith(ctx context.Context, op byte, p []byte, o SendOptions) (wire int, err error)
	// Stream returns a message that is sent in pieces; errors come from its methods.
	Stream(ctx context.Context, op byte, total int64, o StreamOptions) Stream
	WaitWritable(ctx context.Context) error
	Interrupt()
	SetSendQueue(q any) error // a *client.SendQueue, complete and valid
	SetBandwidthLimit(bytesPerSecond int) error
	SetAcceptData(on bool) error
	SetRecordLength(n int) error
	// Close starts the close handshake; code 0 asks for the server's default.
	Close(code uint16, reason string, afterFlush bool) error
	Abort()
	Flush() error
	// Control sends a ping (opcode 9) or pong (10).
	Control(op byte, payload []byte) error
	SetBanner(text string) error
	// AttachLoop has the events run on l, for which LoopOf knows a Loop; nil: on a
	// goroutine of the client's own.
	AttachLoop(l any) error
	// DetachLoop lets the events wait for the next AttachLoop.
	DetachLoop() error
	SetWriteTimeout(d time.Duration)
	State() State
	Counters() Counters
	Context() context.Context
}

// Bind attaches a client object (a client.Client) to its connection, once. It
// reports false when the object is bound already.
var Bind func(c any, conn *Conn) bool

// BudgetOf returns what is in a *client.Budget, nil if it is nil.
var BudgetOf func(b any) *budget.Budget

// MessageOptions returns what is in a client.SendOptions for a whole message, or why
// that can not be.
var MessageOptions func(o any) (SendOptions, error)

// ConnOf returns the connection that a client object is bound to, or nil.
var ConnOf func(c any) *Conn
