package wsserver

// Driver is the way in which the connections of a server wait for input. It changes
// what a connection costs, and nothing else: the events, their order and all limits
// are the same under each.
type Driver uint8

const (
	// DriverAuto is DriverDormant where there is one, else DriverGoroutine.
	DriverAuto Driver = iota
	// DriverGoroutine has a goroutine for each connection at all times. It works on
	// every system and with every net.Conn.
	DriverGoroutine
	// DriverDormant has one only for a connection that has lately had input: one
	// that is silent for a second keeps neither a goroutine nor a stack nor a buffer
	// until the next byte comes. It is for TCP and Unix sockets on Linux, under TLS
	// too; other connections, and other systems, have DriverGoroutine. A *net.TCPConn
	// that a listener given to Serve has returned may be closed then, while its socket
	// lives on: a listener that wants to keep its connections returns a type of its
	// own, or asks for DriverGoroutine.
	DriverDormant
	// DriverInline runs the events on the goroutine that waits for all connections,
	// for servers whose events do not block: with thousands of active connections it
	// saves waking a goroutine for each message. An event that takes longer than
	// about a millisecond is noticed, and another goroutine goes on with the other
	// connections. It is for the same connections as DriverDormant; others have that.
	DriverInline
)

// String is the name of the constant without its prefix, in lower case.
func (d Driver) String() string {
	names := [...]string{"auto", "goroutine", "dormant", "inline"}
	if int(d) >= len(names) {
		return "unknown"
	}
	return names[d]
}
