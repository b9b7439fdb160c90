package client

import (
	"context"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// closed stands for the connection of a client that has none.
var closed = &link.Conn{Ops: notConnected{}}

// notConnected is the Ops of a client without a connection.
type notConnected struct{}

var ended = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ErrClosed)
	return ctx
}()

func (notConnected) Send(byte, []byte) (int, error)     { return 0, ErrClosed }
func (notConnected) Close(uint16, string, bool) error   { return ErrClosed }
func (notConnected) Abort()                             {}
func (notConnected) Flush() error                       { return ErrClosed }
func (notConnected) Control(byte, []byte) error         { return ErrClosed }
func (notConnected) SetBanner(string) error             { return ErrClosed }
func (notConnected) SetWriteTimeout(time.Duration)      {}
func (notConnected) State() link.State                  { return link.Connecting }
func (notConnected) Counters() (c link.Counters)        { return c }
func (notConnected) Context() context.Context           { return ended }
func (notConnected) WaitWritable(context.Context) error { return ErrClosed }
func (notConnected) Interrupt()                         {}
func (notConnected) SetSendQueue(any) error             { return ErrClosed }
func (notConnected) SetBandwidthLimit(int) error        { return ErrClosed }
func (notConnected) SetAcceptData(bool) error           { return ErrClosed }
func (notConnected) SetRecordLength(int) error          { return ErrClosed }
func (notConnected) AttachLoop(any) error               { return ErrClosed }
func (notConnected) DetachLoop() error                  { return ErrClosed }

func (notConnected) SendWith(context.Context, byte, []byte, link.SendOptions) (int, error) {
	return 0, ErrClosed
}

func (notConnected) Stream(context.Context, byte, int64, link.StreamOptions) link.Stream {
	return link.Failed(ErrClosed)
}
