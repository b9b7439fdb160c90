package client

import (
	"fmt"
	"time"
)

// SendQueue bounds what waits for one peer that reads slower than the server
// sends (S-12).
type SendQueue struct {
	// MaxBytes bounds the frames in the queue, headers included. A message larger
	// than that is taken when the queue is empty. The fragments of a message in pieces
	// do not count: they are bounded by themselves. Zero means 1 MiB; negative is an
	// error.
	MaxBytes int
	// MaxMessages bounds their number. Zero means no bound of its own.
	MaxMessages int
	// Policy says what happens when a message finds the queue full. The zero value
	// is [QueueClose].
	Policy QueuePolicy
	// BlockTimeout bounds the wait of a Send under [QueueBlock]; then the message is
	// not taken and Send returns ErrQueueFull. Zero means no bound but
	// Config.WriteTimeout, which ends the connection of a peer that takes nothing.
	BlockTimeout time.Duration
	// HighWater is the number of queued bytes at which [Base.TrySend] begins to say
	// ErrWouldBlock. Zero means MaxBytes (S-11).
	HighWater int
	// LowWater is the number of queued bytes at which the client is writable again:
	// OnReadyToSend comes and [Base.WaitWritable] returns. Zero means half of HighWater;
	// it must not be above HighWater.
	LowWater int
}

// WithDefaults returns q with its default in place of each zero.
func (q SendQueue) WithDefaults() SendQueue {
	if q.MaxBytes == 0 {
		q.MaxBytes = 1 << 20
	}
	if q.HighWater == 0 {
		q.HighWater = q.MaxBytes
	}
	if q.LowWater == 0 {
		q.LowWater = q.HighWater / 2
	}
	if q.Policy == QueueDefault {
		q.Policy = QueueClose
	}
	return q
}

// Validate returns what is wrong with q, as a [*QueueError], or nil.
func (q SendQueue) Validate() error {
	q = q.WithDefaults()
	switch {
	case q.MaxBytes < 0:
		return &QueueError{"MaxBytes", q.MaxBytes, "is negative"}
	case q.MaxMessages < 0:
		return &QueueError{"MaxMessages", q.MaxMessages, "is negative"}
	case q.Policy > QueueLatest:
		return &QueueError{"Policy", int(q.Policy), "is unknown"}
	case q.BlockTimeout < 0:
		return &QueueError{"BlockTimeout", q.BlockTimeout, "is negative"}
	case q.HighWater < 0 || q.HighWater > q.MaxBytes:
		return &QueueError{"HighWater", q.HighWater, "is not from 0 to MaxBytes"}
	case q.LowWater < 0 || q.LowWater > q.HighWater:
		return &QueueError{"LowWater", q.LowWater, "is not from 0 to HighWater"}
	}
	return nil
}

// QueueError names a field of a [SendQueue] with a value that it can not have.
type QueueError struct {
	Field string // such as "LowWater"
	Value any
	Why   string
}

// Error tells field and reason.
func (e *QueueError) Error() string {
	return fmt.Sprintf("client: SendQueue.%s: %v %s", e.Field, e.Value, e.Why)
}

// QueuePolicy says what happens when a message finds the send queue full (S-12).
// Only whole messages of which nothing is written yet are ever dropped. Each drop is
// counted, logged, and told to the class by OnDropped.
type QueuePolicy uint8

const (
	// QueueDefault is QueueClose in a SendQueue, and in [SendOptions] the client's
	// policy.
	QueueDefault QueuePolicy = iota
	// QueueClose ends the connection with 1008; Send returns [ErrQueueFull].
	QueueClose
	// QueueBlock lets Send wait for room. In an event that stops reading from this
	// peer as well, so that its own TCP connection pushes back. A broadcast never
	// waits: for it QueueBlock acts as [QueueClose].
	QueueBlock
	// QueueDropNewest does not take the message; Send returns [ErrQueueFull].
	QueueDropNewest
	// QueueDropOldest drops the oldest messages until the new one fits. One that does
	// not fit even so is not taken, as under QueueDropNewest.
	QueueDropOldest
	// QueueLatest keeps the latest message of each [SendOptions].Key: it takes the
	// place of the one with the same key that still waits, also when the queue is not
	// full. When it is, QueueLatest acts as QueueDropOldest.
	QueueLatest
)

var policyNames = [...]string{"default", "close", "block", "drop newest", "drop oldest", "latest"}

// String returns the policy in words, such as "close" or "drop oldest".
func (p QueuePolicy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return "unknown"
}

// Drops reports whether the policy drops messages that were taken before.
func (p QueuePolicy) Drops() bool { return p == QueueDropOldest || p == QueueLatest }

// SetSendQueue replaces Config.SendQueue for this client, from the next message on.
// What is queued already stays. It returns a [*QueueError] for values that can not be.
func (b *Base) SetSendQueue(q SendQueue) error {
	if err := q.Validate(); err != nil {
		return err
	}
	q = q.WithDefaults()
	return b.link().Ops.SetSendQueue(&q)
}
