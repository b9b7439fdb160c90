package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/explain"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// handshake opens a WebSocket, with and without an Origin if need be, and looks at what
// it is like.
func (d *doctor) handshake(ctx context.Context) bool {
	s, err := d.open(ctx, d.dial.Header)
	if s == nil && ctx.Err() == nil {
		if s = d.otherOrigin(ctx, err); s == nil {
			d.tellRefusal(err)
			return false
		}
	}
	if s == nil {
		return false
	}
	d.tellAnswer(s.answer())
	d.flush()
	d.begin("ping")
	d.pings(ctx, s)
	d.flush()
	d.begin("close")
	d.end(ctx, s)
	return !d.told("origin-refused", "closed-early", "broken") // no foreign page would fare better
}

// open makes one handshake and puts it into the report.
func (d *doctor) open(ctx context.Context, header http.Header) (session, *refusal) {
	o := d.dial
	o.Header = header
	if d.proxy != nil {
		o.Proxy = func(*http.Request) (*url.URL, error) { return d.proxy, nil }
	} else { // by the way that has worked
		o.Proxy, o.Dial = dial.NoProxy, func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, d.network, d.via)
		}
	}
	// What there is to say of the certificate was said, unless the proxy was in the way.
	o.InsecureSkipVerify = o.InsecureSkipVerify || d.TLS != nil
	part := shakePart{Origin: header.Get("Origin")}
	defer func() { d.Handshake = append(d.Handshake, part) }()
	s, err := d.probe.open(ctx, o)
	if err != nil {
		f, ok := errors.AsType[*refusal](err)
		if !ok {
			f = &refusal{stage: "handshake", code: "other", exit: cli.NoConnection, err: err}
		}
		part.Status, part.Header, part.Body, part.Reason, part.Error = f.status, f.header, f.body, f.code, f.Error()
		part.RetryAfter = show.Millis(f.retryAfter)
		return nil, f
	}
	a := s.answer()
	part.Status, part.Took, part.Header = http.StatusSwitchingProtocols, show.Millis(a.took), a.header
	part.Protocol, part.Compression = a.protocol, a.compressed
	return s, nil
}

// otherOrigin tries again with an Origin where there was none, and without it where
// there was one, when the server has refused. It returns nil if that does not help.
func (d *doctor) otherOrigin(ctx context.Context, f *refusal) session {
	if f.status < 400 || f.status > 499 || f.status == http.StatusNotFound || f.status == http.StatusTooManyRequests {
		return nil
	}
	header := d.dial.Header.Clone()
	origin := header.Get("Origin")
	if origin == "" {
		header.Set("Origin", d.t.origin())
	} else {
		header.Del("Origin")
	}
	s, _ := d.open(ctx, header)
	switch {
	case s == nil:
		return nil
	case origin == "":
		d.fail(cli.Refused)
		d.add(show.Bad, "origin-needed", "Without an Origin the server answers %s; with \"Origin: %s\" it accepts.", status(f.status), d.t.origin()).
			Do("Browsers send one by themselves; other clients have to: set the header Origin. Here: --origin %s", d.t.origin())
	default:
		d.fail(cli.Refused)
		d.add(show.Bad, "origin-refused", "The server answers %s to the origin %s; without an Origin it accepts.", status(f.status), origin).
			Do("Add %s, with scheme and port, to the origins that the server allows (AllowedOrigins).", origin)
	}
	return s
}

func status(n int) string { return strings.TrimSpace(fmt.Sprintf("%d %s", n, http.StatusText(n))) }

// tellRefusal says why there is no WebSocket.
func (d *doctor) tellRefusal(f *refusal) {
	switch {
	case f.stage == "proxy" && f.status != 0:
		d.refusedByProxy(f.status)
	case f.status != 0:
		d.tellStatus(f)
	case f.timeout:
		d.fail(cli.TimedOut)
		d.add(show.Bad, "handshake-timeout", "The server has taken the connection, and not answered the handshake within %v.", d.timeout).
			Do("It may be overloaded, or it waits for TLS: try wss.")
	default:
		d.fail(f.exit)
		d.tellReason(f)
	}
}

// tellReason is for answers that are none.
func (d *doctor) tellReason(f *refusal) {
	text := strings.TrimSuffix(f.why(), ".")
	switch f.code {
	case "closed", "reset":
		d.add(show.Bad, f.code, "The server has closed the connection in place of an answer.").
			Do("%s", map[bool]string{
				false: "It may speak TLS on this port: try wss. Or it refuses this address, or has crashed; look into its log.",
				true:  "It may refuse this address, or have crashed; look into its log.",
			}[d.t.secure])
	case "not-websocket":
		d.add(show.Bad, f.code, "The answer is not that of a WebSocket server: %s.", text).
			Do("Check host and port; a proxy in between may answer by itself.")
	case "protocol":
		d.add(show.Bad, f.code, "The server has chosen a sub-protocol that was not offered: %s.", text).
			Do("Browsers refuse that too. Offer it with --protocol, or correct the server.")
	case "extension":
		d.add(show.Bad, f.code, "The server has agreed to an extension that was not offered like this: %s.", text).
			Do("Browsers refuse that too. Turn compression off in the server, or correct it.")
	default:
		d.add(show.Bad, f.code, "%s.", capital(strings.TrimPrefix(printable(f.Error()), "dial: "+d.t.url.String()+": "))).Do("docs/dial.md says what to do about the reason %q.", f.code)
	}
}

// tellStatus explains an HTTP answer.
func (d *doctor) tellStatus(f *refusal) {
	d.fail(cli.Refused)
	e, _ := explain.Status(f.status)
	by := ""
	if s := f.header.Get("Server"); s != "" {
		by = fmt.Sprintf(" (Server: %s)", printable(s))
	}
	finding := d.add(show.Bad, fmt.Sprintf("status-%d", f.status), "The server answers %s%s. %s", status(f.status), by, e.Text)
	finding.Do("%s", e.Advice)
	if to := f.header.Get("Location"); to != "" {
		d.add(show.Note, "location", "It leads to %s", printable(to)).Do("Try: icsws check %s", webSocketURL(to))
	}
	if how := f.header.Values("WWW-Authenticate"); len(how) > 0 {
		d.add(show.Note, "authenticate", "It wants: %s.", printable(strings.Join(how, ", ")))
	}
	if v := f.header.Get("Sec-WebSocket-Version"); v != "" {
		d.add(show.Note, "version", "It speaks version %s of the protocol; the one of RFC 6455 is 13.", printable(v))
	}
	if f.retryAfter > 0 {
		d.add(show.Note, "retry-after", "It asks to come back in %v (Retry-After).", f.retryAfter)
	}
	if line := firstLine(f.body); line != "" {
		d.add(show.Note, "body", "It says: %s", line)
	}
}

// webSocketURL is where a redirection leads, as a URL for this program.
func webSocketURL(location string) string {
	for from, to := range map[string]string{"https://": "wss://", "http://": "ws://"} {
		if rest, ok := strings.CutPrefix(location, from); ok {
			return to + printable(rest)
		}
	}
	return printable(location)
}

// firstLine is that of a text; nothing of a page.
func firstLine(body string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "<") {
		return ""
	}
	return printable(line)
}

// printable keeps what comes from outside from moving the cursor, and short.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "..."
	}
	return s
}

// tellAnswer says what was agreed on.
func (d *doctor) tellAnswer(a answer) {
	by := ""
	if s := a.header.Get("Server"); s != "" {
		by = fmt.Sprintf(" Server: %s.", printable(s))
	}
	d.add(show.OK, "open", "The handshake has succeeded (%s).%s", show.Took(a.took), by)
	offered := d.dial.SubProtocols
	switch {
	case a.protocol != "":
		d.add(show.OK, "protocol", "The sub-protocol is %s.", a.protocol)
	case len(offered) > 0:
		d.add(show.Warning, "no-protocol", "The server has chosen none of the sub-protocols %s.", strings.Join(offered, ", ")).
			Do("Compare the names, whose case matters, with those of the server.")
	}
	switch {
	case a.compressed:
		d.add(show.OK, "compression", "Compression is agreed on: %s.", printable(a.header.Get("Sec-WebSocket-Extensions")))
	case d.dial.Compression.Mode != client.CompressionOff:
		d.add(show.OK, "no-compression", "The server does without compression.")
	}
	if cookies := a.header.Values("Set-Cookie"); len(cookies) > 0 {
		d.add(show.Note, "cookies", "The server has set %s.", plural(len(cookies), "cookie"))
	}
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".")
}
