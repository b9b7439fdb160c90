package client

import "fmt"

// CloseInfo tells how a connection ended (E-05).
type CloseInfo struct {
	// Code is the close code of the side that began: the peer's if Remote, ours
	// otherwise. StatusNoCode stands for a close frame without a code,
	// StatusAbnormal for an end without a close frame.
	Code StatusCode
	// Reason is the text that came with Code; at most [MaxReason] bytes.
	Reason string
	// Remote tells that the peer began: with a close frame, or by going away.
	Remote bool
	// Cause is never nil: one typed error for each way to end, see the variables
	// of this package.
	Cause error
	// Unsent is how many bytes of frames were taken by Send and never handed to the
	// kernel: what an abort, a stall or the loss of the connection has left in the
	// queue. What was handed to it may be lost as well.
	Unsent int
}

// Clean reports whether the closing handshake was begun with a close frame (RFC 6455
// section 7.1.4).
func (i CloseInfo) Clean() bool { return i.Code != StatusAbnormal }

// String is made for logs.
func (i CloseInfo) String() string {
	side := "local"
	if i.Remote {
		side = "remote"
	}
	return fmt.Sprintf("%s %v: %v", side, i.Code, i.Cause)
}
