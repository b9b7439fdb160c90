package client

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/internal/link"
)

// SendOptions change how one message is sent. The zero value is what Send does.
type SendOptions struct {
	// Policy applies to this message in place of the client's. [QueueDefault] is the
	// client's.
	Policy QueuePolicy
	// Key is what this message is the latest state of, see [QueueLatest], which it
	// implies. With another policy it is [ErrOptions].
	Key string
	// Timeout bounds the wait under [QueueBlock], and means nothing elsewhere. Zero is the
	// client's BlockTimeout; a negative one is [ErrOptions].
	Timeout time.Duration
	// NoCompression sends the message as it is, although the client negotiated
	// compression: for data that is compressed already.
	NoCompression bool
	// Progress is called after each fragment of a SendFile, SendReader or NewMessage
	// with the bytes sent so far and those of the whole message, -1 if that is unknown;
	// false breaks the message off with [ErrInterrupted] (S-26). It runs on the
	// goroutine that sends. With other calls it is [ErrOptions].
	Progress func(sent, total int64) bool
}

// SendResult tells what became of a message for one client (S-20 to S-25).
type SendResult struct {
	ID          uint64 // of the client
	URI         string // its request target
	PayloadSize int    // bytes of the message before compression
	WireSize    int    // bytes of its frames, headers included; 0 if it was not taken
	Err         error  // nil: the kernel has it, or it is in the client's queue
}

// SendWith is [Base.Send] with options; ctx bounds its wait, if it waits at all, and
// its error is then that of the context's cause.
func (b *Base) SendWith(ctx context.Context, m Message, o SendOptions) SendResult {
	c := b.link()
	r := SendResult{ID: c.ID, URI: c.URI, PayloadSize: len(m.Data)}
	lo, err := o.message()
	if err == nil {
		r.WireSize, err = c.Ops.SendWith(ctx, byte(m.Op), m.Data, lo)
	}
	if r.Err = err; err != nil {
		r.WireSize = 0
	}
	return r
}

// message checks the options of a whole message.
func (o SendOptions) message() (link.SendOptions, error) {
	if o.Key != "" && o.Policy == QueueDefault {
		o.Policy = QueueLatest
	}
	if o.Policy > QueueLatest || o.Key != "" && o.Policy != QueueLatest || o.Progress != nil || o.Timeout < 0 {
		return link.SendOptions{}, ErrOptions
	}
	return link.SendOptions{Policy: uint8(o.Policy), Key: o.Key, Timeout: o.Timeout, Plain: o.NoCompression}, nil
}

// TrySend is [Base.Send] that neither waits, nor drops, nor closes: while the queue
// holds SendQueue.HighWater bytes or m does not fit, it returns [ErrWouldBlock] and m is
// not taken (S-13). OnReadyToSend tells when to try again.
func (b *Base) TrySend(m Message) error {
	_, err := b.link().Ops.SendWith(context.Background(), byte(m.Op), m.Data, link.SendOptions{Try: true})
	return err
}

// WaitWritable waits while TrySend would say [ErrWouldBlock]: until the queue has
// fallen to SendQueue.LowWater, the client is closing ([ErrClosed]), ctx is done (its
// cause), or Interrupt is called ([ErrInterrupted]). A client that is writable returns
// nil at once.
func (b *Base) WaitWritable(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	return b.link().Ops.WaitWritable(ctx)
}

// Interrupt ends every Send and WaitWritable of this client that waits and every
// SendFile, SendReader and MessageWriter that is under way, with [ErrInterrupted]
// (S-14). A message of which a part is sent can not be taken back: then the connection
// ends with 1011, unless all of it is queued: then it arrives. With nothing under way
// nothing happens.
func (b *Base) Interrupt() { b.link().Ops.Interrupt() }

// Format is how [Base.Write] sends (S-06).
type Format uint8

// The formats.
const (
	FormatAuto   Format = iota // text if it is valid UTF-8, else binary
	FormatText                 // a text message
	FormatBinary               // a binary message
	FormatPing                 // the payload of a ping
)

// SetFormat chooses how Write sends. No other method looks at it.
func (b *Base) SetFormat(f Format) { b.format.Store(uint32(f)) }

// Write sends p as one message in the format of [Base.SetFormat], so that a client is an
// io.Writer (S-04). It takes all of p or nothing (S-05), see [Base.Send].
// [Base.Writer] makes one message of several writes.
func (b *Base) Write(p []byte) (int, error) {
	err := error(nil)
	switch f := Format(b.format.Load()); {
	case f == FormatPing:
		err = b.Ping(p)
	case f == FormatText, f == FormatAuto && utf8.Valid(p):
		err = b.Send(Message{OpText, p})
	default:
		err = b.Send(Message{OpBinary, p})
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// SetBandwidthLimit replaces Config.BandwidthLimit for this client: bytes a second in
// each direction; 0 is no limit (O-21). A negative value is [ErrOptions].
func (b *Base) SetBandwidthLimit(bytesPerSecond int) error {
	if bytesPerSecond < 0 {
		return ErrOptions
	}
	return b.link().Ops.SetBandwidthLimit(bytesPerSecond)
}
