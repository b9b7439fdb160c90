package client

import (
	"fmt"
	"time"
)

// Drop tells of messages to the peer that were dropped and that it will never see.
// Drops of one reason that happen close together come as one.
type Drop struct {
	Reason   DropReason
	Messages int
	Bytes    int       // of their frames, headers included
	Since    time.Time // when the first of them was dropped
}

// String is made for logs.
func (d Drop) String() string {
	return fmt.Sprintf("%d messages, %d bytes: %v", d.Messages, d.Bytes, d.Reason)
}

// DropReason says why messages were dropped.
type DropReason uint8

// The reasons.
const (
	DropNewest   DropReason = iota // the queue was full: [QueueDropNewest], or nothing could make room
	DropOldest                     // room for a newer one: [QueueDropOldest], [QueueLatest]
	DropReplaced                   // a newer one with the same key took its place: [QueueLatest]
	DropBudget                     // the memory budget of the server: Config.MemoryBudget
	DropExpired                    // it waited too long for a connection: dial.Options.QueueMaxAge
	DropStopped                    // it waited for a connection, and there will be none
	DropReasons  int        = iota // how many there are
)

var dropNames = [DropReasons]string{"queue full, newest dropped", "queue full, oldest dropped", "replaced by a newer one", "memory budget", "waited too long", "stopped"}

// String returns the reason in words.
func (r DropReason) String() string {
	if int(r) < DropReasons {
		return dropNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// DropHandler is an optional event of a class.
type DropHandler interface {
	// OnDropped tells that messages to this peer were dropped. Goroutine, order and
	// error are those of OnMessage: so it comes when the event that runs has
	// returned, and at the latest before OnClientDisconnect. One that sends to the same
	// client while its queue is full causes the next.
	OnDropped(d Drop) error
}

// ReadyToSendHandler is an optional event of a class.
type ReadyToSendHandler interface {
	// OnReadyToSend comes once when the queue has fallen to SendQueue.LowWater after a
	// message was not taken: TrySend said [ErrWouldBlock], Send [ErrQueueFull]
	// (S-11). Goroutine, order and error are those of OnMessage.
	OnReadyToSend() error
}
