package connect

import (
	"crypto/tls"
	"io"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// event is one line of --json.
type event struct {
	Event string    `json:"event"` // open, message, ping, pong, close, error
	Time  time.Time `json:"time"`

	URL         string             `json:"url,omitempty"` // of open and error
	Remote      string             `json:"remote,omitempty"`
	Protocol    string             `json:"protocol,omitempty"`
	Compression *bool              `json:"compression,omitempty"`
	TLS         string             `json:"tls,omitempty"`
	Proxy       string             `json:"proxy,omitempty"`
	Attempt     int                `json:"attempt,omitempty"`
	Timing      map[string]float64 `json:"timing_ms,omitempty"`

	Type   string   `json:"type,omitempty"` // of a message: text or binary
	Text   *string  `json:"text,omitempty"` // of a message, a ping or a pong; of an error
	Base64 *[]byte  `json:"base64,omitempty"`
	Bytes  *int     `json:"bytes,omitempty"`
	RTT    *float64 `json:"rtt_ms,omitempty"`

	Code   string `json:"code,omitempty"` // for "icsws explain"
	Close  int    `json:"close,omitempty"`
	Reason string `json:"reason,omitempty"`
	ByPeer *bool  `json:"by_server,omitempty"`
	Unsent int    `json:"unsent,omitempty"`

	Stage  string   `json:"stage,omitempty"`
	Status int      `json:"status,omitempty"`
	Next   *float64 `json:"next_attempt_ms,omitempty"` // none follows without it
}

// objects is the view of --json.
type objects struct{ w io.Writer }

func (j objects) write(e event) error {
	e.Time = time.Now().UTC()
	return cli.WriteJSON(j.w, e, "")
}

func (j objects) opened(o dial.OpenInfo) {
	e := event{Event: "open", URL: o.URL, Protocol: o.Protocol, Compression: &o.Compression, Proxy: o.Proxy, Attempt: o.Attempt, Status: o.Status}
	if o.Remote.IsValid() {
		e.Remote = o.Remote.String()
	}
	if o.TLS != nil {
		e.TLS = tls.VersionName(o.TLS.Version)
	}
	t := o.Timing
	e.Timing = map[string]float64{
		"resolve": show.Millis(t.Resolve), "connect": show.Millis(t.Connect), "proxy": show.Millis(t.Proxy),
		"tls": show.Millis(t.TLS), "handshake": show.Millis(t.Handshake),
	}
	_ = j.write(e)
}

// with puts a payload in.
func (e event) with(data []byte, text bool) event {
	n := len(data)
	e.Bytes = &n
	if text {
		s := string(data)
		e.Text = &s
	} else {
		e.Base64 = &data
	}
	return e
}

func (j objects) message(m client.Message) error {
	return j.write(event{Event: "message", Type: m.Op.String()}.with(m.Data, m.Op == client.OpText))
}

func (j objects) pinged(payload []byte) {
	_ = j.write(event{Event: "ping"}.with(payload, utf8.Valid(payload)))
}

func (j objects) ponged(payload []byte, rtt time.Duration, _ bool) {
	ms := show.Millis(rtt)
	_ = j.write(event{Event: "pong", RTT: &ms}.with(payload, utf8.Valid(payload)))
}

func (j objects) closed(i client.CloseInfo) {
	text := i.Cause.Error()
	_ = j.write(event{
		Event: "close", Code: i.Why(), Close: int(i.Code), Reason: i.Reason, ByPeer: &i.Remote, Unsent: i.Unsent, Text: &text,
	})
}

func (j objects) failed(d *dial.DialError) {
	text := d.Error()
	e := event{
		Event: "error", URL: d.URL, Attempt: d.Attempt, Stage: d.Stage.String(), Code: d.Reason.Code(), Status: d.HTTPStatus, Text: &text,
	}
	if !d.Final {
		ms := show.Millis(d.NextWait)
		e.Next = &ms
	}
	_ = j.write(e)
}
