package check

import (
	"context"
	"net/http"

	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// foreignOrigin is that of a site that does not exist (RFC 2606 section 2), so no server has
// it among its own.
const foreignOrigin = "https://origin-check.invalid"

// foreign finds out whether pages of any site may connect. It sets no exit code, and takes
// no longer than one step.
func (d *doctor) foreign(whole context.Context) bool {
	ctx, cancel := context.WithTimeout(whole, d.timeout)
	defer cancel()
	d.Foreign = &foreignPart{Origin: foreignOrigin, Result: "unknown"}
	header := d.dial.Header.Clone()
	header.Set("Origin", foreignOrigin)
	s, err := d.open(ctx, header)
	switch {
	case s != nil:
		d.letIn(ctx, s)
	case whole.Err() != nil:
	case refusesOrigin(err.status):
		d.foreignRefused(status(err.status))
	default:
		d.add(show.Note, "origin-unknown", "Whether pages of any site may connect is not known: with \"Origin: %s\" there was no handshake, and no clear refusal: %s.",
			foreignOrigin, err.why())
	}
	return true
}

// refusesOrigin tells whether a server that accepts other handshakes says no with this
// status, and not that it is busy or broken.
func refusesOrigin(status int) bool {
	return status >= 400 && status <= 499 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

func (d *doctor) foreignRefused(how string) {
	d.Foreign.Result = "refused"
	d.add(show.OK, "origin-checked", "Pages of other sites may not connect: with \"Origin: %s\" the server answers %s.", foreignOrigin, how)
}

// letIn tells of a handshake that was accepted, unless the server takes that back at once.
func (d *doctor) letIn(ctx context.Context, s session) {
	defer func() { _ = s.close(ctx) }() // it is gone with ctx at the latest
	if d.Ping != nil && d.Ping.Answered > 0 {
		if _, err := s.ping(ctx); err != nil { // the answer would come behind a close frame
			select {
			case <-s.ended(): // it was just closing
			case <-ctx.Done():
			}
		}
	}
	select {
	case <-s.ended():
		if end := s.end(); end.Remote {
			d.foreignRefused("101, and closes with " + end.Code.String())
			return
		}
	default:
	}
	d.Foreign.Result = "accepted"
	level := show.Note
	if d.dial.Header.Get("Cookie") != "" || len(s.answer().header.Values("Set-Cookie")) > 0 {
		level = show.Warning
	}
	d.add(level, "any-origin", "Pages of any site may connect: the server has accepted \"Origin: %s\".", foreignOrigin).
		Do("Let in the origins of your own pages only (AllowedOrigins) if the server knows people by cookies, or by the network " +
			"that they are in: any page that they visit could connect in their name. With tokens in the URL or in messages it does no harm.")
}
