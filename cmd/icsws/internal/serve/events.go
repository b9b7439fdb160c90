package serve

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/wsserver"
)

// event is one line of --json.
type event struct {
	Event    string    `json:"event"` // listening, connected, disconnected, refused, stopping, stopped
	Time     time.Time `json:"time"`
	URL      string    `json:"url,omitempty"`
	Page     string    `json:"page,omitempty"` // the same for a browser
	ID       uint64    `json:"id,omitempty"`
	Remote   string    `json:"remote,omitempty"`
	URI      string    `json:"uri,omitempty"`
	Host     string    `json:"host,omitempty"`
	Origin   string    `json:"origin,omitempty"`
	Protocol string    `json:"protocol,omitempty"`
	TLS      string    `json:"tls,omitempty"`
	Code     string    `json:"code,omitempty"` // for "icsws explain"
	Close    int       `json:"close,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Status   int       `json:"status,omitempty"`
	Text     string    `json:"text,omitempty"`
	Received *uint64   `json:"received,omitempty"` // messages
	Sent     *uint64   `json:"sent,omitempty"`
	Millis   float64   `json:"duration_ms,omitempty"`
	Clients  *int      `json:"clients,omitempty"`
}

// printer prints events, one line at a time.
type printer struct {
	env     *cli.Env
	verbose bool

	mu sync.Mutex // one line after the other
}

// print writes an event; people see text, if it is not empty.
func (p *printer) print(e event, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Time = time.Now().UTC()
	switch {
	case p.env.JSON:
		_ = p.env.PrintLine(e) // nobody is left to be told
	case text != "":
		fmt.Fprintf(p.env.Stdout, "%s\n", text) // as above
	}
}

// watch adds what tells of clients to the configuration.
func (p *printer) watch(c *wsserver.Config) {
	if !p.env.JSON && !p.verbose {
		return
	}
	c.Hooks = append(c.Hooks, wsserver.Hooks{OnClientConnect: p.connected, OnClientDisconnect: p.disconnected})
	c.Events.OnReject = p.refused
}

func (p *printer) connected(c client.Client) error {
	i := c.(interface{ Info() client.Info }).Info()
	e := event{
		Event: "connected", ID: i.ID, Remote: i.Remote.String(), URI: i.URI, Host: i.HostTag, Origin: i.Origin, Protocol: i.SubProtocol,
	}
	text := fmt.Sprintf("%d connected: %s %s", i.ID, e.Remote, cli.Printable(i.URI))
	for _, more := range []struct{ word, value string }{{"host", i.HostTag}, {"from", i.Origin}, {"protocol", i.SubProtocol}} {
		if more.value != "" {
			text += ", " + more.word + " " + cli.Printable(more.value)
		}
	}
	p.print(e, text)
	return nil
}

func (p *printer) disconnected(c client.Client, end client.CloseInfo) {
	i := c.(interface{ Info() client.Info }).Info()
	received, sent := i.Stats.MessagesIn, i.Stats.MessagesOut
	e := event{
		Event: "disconnected", ID: i.ID, Remote: i.Remote.String(), Code: end.Why(), Close: int(end.Code), Reason: end.Reason,
		Received: &received, Sent: &sent, Millis: show.Millis(time.Since(i.Opened)),
	}
	text := fmt.Sprintf("%d disconnected: %d", i.ID, end.Code)
	if end.Reason != "" {
		text += fmt.Sprintf(" %q", end.Reason)
	}
	p.print(e, fmt.Sprintf("%s (%s), %d in, %d out", text, e.Code, received, sent))
}

func (p *printer) refused(r wsserver.RejectInfo) {
	e := event{
		Event: "refused", Remote: r.Remote.String(), URI: r.URI, Host: r.HostTag, Code: r.Code(), Status: r.Status, Text: r.Text,
	}
	status := ""
	if r.Status != 0 {
		status = fmt.Sprintf(" with %d", r.Status)
	}
	p.print(e, strings.TrimSpace(fmt.Sprintf("refused%s: %s %s (%s) %s", status, e.Remote, cli.Printable(r.URI), e.Code, cli.Printable(r.Text))))
}
