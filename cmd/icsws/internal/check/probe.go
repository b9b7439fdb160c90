package check

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// prober opens WebSocket connections. It is all that this package wants of a client.
type prober interface {
	// open makes one connection. The error is a *refusal.
	open(ctx context.Context, o dial.Options) (session, error)
}

// session is an open connection.
type session interface {
	// answer is what the server has agreed to.
	answer() answer
	// ping sends a ping and waits for its pong.
	ping(ctx context.Context) (time.Duration, error)
	// ended is closed when the connection is gone; then end says how.
	ended() <-chan struct{}
	end() client.CloseInfo
	// messages is how many came.
	messages() int
	// close does the closing handshake and waits for its end.
	close(ctx context.Context) error
}

// answer is a 101.
type answer struct {
	header     http.Header
	protocol   string
	compressed bool
	remote     string
	took       time.Duration // from request to answer
}

// refusal is a handshake that failed.
type refusal struct {
	stage      string // of the dialler: "connect", "proxy", "tls", "handshake"
	code       string // its reason, in kebab case
	status     int    // of the HTTP answer, 0 for none
	header     http.Header
	body       string // its beginning
	retryAfter time.Duration
	timeout    bool
	exit       cli.Code
	err        error
}

func (r *refusal) Error() string { return r.err.Error() }

// why is the error in words, without what the report has already: the URL and the reason.
func (r *refusal) why() string {
	text := r.Error()
	if e, ok := errors.AsType[*dial.DialError](r.err); ok {
		text = strings.TrimPrefix(text, "dial: "+e.URL+": ")
		text = strings.TrimPrefix(text, e.Reason.String()+": ")
	}
	return printable(text)
}
func (r *refusal) Unwrap() error { return r.err }
