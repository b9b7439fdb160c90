package wsserver

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/link"
)

// Drain says how Shutdown sends the clients away. With the zero value all are
// closed at once with 1001. With a Window they are closed one after the other, evenly
// over that time, those who are connected longest first. What was sent to them before
// goes out first, as with CloseAfterFlush. See docs/restart.md.
type Drain struct {
	// Window is the time over which Shutdown closes the clients. Zero is at once, and
	// then the other fields must not be set. It must not be longer than
	// Config.ShutdownTimeout. When the context of Shutdown ends earlier than Window and
	// CloseTimeout would take, the window is shorter: the last client then has
	// CloseTimeout, or a quarter of the context's time if that is less, to answer.
	Window time.Duration
	// ReturnAfter is what the hint in each close reason asks for: that the client comes
	// back so long after its close (client.ReturnHint). Zero asks for at once, and
	// a negative value leaves the hint out.
	ReturnAfter time.Duration
	// ReturnSpread is added to ReturnAfter, for each client another share of it, evenly,
	// so that those who were closed together do not come back together. The two have at
	// most 24 h (client.MaxReturnHint).
	ReturnSpread time.Duration
	// Code is the close code. Zero means 1001; 1012 is "service restart".
	Code client.StatusCode
	// Reason is the text before the hint, cut so that both have 123 bytes. Empty means
	// "server shuts down".
	Reason string
}

// DrainInfo is how far a drain has come.
type DrainInfo struct {
	Clients  int           // when it began, and the few who were just being admitted
	Left     int           // connected now
	Closed   int           // whom the drain has sent a close frame, or will when their queue is empty
	Elapsed  time.Duration // since it began
	Window   time.Duration // over which clients are closed: Drain.Window, or less because of the context
	Hastened bool          // a second call of Shutdown, Close, Abort or the end of the context closed the rest at once
	Over     bool          // all have left; this is the last event
}

func (c *Config) checkDrain() error {
	d := &c.Drain
	switch {
	case d.Window == 0 && *d != Drain{}:
		return configError("Drain.Window", "not set, but other fields of Config.Drain are")
	case d.Window == 0:
		return nil
	case d.Window > c.ShutdownTimeout:
		return configError("Drain.Window", "%v is longer than Config.ShutdownTimeout, %v", d.Window, c.ShutdownTimeout)
	case d.ReturnAfter > client.MaxReturnHint || max(d.ReturnAfter, 0) > client.MaxReturnHint-d.ReturnSpread:
		return configError("Drain.ReturnSpread", "together with ReturnAfter, %v and %v are more than %v", d.ReturnSpread, d.ReturnAfter, client.MaxReturnHint)
	case !d.Code.Sendable():
		return &ConfigError{"Drain.Code", errorf("%w: %d", client.ErrBadCloseCode, d.Code)}
	case !utf8.ValidString(d.Reason):
		return &ConfigError{"Drain.Reason", client.ErrInvalidUTF8}
	}
	return errors.Join(positive("Drain.Window", d.Window), positive("Drain.ReturnSpread", d.ReturnSpread))
}

// withDefaults fills in what a drain with a window leaves open.
func (d *Drain) withDefaults() {
	if d.Window != 0 {
		def(&d.Code, client.StatusGoingAway)
		def(&d.Reason, shutdownReason)
	}
}

const shutdownReason = "server shuts down"

// hint is when the i-th client is to come back. Multiples of the golden ratio, modulo 1,
// are spread evenly however many there are.
func (d *Drain) hint(i uint64) time.Duration {
	const golden = 0x9e3779b97f4a7c15 // of 2⁶⁴
	share := float64(i*golden) / math.MaxUint64
	return d.ReturnAfter + time.Duration(share*float64(d.ReturnSpread))
}

// sendAway closes a session as Shutdown does.
func (s *core) sendAway(sess *engine.Session) {
	d := &s.in.Load().cfg.Drain
	if d.Window == 0 {
		_ = sess.CloseWith(client.StatusGoingAway, shutdownReason, false, client.ErrServerShutdown)
		return
	}
	if sess.State() >= link.Closing {
		return
	}
	reason := client.CutReason(d.Reason)
	if d.ReturnAfter >= 0 {
		reason = client.WithReturnHint(d.Reason, d.hint(s.away.hints.Add(1)-1))
	}
	if sess.CloseWith(d.Code, reason, true, client.ErrServerShutdown) == nil {
		s.away.closed.Add(1)
	}
}

// later gives those who are refused because the server drains a hint of their own.
func (s *core) later(e *handshake.Error) {
	d := &s.in.Load().cfg.Drain
	if d.Window == 0 || d.ReturnAfter < 0 || d.ReturnAfter+d.ReturnSpread == 0 || e.Header == nil {
		return
	}
	in := d.hint(s.away.hints.Add(1) - 1)
	e.Header = http.Header{"Retry-After": {strconv.Itoa(max(1, int(math.Ceil(in.Seconds()))))}}
}
