package load

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/wsserver"
)

// server is what the tests put load on. Each client calls on.
type server struct {
	*wsserver.Server[*visitor]
	on func(v *visitor, m client.Message) error
}

type visitor struct {
	client.Base
	s *server
	n int
}

func (v *visitor) OnMessage(m client.Message) error { v.n++; return v.s.on(v, m) }

func echo(v *visitor, m client.Message) error { return v.Send(m) }

// serve returns the URL of a server on the loopback interface that ends with the test.
func serve(t *testing.T, c wsserver.Config, on func(*visitor, client.Message) error) (*server, string) {
	t.Helper()
	s := &server{on: on}
	c.Addr = "127.0.0.1:0"
	c.SendQueue.Policy = client.QueueBlock
	c.Logger = slog.New(slog.DiscardHandler)
	var err error
	s.Server, err = wsserver.New(wsserver.Factory[*visitor]{New: func(*client.OpenRequest) (*visitor, error) { return &visitor{s: s}, nil }}, c)
	if err == nil {
		err = s.Listen(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, "ws://" + s.Addrs()[0].String()
}

// run runs one bench without a proxy.
func run(t *testing.T, args ...string) clitest.Result {
	t.Helper()
	return runIn(t.Context(), args...)
}

func runIn(ctx context.Context, args ...string) clitest.Result {
	return clitest.RunContext(ctx, []*cli.Command{Command()}, slices.Concat([]string{"bench", "--proxy", "none"}, args)...)
}

// bench runs one with --json, and wants an exit code.
func benchJSON(t *testing.T, code cli.Code, args ...string) *result {
	t.Helper()
	got := run(t, slices.Concat([]string{"--json", "--quiet"}, args)...)
	if got.Code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", got.Code, code, got.Stdout, got.Stderr)
	}
	r := new(result)
	got.JSON(t, r)
	return r
}

// O-24: the tool as a load generator.
func TestEveryMessageIsAnswered(t *testing.T) {
	_, url := serve(t, wsserver.Config{Compression: client.Compression{Mode: client.CompressionContext}}, echo)
	for name, args := range map[string][]string{
		"one at a time":           {"-c", "1"},
		"several, deep":           {"-c", "5", "--depth", "7"},
		"random sizes, verified":  {"-c", "3", "--depth", "5", "--size-range", "0-3000", "--verify"},
		"short ones, verified":    {"-c", "2", "--depth", "3", "--size-range", "7-17", "--verify", "--binary"},
		"compressed, verified":    {"-c", "2", "--depth", "3", "--size", "4000", "--verify", "--compression", "context"},
		"empty":                   {"-c", "2", "--depth", "3", "--size", "0", "--verify"},
		"by a clock":              {"-c", "3", "--depth", "2", "--rate", "500"},
		"connected one by one":    {"-c", "4", "--ramp", "200"},
		"longer than the default": {"-c", "1", "--size", "1500000", "--binary", "--verify", "--max-size", "2000000"},
	} {
		t.Run(name, func(t *testing.T) {
			url := url
			if name == "longer than the default" {
				_, url = serve(t, wsserver.Config{MaxMessageSize: 2 << 20}, echo)
			}
			r := benchJSON(t, cli.OK, append(args, "--duration", "300ms", url)...)
			m := r.Messages
			if m.Sent == 0 || m.Received != m.Sent || m.PerSecond <= 0 || m.BytesIn != m.BytesOut {
				t.Errorf("messages: %+v", m)
			}
			var counted uint64
			for _, b := range r.Histogram {
				counted += b.Count
			}
			l := r.Latency
			if l == nil || l.Count != m.Received || counted != l.Count || l.Min > l.P50 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max || l.Min <= 0 {
				t.Errorf("latency %+v, %d in buckets, of %d", l, counted, m.Received)
			}
			if c := r.Connections; c.Opened != r.Settings.Connections || c.Connect.Count != uint64(c.Opened) || c.Stages["handshake"] == nil {
				t.Errorf("connections: %+v", c)
			}
		})
	}
}

// The clock counts from the time at which a message should have been sent: a server that
// stalls once is charged for all that was due meanwhile.
func TestStallIsChargedForAllThatWasDue(t *testing.T) {
	var stalled atomic.Bool
	const stall = 400 * time.Millisecond
	_, url := serve(t, wsserver.Config{}, func(v *visitor, m client.Message) error {
		if v.n == 50 && !stalled.Swap(true) {
			time.Sleep(stall)
		}
		return v.Send(m)
	})
	r := benchJSON(t, cli.OK, "-c", "1", "--depth", "1", "--rate", "200", "--duration", "1s", url)
	// 80 messages were due during the stall; with one unanswered at a time a bench without a
	// clock would see one of them late. Half of them have waited for half of the stall.
	var late uint64
	for _, b := range r.Histogram {
		if b.From > 100 {
			late += b.Count
		}
	}
	if late < 30 {
		t.Errorf("%d answers took more than 100 ms, want about 60: %+v", late, r.Latency)
	}
	if r.Messages.Sent < 190 {
		t.Errorf("%d messages sent, want 200", r.Messages.Sent)
	}
}

// O-24: the tool as a load generator.
func TestListenCountsBroadcasts(t *testing.T) {
	s, url := serve(t, wsserver.Config{}, echo)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-tick.C:
				s.Broadcast(client.Text("news"))
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	r := benchJSON(t, cli.OK, "--mode", "listen", "-c", "4", "--duration", "400ms", url)
	close(stop)
	<-done
	m := r.Messages
	if m.Sent != 0 || m.Received == 0 || m.BytesIn != 4*m.Received || m.PerSecond <= 0 || r.Latency != nil {
		t.Errorf("messages: %+v, latency %v", m, r.Latency)
	}
	if m.LeastEach == nil || m.MostEach == nil || *m.LeastEach == 0 || *m.MostEach < *m.LeastEach || 4**m.MostEach < m.Received {
		t.Errorf("least and most: %v, %v", m.LeastEach, m.MostEach)
	}
}

func TestLostConnectionsAreCounted(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, func(v *visitor, m client.Message) error {
		switch {
		case v.n == 20 && v.ID()%2 == 0:
			return &client.CloseError{Code: 4321, Reason: "no \x1b[31mmore\u202e"}
		case v.n == 20:
			v.Abort()
			return nil
		}
		return v.Send(m)
	})
	begun := time.Now()
	r := benchJSON(t, cli.Failed, "-c", "6", "--depth", "2", "--duration", "1h", url)
	if time.Since(begun) > time.Minute {
		t.Error("it went on without connections")
	}
	if p, l := r.Connections.Lost["close/peer"], r.Connections.Lost["close/lost"]; p == nil || p.Count != 3 || l == nil || l.Count != 3 {
		t.Errorf("lost: %v", r.Connections.Lost)
	} else if !strings.Contains(p.Text, "4321") || strings.ContainsAny(p.Text, "\x1b\u202e") {
		t.Errorf("text %q", p.Text)
	}
	// What an abort finds in the queue is lost, too.
	if m := r.Messages; m.Received > 6*19 || m.Received < 3*19 || m.Unanswered < 6 || m.Sent != m.Received+m.Unanswered {
		t.Errorf("messages: %+v", m)
	}
}

func TestWrongAndMissingAnswersAreFound(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, func(v *visitor, m client.Message) error {
		switch v.n {
		case 3:
			return nil // no answer
		case 6:
			m = m.Clone()
			m.Data[20] ^= 1
		case 9:
			if err := v.SendText("hello from somebody else"); err != nil {
				return err
			}
		}
		return v.Send(m)
	})
	r := benchJSON(t, cli.Failed, "-c", "2", "--depth", "4", "--verify", "--duration", "200ms", url)
	if m := r.Messages; m.Missing != 2 || m.Wrong != 2 || m.Unasked != 2 || m.Unanswered != 0 {
		t.Errorf("messages: %+v", m)
	}
}

// O-24: the tool as a load generator.
func TestFailuresByReason(t *testing.T) {
	_, busy := serve(t, wsserver.Config{Banner: banner.Policy{MaxClients: 3}}, echo)
	r := benchJSON(t, cli.Failed, "-c", "5", "--duration", "100ms", busy)
	if f := r.Connections.Failed["status 503"]; r.Connections.Opened != 3 || f == nil || f.Count != 2 {
		t.Errorf("connections: %+v", r.Connections)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	r = benchJSON(t, cli.NoConnection, "-c", "3", "--duration", "1h", "ws://"+addr)
	if f := r.Connections.Failed["refused"]; f == nil || f.Count != 3 || r.Connections.Opened != 0 {
		t.Errorf("connections: %+v", r.Connections)
	}

	l, err = net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r = benchJSON(t, cli.TimedOut, "-c", "2", "--timeout", "100ms", "ws://"+l.Addr().String())
	if f := r.Connections.Failed["timeout"]; f == nil || f.Count != 2 {
		t.Errorf("connections: %+v", r.Connections)
	}
}

func TestInterruptPrintsTheResult(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, echo)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(300*time.Millisecond, func() { cancel(errors.New("enough")) })
	got := runIn(ctx, "--json", "--quiet", "--duration", "1h", url)
	var r result
	got.JSON(t, &r)
	if got.Code == cli.OK || !r.Interrupted || r.Messages.Received == 0 || r.Seconds <= 0 || r.Seconds > 60 {
		t.Errorf("exit code %d, %+v", got.Code, r)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(errors.New("enough")) })
	got = runIn(ctx, "--json", "--quiet", "-c", "1000", "--ramp", "10", url) // while it connects
	got.JSON(t, &r)
	if !r.Interrupted || len(r.Connections.Failed) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestPictureIsXMLWithoutAnythingFromElsewhere(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, echo)
	path := filepath.Join(t.TempDir(), "latency.svg")
	r := benchJSON(t, cli.OK, "-c", "2", "--duration", "200ms", "--svg", path, url+"/<a&b>?token=secret")
	text := readSVG(t, path)
	for _, want := range []string{"Latency of " + url, "p99.9", took(r.Latency.P50), "prefers-color-scheme: dark", "99 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture has no %q", want)
		}
	}
	for _, no := range []string{"%!", "NaN", "Inf", "secret", "<script", "href", "url("} {
		if strings.Contains(text, no) {
			t.Errorf("the picture has %q", no)
		}
	}
}

// Pictures of extreme latencies: none, one, equal ones, and all at once.
func TestPictureOfExtremes(t *testing.T) {
	for name, values := range map[string][]time.Duration{
		"none":       nil,
		"zero":       {0},
		"one":        {time.Millisecond},
		"equal":      {time.Second, time.Second, time.Second},
		"everything": {0, 1, 100, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour, 100 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			r := &result{URL: "ws://x", Mode: "echo"}
			for _, v := range values {
				r.latency.record(v)
			}
			r.Latency = r.latency.spread()
			path := filepath.Join(t.TempDir(), "a.svg")
			f, err := os.Create(path)
			if err == nil {
				err = errors.Join(r.draw(f), f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			if text := readSVG(t, path); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
				t.Errorf("in the picture:\n%s", text)
			}
		})
	}
}

func readSVG(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(string(data))); ; {
		if _, err := d.Token(); err == io.EOF {
			return string(data)
		} else if err != nil {
			t.Fatalf("no XML: %v\n%s", err, data)
		}
	}
}

func TestTextForPeople(t *testing.T) {
	_, url := serve(t, wsserver.Config{}, echo)
	got := run(t, "-c", "2", "--duration", "100ms", "--rate", "1000", url)
	if got.Code != cli.OK || got.Stderr != "" {
		t.Errorf("exit code %d, stderr %q", got.Code, got.Stderr)
	}
	for _, want := range []string{"2 of 2 opened", "messages/s", "p99.9", "latency ", "opening ", "1,000 a"} {
		if !strings.Contains(got.Stdout, want) {
			t.Errorf("no %q in\n%s", want, got.Stdout)
		}
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--connections", "0", "ws://x"},
		{"--connections", "1048577", "ws://x"},
		{"--depth", "0", "ws://x"},
		{"--depth", "65536", "--size", "60000", "ws://x"},
		{"--connections", "100000", "--depth", "10000", "--size", "1", "ws://x"},
		{"--size", "-1", "ws://x"},
		{"--size-range", "10", "ws://x"},
		{"--size-range", "10-5", "ws://x"},
		{"--size-range", "1-5", "--size", "2", "ws://x"},
		{"--rate", "-1", "ws://x"},
		{"--rate", "NaN", "ws://x"},
		{"--ramp", "-1", "ws://x"},
		{"--duration", "0s", "ws://x"},
		{"--binary", "--text", "ws://x"},
		{"--mode", "listen", "--verify", "ws://x"},
		{"--mode", "broadcast", "ws://x"},
		{"ftp://x"},
		{"x"},
		{},
	} {
		if got := run(t, args...); got.Code != cli.Usage {
			t.Errorf("%q: exit code %d, want %d: %s", args, got.Code, cli.Usage, got.Stderr)
		}
	}
}

func TestResultIsPlainJSON(t *testing.T) {
	b, err := json.Marshal(&result{})
	if err != nil || strings.Contains(string(b), "latency_ms") {
		t.Errorf("%s, %v", b, err)
	}
}

// O-24: what was due and was never sent is told, though the clock could not count it.
func TestARateThatNoClockKeepsIsToldInFull(t *testing.T) {
	o := &options{depth: 1, connections: 2}
	b := newBench(o, dial.Options{})
	var open []*peer
	for i := range o.connections {
		open = append(open, &peer{b: b, i: i, closed: true, ring: make([]sent, 1)}) // nothing can be sent
	}
	b.clock.begin(1e8, o.connections, open)
	b.clock.settle(open, 100*time.Millisecond)
	var all uint64
	for _, p := range open {
		_, unsent := p.unanswered()
		all += unsent
	}
	if all != 10_000_000 {
		t.Errorf("%d were due and not sent, want 10,000,000", all)
	}
	b.clock.settle(open, 50*time.Millisecond)
	if _, unsent := open[0].unanswered(); unsent != 5_000_000 {
		t.Errorf("a time before that makes %d of it", unsent)
	}
}
