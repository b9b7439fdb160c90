package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/google/uuid"
)

// ErrNotOffered: the sub-protocol was not among those the client offered.
var ErrNotOffered = errors.New("client: sub-protocol not offered")

// OpenRequest is a valid WebSocket handshake that waits for its answer.
// The factory's NewClient may look at it and change the answer; nothing has been
// sent yet. It is used by one goroutine and must not be kept after NewClient.
type OpenRequest struct {
	ID             uint64    // that the client will have
	UUID           uuid.UUID // likewise
	Name           string    // that [Base.Name] will return; empty for the decimal ID
	URI            *url.URL  // request target, never nil; under ServeHTTP as the mux left it
	RawURI         string    // the same as sent
	HostHeader     string
	HostTag        string    // tag of the virtual host, empty without hosts
	Origin         string    // checked already, see Config.AllowedOrigins
	SubProtocols   []string  // offered, in the client's order
	Extensions     []string  // Sec-WebSocket-Extensions lines
	Header         http.Header
	ResponseHeader http.Header // lines to add to the 101 response; never nil
	Remote, Local  netip.AddrPort
	ClientIP       netip.Addr // that [Base.ClientIP] will return
	Binding        string     // see [Base.Binding]
	BindingIndex   int
	TLS            *tls.ConnectionState // nil on a plain connection
	Pump           Loop                 // where the client's events will run, see [Base.AttachPump]; nil: as Config says

	selected string
	forward  ForwardTarget
	forwards bool
	ctx      context.Context
}

// Select answers with the sub-protocol p, or with none if p is empty, in place of
// the one that Config.SubProtocols chose. It returns [ErrNotOffered] unless the
// client offered p (RFC 6455 section 4.2.2).
func (r *OpenRequest) Select(p string) error {
	if p != "" && !slices.Contains(r.SubProtocols, p) {
		return fmt.Errorf("%w: %q", ErrNotOffered, p)
	}
	r.selected = p
	return nil
}

// SubProtocol is the one that will be answered, empty for none.
func (r *OpenRequest) SubProtocol() string { return r.selected }

// Reject returns a [*RejectError] with that status and body, for NewClient to
// return.
func (r *OpenRequest) Reject(status int, body string) error {
	return &RejectError{Status: status, Body: body}
}

// Context ends when Config.HandshakeTimeout is over or the server stops. Under
// ServeHTTP it also carries the values of the HTTP request's context. Never nil.
func (r *OpenRequest) Context() context.Context {
	if r.ctx == nil {
		return context.Background()
	}
	return r.ctx
}

// WithContext returns a shallow copy of r with another context.
func (r *OpenRequest) WithContext(ctx context.Context) *OpenRequest {
	c := *r
	c.ctx = ctx
	return &c
}
