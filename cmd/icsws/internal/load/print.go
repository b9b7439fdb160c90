package load

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// print writes the result for people.
func (r *result) print(env *cli.Env) {
	env.Printf("%s\n", env.Paint(cli.Bold, r.URL))
	row(env, "", r.title())
	r.printConnections(env)
	if r.Connections.Opened > 0 {
		r.printMessages(env)
		r.table(env)
	}
}

// label is how wide the first column is.
const label = 14

func row(env *cli.Env, name, text string) {
	env.Printf("%s", cli.Indent(fmt.Sprintf("%-*s", label, name), text, label, env.Width))
}

// bad is a row that should not be.
func bad(env *cli.Env, name, text string) {
	env.Printf("%s\n", env.Paint(cli.Red, fmt.Sprintf("%-*s%s", label, name, text)))
}

func (r *result) printConnections(env *cli.Env) {
	c := &r.Connections
	row(env, "connections", fmt.Sprintf("%s of %s opened", number3(float64(c.Opened)), number3(float64(r.Settings.Connections))))
	for _, reason := range byCount(c.Failed) {
		f := c.Failed[reason]
		bad(env, "not opened", fmt.Sprintf("%d: %s: %s", f.Count, reason, strings.TrimPrefix(f.Text, "dial: ")))
	}
	for _, why := range byCount(c.Lost) {
		f := c.Lost[why]
		bad(env, "lost", fmt.Sprintf("%d: %s: %s", f.Count, why, f.Text))
	}
}

func (r *result) printMessages(env *cli.Env) {
	m := &r.Messages
	row(env, "throughput", fmt.Sprintf("%s messages/s, %s/s received", number3(m.PerSecond), bytesText(m.BytesInPS)))
	if m.LeastEach != nil {
		row(env, "each", fmt.Sprintf("%s to %s messages", number3(float64(*m.LeastEach)), number3(float64(*m.MostEach))))
	}
	row(env, "messages", m.text())
	for _, x := range []struct {
		n          uint64
		name, text string
	}{
		{m.Unanswered, "unanswered", "the last of their connection"},
		{m.Missing, "missing", "a later one was answered"},
		{m.Wrong, "wrong", "answers that are not what was sent"},
		{m.NotSent, "not sent", "due by the rate, which is too much, or for a connection that was lost"},
	} {
		if x.n > 0 {
			bad(env, x.name, number3(float64(x.n))+": "+x.text)
		}
	}
}

// title says what was done.
func (r *result) title() string {
	s := &r.Settings
	text := r.Mode
	if r.Mode == "echo" {
		size := strconv.Itoa(s.SizeMin)
		if s.SizeMax != s.SizeMin {
			size += " to " + strconv.Itoa(s.SizeMax)
		}
		kind := "text"
		if s.Binary {
			kind = "binary"
		}
		text += fmt.Sprintf(", %s messages of %s bytes, up to %d unanswered each", kind, size, s.Depth)
		if s.Rate > 0 {
			text += fmt.Sprintf(", %s a second", number3(s.Rate))
		}
	}
	if s.Compression != "off" {
		text += ", compression " + s.Compression
	}
	text += fmt.Sprintf(", %.3g s", r.Seconds)
	if r.Interrupted {
		text += ", interrupted"
	}
	return text
}

func (m *messagesPart) text() string {
	text := number3(float64(m.Received)) + " received"
	if m.Sent > 0 {
		text = number3(float64(m.Sent)) + " sent, " + text
	}
	if m.Unasked > 0 {
		text += fmt.Sprintf(", and %s that answer none", number3(float64(m.Unasked)))
	}
	return text
}

// table has the quantiles, one row below the other.
func (r *result) table(env *cli.Env) {
	head := fmt.Sprintf("%-14s", "")
	for _, name := range []string{"p50", "p90", "p99", "p99.9", "max", "mean"} {
		head += fmt.Sprintf("%10s", name)
	}
	env.Printf("\n%s\n", env.Paint(cli.Dim, head))
	row := func(name string, s *spread) {
		text := fmt.Sprintf("%-14s", name)
		for _, v := range []float64{s.P50, s.P90, s.P99, s.P999, s.Max, s.Mean} {
			text += fmt.Sprintf("%10s", took(v))
		}
		env.Printf("%s\n", text)
	}
	if r.Latency != nil {
		row("latency", r.Latency)
	}
	if c := r.Connections.Connect; c != nil {
		row("opening", c)
	}
	for _, name := range []string{"resolve", "connect", "proxy", "tls", "handshake"} {
		if s := r.Connections.Stages[name]; s != nil {
			row("  "+name, s)
		}
	}
}

// number3 has commas between thousands.
func number3(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole, part, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if part != "" && v < 1000 {
		return whole + "." + part
	}
	return whole
}

// bytesText is a number of bytes with three digits or so.
func bytesText(n float64) string {
	for _, unit := range []string{"B", "kB", "MB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.4g GB", n)
}
