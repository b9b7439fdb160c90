package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/explain"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// pings measures round trips.
func (d *doctor) pings(ctx context.Context, s session) {
	if d.o.pings == 0 {
		return
	}
	d.Ping = &pingPart{RTT: []float64{}}
	var all []time.Duration
	for range d.o.pings {
		d.Ping.Sent++
		one, cancel := context.WithTimeout(ctx, d.timeout)
		rtt, err := s.ping(one)
		cancel()
		if err != nil {
			d.noPong(ctx, s, err)
			break
		}
		d.Ping.Answered++
		d.Ping.RTT = append(d.Ping.RTT, show.Millis(rtt))
		all = append(all, rtt)
	}
	if n := len(all); n > 0 {
		slices.Sort(all)
		d.add(show.OK, "pong", "%s answered: least %s, median %s, most %s.", plural(n, "ping"), show.Took(all[0]), show.Took(all[n/2]), show.Took(all[n-1]))
	}
	if n := s.messages(); n > 0 {
		d.add(show.Note, "messages", "The server has sent %s unasked.", plural(n, "message"))
	}
}

func (d *doctor) noPong(ctx context.Context, s session, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, context.DeadlineExceeded):
		d.fail(cli.TimedOut)
		d.add(show.Bad, "no-pong", "A ping was not answered within %v.", d.timeout).
			Do("RFC 6455 wants a pong: the server's program does not read, or something in between swallows control frames.")
	default:
		d.early(s)
	}
}

// early tells of a connection that the server has ended by itself.
func (d *doctor) early(s session) {
	select {
	case <-s.ended():
	case <-time.After(d.timeout): // between the error and its event
		return
	}
	d.fail(cli.Refused)
	end := s.end()
	e, _ := explain.Close(int(end.Code))
	if !end.Remote {
		d.add(show.Bad, "broken", "What the server has sent can not be taken: %s. The connection was closed with %d (%s).", printable(end.Reason), end.Code, e.Name).
			Do("Browsers close it as well, unless it was a message above --max-size: look into the server, or into what changes bytes on the way.")
		return
	}
	said := ""
	if end.Reason != "" {
		said = fmt.Sprintf(" and says %q", printable(end.Reason))
	}
	name := ""
	if e.Name != "" {
		name = " (" + e.Name + ")"
	}
	e.Advice = strings.TrimSuffix(e.Advice, ` "icsws check" tells them apart.`) // this is it
	d.add(show.Bad, "closed-early", "The server ends the connection by itself, with %d%s%s. %s", end.Code, name, said, e.Text).Do("%s", e.Advice)
}

// end does the closing handshake.
func (d *doctor) end(ctx context.Context, s session) {
	gone := false
	select {
	case <-s.ended():
		gone = true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	start := time.Now()
	err := s.close(ctx)
	took := time.Since(start)
	if err != nil {
		d.Close = &closePart{Took: show.Millis(took)}
		d.add(show.Warning, "close-timeout", "The closing handshake has not come to its end within %v.", d.timeout)
		return
	}
	info := s.end()
	d.Close = &closePart{
		Answered: !errors.Is(info.Cause, client.ErrCloseTimeout), Took: show.Millis(took), Code: int(info.Code), Reason: info.Reason, Remote: info.Remote,
	}
	switch {
	case gone && !d.told("closed-early", "broken"):
		d.early(s)
	case info.Remote:
	case !d.Close.Answered:
		d.add(show.Warning, "close-unanswered", "The server has not answered our close frame (%s).", show.Took(took)).
			Do("RFC 6455 section 5.5.1 wants it: clients wait for it in vain.")
	default:
		d.add(show.OK, "closed", "The server has answered our close frame, and the connection is closed (%s).", show.Took(took))
	}
}

// told tells whether there is a finding with one of these codes.
func (r *report) told(codes ...string) bool {
	return slices.ContainsFunc(r.Findings, func(f show.Finding) bool { return slices.Contains(codes, f.Code) })
}
