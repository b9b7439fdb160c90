package metrics_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/metrics"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// still is a source of one moment.
type still wsserver.Stats

func (s still) Stats() wsserver.Stats { return wsserver.Stats(s) }

// scrape gets the text of a handler, and what a parser and a linter say of it.
func scrape(t *testing.T, h http.Handler) (text string, families map[string]*dto.MetricFamily) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text = w.Body.String()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d, %v:\n%s", w.Code, err, text)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the linter says %v, %v", problems, err)
	}
	return text, families
}

func figures() still {
	return still{
		Clients: 3, Accepted: 7, Panics: 1, BytesOut: 99,
		Refused: map[string]uint64{"origin": 4}, Dropped: map[string]uint64{client.DropOldest.String(): 5},
		Closed:        map[string]uint64{"close/idle": 6},
		Hosts:         map[string]wsserver.PartStats{"": {Clients: 1}, "chat": {Clients: 2, Connected: 8}},
		Bindings:      map[string]wsserver.PartStats{"127.0.0.1:80": {Refused: 4}},
		ReceivedSizes: wsserver.Histogram{Limits: []uint64{16, 64}, Counts: []uint64{2, 1, 1}, Sum: 200},
		SentSizes:     wsserver.Histogram{}, QueuedSizes: wsserver.Histogram{},
	}
}

// O-20: names, labels and numbers are those of Stats, in the format of Prometheus, and
// without a word of its linter.
func TestFiguresAreServed(t *testing.T) {
	text, _ := scrape(t, metrics.Handler(figures(), metrics.Options{ConstLabels: prometheus.Labels{"server": "a"}}))
	for _, line := range []string{
		`ws_clients{server="a"} 3`,
		`ws_accepted_connections_total{server="a"} 7`,
		`ws_sent_bytes_total{server="a"} 99`,
		`ws_refused_connections_total{code="reject/origin",server="a"} 4`,
		`ws_refused_connections_total{code="reject/banned",server="a"} 0`,
		`ws_dropped_messages_total{code="drop/oldest",server="a"} 5`,
		`ws_disconnected_clients_total{code="close/idle",server="a"} 6`,
		`ws_host_clients{host="chat",server="a"} 2`,
		`ws_host_connected_clients_total{host="chat",server="a"} 8`,
		`ws_binding_refused_connections_total{binding="127.0.0.1:80",server="a"} 4`,
		`ws_received_message_size_bytes_bucket{server="a",le="16"} 2`,
		`ws_received_message_size_bytes_bucket{server="a",le="64"} 3`,
		`ws_received_message_size_bytes_bucket{server="a",le="+Inf"} 4`,
		`ws_received_message_size_bytes_sum{server="a"} 200`,
		`ws_received_message_size_bytes_count{server="a"} 4`,
		`ws_queue_size_bytes_count{server="a"} 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, text)
		}
	}
}

// O-20: hosts and bindings can not make series without end.
func TestLabelValuesAreBounded(t *testing.T) {
	st := figures()
	for i := range 500 {
		st.Hosts[fmt.Sprint("h", i)] = wsserver.PartStats{Clients: 1, Connected: uint64(i)}
	}
	st.Hosts["(others)"] = wsserver.PartStats{Clients: 1, Connected: 1 << 20}
	_, families := scrape(t, metrics.Handler(st, metrics.Options{MaxLabelValues: 10}))
	total, rest := 0.0, 0.0
	series := families["ws_host_clients"].GetMetric()
	for _, m := range series {
		total += m.GetGauge().GetValue()
		if m.GetLabel()[0].GetValue() == "(others)" {
			rest = m.GetGauge().GetValue()
		}
	}
	if len(series) > 11 || total != 504 || rest != 495 {
		t.Errorf("%d series with %v clients, %v of them others", len(series), total, rest)
	}
	_, families = scrape(t, metrics.Handler(st, metrics.Options{MaxLabelValues: -1}))
	if families["ws_host_clients"] != nil || families["ws_binding_clients"] != nil || families["ws_clients"] == nil {
		t.Error("the series of hosts were not left out")
	}
}

type echo struct{ client.Base }

func (e *echo) OnMessage(m client.Message) error { return e.Send(m) }

// O-20: a server is a source, and what it does is in the next scrape.
func TestServerIsASource(t *testing.T) {
	srv, err := wsserver.New(wsserver.Class[echo](), wsserver.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := clienttest.NewListener()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	h := metrics.Handler(srv, metrics.Options{})
	p := clienttest.Dial(t, l, "/", clienttest.DialOptions{})
	for range 5 {
		p.SendText(strings.Repeat("x", 100))
		p.Receive()
	}
	if text, _ := scrape(t, h); !strings.Contains(text, "\nws_clients 1\n") {
		t.Errorf("one client is connected, but\n%s", text)
	}
	p.Close(1000, "")
	p.WaitEnd()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-done
	text, _ := scrape(t, h)
	for _, line := range []string{
		"ws_received_messages_total 5", "ws_received_message_size_bytes_count 5", "ws_received_message_size_bytes_sum 500",
		`ws_received_message_size_bytes_bucket{le="64"} 0`, `ws_received_message_size_bytes_bucket{le="256"} 5`,
		"ws_sent_message_size_bytes_count 5", "ws_sent_message_size_bytes_sum 510",
		`ws_disconnected_clients_total{code="close/peer"} 1`, `ws_host_received_messages_total{host=""} 5`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, text)
		}
	}
}

// The runtime's own metrics are there when they are wanted, and linted like ours.
func TestRuntimeMetricsAreAddedOnDemand(t *testing.T) {
	_, without := scrape(t, metrics.Handler(figures(), metrics.Options{}))
	w := httptest.NewRecorder()
	metrics.Handler(figures(), metrics.Options{Runtime: true}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	text, _ := io.ReadAll(w.Body)
	if without["go_goroutines"] != nil || !strings.Contains(string(text), "\ngo_goroutines ") {
		t.Error("go_goroutines is there without being asked for, or the other way round")
	}
}
