package check

import (
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/certs"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// report is what --json has. Times are in milliseconds.
type report struct {
	URL       string        `json:"url"`
	Time      time.Time     `json:"time"`
	Proxy     string        `json:"proxy,omitempty"`
	DNS       *dnsPart      `json:"dns,omitempty"`
	TCP       []tcpPart     `json:"tcp,omitempty"`
	TLS       *tlsPart      `json:"tls,omitempty"`
	Handshake []shakePart   `json:"handshakes,omitempty"` // with and without an Origin, and with a foreign one
	Ping      *pingPart     `json:"ping,omitempty"`
	Close     *closePart    `json:"close,omitempty"`
	Foreign   *foreignPart  `json:"foreign_origin,omitempty"`
	Findings  show.Findings `json:"findings"`
	Exit      cli.Code      `json:"exit"`

	env  *cli.Env
	step string
}

type dnsPart struct {
	Addresses []string `json:"addresses"`
	Took      float64  `json:"took_ms"`
	Error     string   `json:"error,omitempty"`
}

type tcpPart struct {
	Address string  `json:"address"`
	Took    float64 `json:"took_ms,omitempty"`
	Error   string  `json:"error,omitempty"`
}

type tlsPart struct {
	*certs.TLSState
	Took  float64       `json:"took_ms,omitempty"`
	Chain []certs.Cert  `json:"chain,omitempty"`
	OCSP  *certs.Staple `json:"ocsp,omitempty"`
	Error string        `json:"error,omitempty"`
}

type shakePart struct {
	Origin      string              `json:"origin,omitempty"`
	Status      int                 `json:"status,omitempty"`
	Took        float64             `json:"took_ms,omitempty"`
	Header      map[string][]string `json:"header,omitempty"`
	Body        string              `json:"body,omitempty"`
	Protocol    string              `json:"protocol,omitempty"`
	Compression bool                `json:"compression"`
	RetryAfter  float64             `json:"retry_after_ms,omitempty"`
	Reason      string              `json:"reason,omitempty"` // why it failed, in kebab case
	Error       string              `json:"error,omitempty"`
}

type pingPart struct {
	Sent     int       `json:"sent"`
	Answered int       `json:"answered"`
	RTT      []float64 `json:"rtt_ms"`
}

type closePart struct {
	Answered bool    `json:"answered"`
	Took     float64 `json:"took_ms"`
	Code     int     `json:"code"`
	Reason   string  `json:"reason,omitempty"`
	Remote   bool    `json:"remote"` // the server has closed by itself
}

type foreignPart struct {
	Origin string `json:"origin"`
	Result string `json:"result"` // accepted, refused or unknown
}

// begin opens a step; flush closes it.
func (r *report) begin(step string) { r.step = step }

// add appends a finding of the step.
func (r *report) add(level show.Level, code, text string, args ...any) *show.Finding {
	f := r.Findings.Add(level, code, text, args...)
	f.Step = r.step
	return f
}

// all appends findings.
func (r *report) all(list show.Findings) { r.Findings = append(r.Findings, list.In(r.step)...) }

// fail sets the exit code, of several the first that says more than that something is
// wrong.
func (r *report) fail(code cli.Code) {
	if r.Exit == cli.OK || r.Exit == cli.Failed {
		r.Exit = code
	}
}

// flush shows people the findings of the step that has ended.
func (r *report) flush() {
	if r.env.JSON || r.step == "" {
		return
	}
	var list show.Findings
	for _, f := range r.Findings {
		if f.Step == r.step {
			list = append(list, f)
		}
	}
	if len(list) > 0 {
		r.env.Printf("\n%s\n", r.env.Paint(cli.Bold, r.step))
		show.Print(r.env, list)
	}
	r.step = ""
}
