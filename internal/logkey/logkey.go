// Package logkey has the keys of all lines that the library logs. They are behaviour:
// people build alerts on them. A test holds every line of the module to them.
package logkey

// The keys of the lines of a server.
const (
	Conn    = "conn"     // number of the client, Base.ID; 0 for none
	Remote  = "remote"   // address of the peer
	Host    = "host"     // tag of the virtual host
	Binding = "binding"  // name of the binding, or its address
	Addr    = "addr"     // address of the listener
	TLS     = "tls"      // whether it speaks TLS
	Code    = "code"     // stable code of what happened, see docs/codes.md
	Reason  = "reason"   // the same in words
	Status  = "status"   // HTTP status of a refusal, close code of an end
	Text    = "text"     // what the peer is told
	Setting = "setting"  // field of Config that decided, or is meant
	Event   = "event"    // event or other user code
	Op      = "op"       // what failed
	Err     = "err"      // the error
	Value   = "value"    // what was given to panic, or is in place of what a setting asks for
	Stack   = "stack"    // of the goroutine that panicked
	LeftOut = "left_out" // lines of that kind that were not logged before this one

	RemoteClose = "remote_close" // whether the peer ended the connection
	Cause       = "cause"        // the error behind the end
	Unsent      = "unsent"       // bytes that were queued for the client when it ended
	Messages    = "messages"     // how many
	Bytes       = "bytes"        // of their frames
	Since       = "since"        // when the first was dropped
	Name        = "name"         // a host name
	Advice      = "advice"       // what to do
	Prefix      = "prefix"       // addresses that are banned
	Method      = "method"       // of an HTTP request
	PID         = "pid"          // of the process that takes over
)

// The keys of the lines of a client that dials.
const (
	Attempt = "attempt" // its number, from 1, since the last stable connection
	Wait    = "wait"    // before the next one
	Final   = "final"   // whether there is none
)

// The keys of the line "starting".
const (
	Go             = "go"               // version of Go
	Procs          = "procs"            // GOMAXPROCS
	Driver         = "driver"           // Config.Driver
	MaxClients     = "max_clients"      // Banner.MaxClients; 0 for no limit
	MaxPending     = "max_pending"      // Config.MaxPending
	MaxHTTPConns   = "max_http_conns"   // Config.MaxHTTPConns
	MaxMessageSize = "max_message_size" // Config.MaxMessageSize in bytes
	QueueBytes     = "queue_bytes"      // SendQueue.MaxBytes
	Budget         = "memory_budget"    // Config.MemoryBudget in bytes; 0 for none
	Descriptors    = "descriptors"      // files that the process may open; 0 for unknown
	Memory         = "memory"           // bytes that the process may have; 0 for unknown
	Hosts          = "hosts"            // number of virtual hosts
)

// The keys of the line "drain".
const (
	Clients  = "clients"  // how many there were
	Left     = "left"     // connected now
	Closed   = "closed"   // whom the drain has closed
	Elapsed  = "elapsed"  // since it began
	Window   = "window"   // over which clients are closed
	Hastened = "hastened" // whether the rest was closed at once
	Over     = "over"     // whether all have left
)

// The keys of the lines about certificates.
const (
	Index     = "index"     // of the host, from 0
	Account   = "account"   // address of the ACME account
	CA        = "ca"        // directory of the authority
	Challenge = "challenge" // kind of the check
	Earlier   = "earlier"   // index of the host that has the name already
	Every     = "every"     // how often
	Failures  = "failures"  // attempts that failed in a row
	Folder    = "folder"    // that is not watched
	From      = "from"      // source of the certificate
	Lock      = "lock"      // name of a lock of the storage
	Names     = "names"     // of the certificate
	Renew     = "renew"     // when it will be renewed
	Renewal   = "renewal"   // whether it replaces another
	Result    = "result"    // status of the certificate
	Retry     = "retry"     // when it is tried again
	Subject   = "subject"   // of the certificate
	Until     = "until"     // end of its life
	At        = "at"        // when it will be done
	Why       = "why"       // page of the authority that explains it
	Preferred = "preferred" // name of the root that is asked for
	Roots     = "roots"     // names of those that there are
)
