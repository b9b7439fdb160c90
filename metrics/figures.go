package metrics

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/icsws/icsws/wsserver"
)

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

type stats = wsserver.Stats

// plainFigures have no labels.
var plainFigures = []struct {
	name, help string
	kind       prometheus.ValueType
	value      func(*stats) float64
}{
	{"clients", "Clients that are connected.", gauge, func(s *stats) float64 { return float64(s.Clients) }},
	{"dormant_clients", "Clients that have no goroutine at the moment.", gauge, func(s *stats) float64 { return float64(s.Dormant) }},
	{"pending_handshakes", "Connections before the answer to their handshake.", gauge, func(s *stats) float64 { return float64(s.Pending) }},
	{"http_connections", "Connections that serve plain HTTP requests.", gauge, func(s *stats) float64 { return float64(s.HTTPConns) }},
	{"busy_peers", "Peers that are upgraded to be told that they are too many.", gauge, func(s *stats) float64 { return float64(s.Busy) }},
	{"forwarded_connections", "Connections that are forwarded to a target.", gauge, func(s *stats) float64 { return float64(s.Forwarded) }},
	{"queued_bytes", "Bytes that wait for clients.", gauge, func(s *stats) float64 { return float64(s.Buffered) }},

	{"accepted_connections_total", "TCP connections that were accepted.", counter, func(s *stats) float64 { return float64(s.Accepted) }},
	{"connected_clients_total", "Clients that have connected.", counter, func(s *stats) float64 { return float64(s.Connected) }},
	{"received_messages_total", "Messages that were received.", counter, func(s *stats) float64 { return float64(s.MessagesIn) }},
	{"sent_messages_total", "Messages that were taken to be sent.", counter, func(s *stats) float64 { return float64(s.MessagesOut) }},
	{"received_bytes_total", "Bytes of received frames, inside TLS.", counter, func(s *stats) float64 { return float64(s.BytesIn) }},
	{"sent_bytes_total", "Bytes of frames that were taken to be sent, inside TLS.", counter, func(s *stats) float64 { return float64(s.BytesOut) }},
	{"unsent_bytes_total", "Bytes that were queued for clients when they ended.", counter, func(s *stats) float64 { return float64(s.Unsent) }},
	{"panics_total", "Panics in code of the program.", counter, func(s *stats) float64 { return float64(s.Panics) }},
	{"errors_total", "Errors that no caller was waiting for.", counter, func(s *stats) float64 { return float64(s.Errors) }},
	{"forwarded_connections_total", "Connections that were forwarded to a target.", counter, func(s *stats) float64 { return float64(s.ForwardedAll) }},
	{"target_errors_total", "Forwarded connections that their target has ended with an error.", counter, func(s *stats) float64 { return float64(s.TargetErrors) }},
	{"acme_challenges_total", "Checks by certificate authorities that were answered.", counter, func(s *stats) float64 { return float64(s.Challenges) }},
}

// codeFigures have a label with a code of wsserver.Explain.
var codeFigures = []struct {
	name, help string
	values     func(*stats) map[string]uint64
}{
	{"refused_connections_total", "Connections that were refused, by the code of the reason.",
		func(s *stats) map[string]uint64 { return byCode(wsserver.KindReject, s.Refused) }},
	{"dropped_messages_total", "Messages that clients will not get, by the code of the reason.",
		func(s *stats) map[string]uint64 { return byCode(wsserver.KindDrop, s.Dropped) }},
	{"disconnected_clients_total", "Clients that have ended, by the code of the cause.",
		func(s *stats) map[string]uint64 { return byCode(wsserver.KindClose, s.Closed) }},
}

// byCode has every code of a kind, so that a series exists before its first event and
// rates see it.
func byCode(k wsserver.Kind, counts map[string]uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for _, e := range wsserver.Explanations() {
		if e.Kind == k {
			m[e.Code] = counts[cmp.Or(e.Name, e.Code)]
		}
	}
	return m
}

// sizeFigures are histograms.
var sizeFigures = []struct {
	name, help string
	value      func(*stats) wsserver.Histogram
}{
	{"received_message_size_bytes", "Sizes of received messages, after inflation.", func(s *stats) wsserver.Histogram { return s.ReceivedSizes }},
	{"sent_message_size_bytes", "Sizes of sent messages, as their frames with headers.", func(s *stats) wsserver.Histogram { return s.SentSizes }},
	{"queue_size_bytes", "What waited for a client, whenever a message had to be queued.", func(s *stats) wsserver.Histogram { return s.QueuedSizes }},
}

type part = wsserver.PartStats

// partFigures are those of each host and of each binding.
var partFigures = []struct {
	name, help string
	kind       prometheus.ValueType
	value      func(*part) float64
}{
	{"clients", "Connected clients", gauge, func(p *part) float64 { return float64(p.Clients) }},
	{"queued_bytes", "Bytes that wait for clients", gauge, func(p *part) float64 { return float64(p.Buffered) }},
	{"connected_clients_total", "Clients that have connected", counter, func(p *part) float64 { return float64(p.Connected) }},
	{"refused_connections_total", "Connections that were refused", counter, func(p *part) float64 { return float64(p.Refused) }},
	{"received_messages_total", "Received messages", counter, func(p *part) float64 { return float64(p.MessagesIn) }},
	{"sent_messages_total", "Messages that were taken to be sent", counter, func(p *part) float64 { return float64(p.MessagesOut) }},
	{"received_bytes_total", "Bytes of received frames", counter, func(p *part) float64 { return float64(p.BytesIn) }},
	{"sent_bytes_total", "Bytes of frames that were taken to be sent", counter, func(p *part) float64 { return float64(p.BytesOut) }},
}

// compare puts those first that have had the most clients, and equals by name.
func compare(parts map[string]part, a, b string) int {
	return cmp.Or(cmp.Compare(parts[b].Connected, parts[a].Connected), cmp.Compare(a, b))
}

func sum(a, b part) part {
	a.Clients += b.Clients
	a.Connected += b.Connected
	a.Disconnected += b.Disconnected
	a.Refused += b.Refused
	a.MessagesIn += b.MessagesIn
	a.MessagesOut += b.MessagesOut
	a.BytesIn += b.BytesIn
	a.BytesOut += b.BytesOut
	a.Buffered += b.Buffered
	return a
}
