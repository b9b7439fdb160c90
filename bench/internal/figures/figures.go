// Package figures is what one run of the load generator says, as JSON: the
// generator prints it, the suite reads it and keeps it, one object a line.
package figures

// Figures describe one server in one case. CPU times are microseconds per unit of
// work: a message echoed, a message delivered, a handshake, or a GiB. Fields that a
// scenario does not measure are zero and left out.
type Figures struct {
	// Error is why the run failed; nothing else counts then.
	Error string `json:"error,omitempty"`

	Conns   int     `json:"conns,omitempty"`   // connections that were open
	Units   float64 `json:"units,omitempty"`   // units of work measured
	Seconds float64 `json:"seconds,omitempty"` // their wall clock

	CPU       float64 `json:"cpu_us,omitempty"`        // of the whole server process
	ClientCPU float64 `json:"client_cpu_us,omitempty"` // of the generator
	PerSecond float64 `json:"per_s,omitempty"`         // by the wall clock
	Busy      float64 `json:"busy,omitempty"`          // the server's share of one CPU, 0 to 1
	// ClientBusy is the generator's; near 1 it is what limits the wall clock.
	ClientBusy float64 `json:"client_busy,omitempty"`

	// Latencies in microseconds, from a message's write to its echo, or from a
	// broadcast's trigger to its last delivery; where messages are sent at a fixed
	// rate, from when each was due. Only the latter have the last two.
	P50  float64 `json:"p50_us,omitempty"`
	P99  float64 `json:"p99_us,omitempty"`
	P999 float64 `json:"p999_us,omitempty"`
	Max  float64 `json:"max_us,omitempty"`
	// Rate is how many messages a second were due, and Late how many microseconds
	// after that the generator sent them, the 99th percentile.
	Rate float64 `json:"rate,omitempty"`
	Late float64 `json:"late_us,omitempty"`

	// ReplyBytes is the mean size of a reply on the wire without TLS, headers included.
	ReplyBytes float64 `json:"reply_bytes,omitempty"`

	// Memory that a connection adds to the server's resident set, in bytes: after
	// the handshakes, after one message on each, and both after a forced collection.
	Open       float64 `json:"open_bytes,omitempty"`
	OpenGC     float64 `json:"open_gc_bytes,omitempty"`
	Messaged   float64 `json:"messaged_bytes,omitempty"`
	MessagedGC float64 `json:"messaged_gc_bytes,omitempty"`
	// The parts of MessagedGC as the Go runtime counts them; Rest is what it does not,
	// and may be below zero, since not all that the runtime counts is resident.
	Heap    float64 `json:"heap_bytes,omitempty"`
	Stacks  float64 `json:"stack_bytes,omitempty"`
	Runtime float64 `json:"runtime_bytes,omitempty"`
	Rest    float64 `json:"rest_bytes,omitempty"`

	IdleCPU float64 `json:"idle_cpu_ms_per_s,omitempty"` // what all of them cost while silent
	BaseRSS int64   `json:"base_rss_bytes,omitempty"`    // of the server before the first one
	// Resident memory above that before the measurement, after a collection: the most
	// meanwhile, and what is left in the end, after another collection.
	Peak *int64 `json:"peak_bytes,omitempty"`
	Left *int64 `json:"left_bytes,omitempty"`

	Files *int `json:"files_left,omitempty"` // descriptors more than before
	Lost  int  `json:"lost,omitempty"`       // deliveries to receivers that read, which did not come

	KeyExchange string `json:"key_exchange,omitempty"` // of TLS
}

// Parts is what a Go server says of its memory, in bytes, after a collection: what a
// server writes on SIGUSR1 and the generator reads.
type Parts struct {
	Heap    int64 `json:"heap"`    // objects, and what their spans waste
	Stacks  int64 `json:"stacks"`  // of goroutines and threads
	Runtime int64 `json:"runtime"` // whatever else the runtime keeps
}
