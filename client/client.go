package client

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// Client is any struct that embeds [Base] and has OnMessage. It has an unexported
// method, so only a type that embeds Base is one, and Base can grow.
//
// Besides OnMessage a class may have the optional events [FragmentHandler],
// [PingHandler], [PongHandler], [ReadyToSendHandler] and [DropHandler]. wsserver.New
// refuses any other exported method of a class that is named On…, so that a misspelt
// event is an error and not a silence.
type Client interface {
	// OnMessage gets each whole data message, in order, on the reader's goroutine.
	// m.Data is valid until it returns. While it runs, nothing more is read from this
	// peer. An error ends the connection: a *CloseError with its code, another with
	// 1011. It may call everything of Base and of the server, Shutdown included.
	OnMessage(m Message) error

	ID() uint64
	UUID() uuid.UUID
	Name() string
	Remote() netip.AddrPort
	Local() netip.AddrPort
	ClientIP() netip.Addr
	Binding() string
	BindingIndex() int
	HostTag() string
	HostHeader() string
	Origin() string
	RawURI() string
	URI() *url.URL
	Header() http.Header
	OfferedProtocols() []string
	SubProtocol() string
	TLS() *tls.ConnectionState
	TLSInfo() TLSInfo
	Info() Info
	Stats() Stats
	Server() Server

	Context() context.Context
	Done() <-chan struct{}
	Connected() bool
	Closing() bool
	BufferedAmount() int

	Send(m Message) error
	SendText(s string) error
	SendBinary(p []byte) error
	SendWith(ctx context.Context, m Message, o SendOptions) SendResult
	TrySend(m Message) error
	WaitWritable(ctx context.Context) error
	Interrupt()
	SendFile(ctx context.Context, name string, o ...SendOptions) error
	SendReader(ctx context.Context, op Opcode, r io.Reader, o ...SendOptions) error
	SendReadCloser(ctx context.Context, op Opcode, r io.ReadCloser, o ...SendOptions) error
	NewMessage(op Opcode, total int64, o ...SendOptions) *MessageWriter
	Writer(op Opcode) *MessageWriter
	Write(p []byte) (int, error)
	SetFormat(f Format)
	Ping(payload []byte) error
	Pong(payload []byte) error
	Flush() error
	Close(code StatusCode, reason string) error
	CloseAfterFlush(code StatusCode, reason string) error
	Abort()
	SetBanner(text string) error
	SetWriteTimeout(d time.Duration)
	SetSendQueue(q SendQueue) error
	SetBandwidthLimit(bytesPerSecond int) error
	SetAcceptData(on bool) error
	SetRecordLength(n int) error
	AttachPump(l Loop) error
	DetachPump() error

	base() *Base
}

// PingHandler is an optional event of a class.
type PingHandler interface {
	// OnPing gets the payload of each ping, at most 125 bytes, valid until it
	// returns. The pong is on its way already, unless Config.DisablePong is set
	// . Goroutine, order and error are those of OnMessage.
	OnPing(payload []byte) error
}

// PongHandler is an optional event of a class.
type PongHandler interface {
	// OnPong gets the payload of each pong, at most 125 bytes, valid until it
	// returns. Goroutine, order and error are those of OnMessage.
	OnPong(payload []byte) error
}

// Server is what a client may ask of its server without knowing its own type;
// wsserver.ServerOf gives the typed one. Its methods may be called from any
// goroutine.
type Server interface {
	// ClientCount returns the number of clients that are admitted and not yet
	// disconnected.
	ClientCount() int
	// Broadcast sends m to every client that passes all filters and returns how
	// many took it. It never waits for a peer.
	Broadcast(m Message, filters ...Filter) int
}

// Filter chooses clients; it may be called from any goroutine and must not block.
type Filter func(c Client) bool
