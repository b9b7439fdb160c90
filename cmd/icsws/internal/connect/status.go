package connect

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// status tells people what happens besides messages. Each thing is one Write.
type status struct {
	w   io.Writer
	env *cli.Env // for its colours, which are those of stdout
	o   *options
	own bool // w is stdout: it may have colours
}

// paint is for what is told about, not what a peer has said.
func (p *status) paint(c cli.Paint, text string) string {
	if !p.own {
		return text
	}
	return p.env.Paint(c, text)
}

// stamp is what stands before each line.
func (p *status) stamp() string {
	if !p.o.timestamps {
		return ""
	}
	return p.paint(cli.Dim, time.Now().Format("15:04:05.000")) + " "
}

// note tells of something that is no message.
func (p *status) note(format string, args ...any) {
	if !p.o.quiet {
		p.tell(cli.Dim, fmt.Sprintf(format, args...))
	}
}

// trouble tells of something that is wrong.
func (p *status) trouble(format string, args ...any) {
	p.tell(cli.Red, fmt.Sprintf(format, args...))
}

func (p *status) tell(c cli.Paint, text string) {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(p.stamp() + p.paint(c, "* "+line) + "\n")
	}
	_, _ = io.WriteString(p.w, b.String()) // nobody is left to be told
}

func (p *status) opened(o dial.OpenInfo) {
	text := "connected to " + cli.Printable(o.URL)
	if o.Remote.IsValid() {
		text += " (" + o.Remote.String() + ")"
	}
	if o.Proxy != "" {
		text += " through " + cli.Printable(o.Proxy)
	}
	if o.TLS != nil {
		text += ", " + tls.VersionName(o.TLS.Version)
	}
	if o.Protocol != "" {
		text += ", protocol " + cli.Printable(o.Protocol)
	}
	if o.Compression {
		text += ", compressed"
	}
	if o.Reopened {
		text = "again " + text
	}
	if p.o.timing {
		text += "\n" + timing(o.Timing)
	}
	if p.o.verbose {
		text += "\n" + header(o)
	}
	p.note("%s", text)
}

// timing lists the stages that there were.
func timing(t dial.Timing) string {
	var list []string
	for _, s := range stages(t) {
		if s.took > 0 {
			list = append(list, s.name+" "+show.Took(s.took))
		}
	}
	return strings.Join(list, ", ")
}

type stage struct {
	name string
	took time.Duration
}

func stages(t dial.Timing) []stage {
	return []stage{
		{"name", t.Resolve}, {"connection", t.Connect}, {"proxy", t.Proxy}, {"TLS", t.TLS}, {"handshake", t.Handshake},
		{"in all", t.Resolve + t.Connect + t.Proxy + t.TLS + t.Handshake},
	}
}

// header lists the lines of the answer.
func header(o dial.OpenInfo) string {
	list := []string{fmt.Sprintf("HTTP status %d", o.Status)}
	for _, name := range slices.Sorted(maps.Keys(o.Header)) {
		for _, value := range o.Header[name] {
			list = append(list, cli.Printable(name+": "+value))
		}
	}
	return strings.Join(list, "\n")
}

func (p *status) pinged(payload []byte) {
	if p.o.verbose {
		p.note("ping from the server%s", said(payload))
	}
}

func (p *status) ponged(payload []byte, rtt time.Duration, asked bool) {
	switch {
	case asked:
		p.tell(cli.Dim, fmt.Sprintf("pong%s: %s", said(payload), show.Took(rtt)))
	case p.o.timing || p.o.verbose:
		p.note("round trip: %s", show.Took(rtt))
	}
}

// said is a text of the peer in quotes, if there is any.
func said(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	return ` "` + cli.Printable(string(text)) + `"`
}

func (p *status) closed(i client.CloseInfo) {
	text := fmt.Sprintf("by us with %v", i.Code)
	switch {
	case i.Remote && i.Code == client.StatusAbnormal:
		text = fmt.Sprintf("the connection is lost: %s", cli.Printable(i.Cause.Error()))
	case i.Remote:
		text = fmt.Sprintf("closed by the server with %v%s", i.Code, said([]byte(i.Reason)))
	default:
		text = fmt.Sprintf("closed %s%s", text, said([]byte(i.Reason)))
		if errors.Is(i.Cause, client.ErrCloseTimeout) {
			text += ", which the server has not answered"
		}
	}
	if !i.Remote && reach.CodeOfClose(i) != cli.OK {
		text += ": " + cli.Printable(i.Cause.Error())
	}
	if i.Unsent > 0 {
		text += fmt.Sprintf(", %d bytes not sent", i.Unsent)
	}
	if reach.CodeOfClose(i) == cli.OK {
		p.note("%s", text)
		return
	}
	p.trouble("%s", text)
}

func (p *status) failed(e *dial.DialError) {
	text := strings.TrimPrefix(cli.Printable(e.Error()), "dial: ")
	if body := strings.TrimSpace(e.Body); body != "" && p.o.verbose {
		text += "\n" + cli.Printable(body)
	}
	if !e.Final {
		text += fmt.Sprintf("\nnext attempt in %s", show.Took(e.NextWait))
	}
	p.trouble("%s", text)
}
