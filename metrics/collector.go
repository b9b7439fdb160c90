package metrics

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/icsws/icsws/wsserver"
)

// Source has the figures; every wsserver.Server is one.
type Source interface{ Stats() wsserver.Stats }

// Options are those of a collector. The zero value works.
type Options struct {
	// ConstLabels are on every metric, such as the name of one of several servers.
	ConstLabels prometheus.Labels
	// MaxLabelValues bounds the hosts, and the bindings, that have series of their own;
	// those with the most clients do, and the others are one, "(others)". Zero means 64;
	// a negative value leaves the series of hosts and bindings out.
	MaxLabelValues int
	// Runtime adds the metrics of the Go runtime and of the process to what Handler
	// serves.
	Runtime bool
}

const (
	namespace = "ws"
	others    = "(others)"
)

// NewCollector returns the metrics of src. They may be collected from any goroutine. The
// same source must be registered once in a registry, or with other ConstLabels.
func NewCollector(src Source, o Options) prometheus.Collector {
	if o.MaxLabelValues == 0 {
		o.MaxLabelValues = 64
	}
	c := &collector{src: src, most: o.MaxLabelValues}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, o.ConstLabels)
	}
	for _, f := range plainFigures {
		c.plain = append(c.plain, desc(f.name, f.help))
	}
	for _, f := range codeFigures {
		c.codes = append(c.codes, desc(f.name, f.help, "code"))
	}
	for _, f := range sizeFigures {
		c.sizes = append(c.sizes, desc(f.name, f.help))
	}
	if c.most > 0 {
		for _, f := range partFigures {
			c.hosts = append(c.hosts, desc("host_"+f.name, f.help+" of a virtual host.", "host"))
			c.bindings = append(c.bindings, desc("binding_"+f.name, f.help+" of a binding.", "binding"))
		}
	}
	return c
}

// Handler serves the metrics of src alone. Put it on a port, or behind a check, that not
// everybody reaches.
func Handler(src Source, o Options) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(NewCollector(src, o))
	if o.Runtime {
		r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// collector makes the metrics of one moment.
type collector struct {
	src                                  Source
	most                                 int // label values
	plain, codes, sizes, hosts, bindings []*prometheus.Desc
}

// Describe tells what Collect may send.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for d := range c.descs {
		out <- d
	}
}

func (c *collector) descs(yield func(*prometheus.Desc) bool) {
	for _, d := range slices.Concat(c.plain, c.codes, c.sizes, c.hosts, c.bindings) {
		if !yield(d) {
			return
		}
	}
}

// Collect sends the present figures.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	st := c.src.Stats()
	for i, f := range plainFigures {
		out <- prometheus.MustNewConstMetric(c.plain[i], f.kind, f.value(&st))
	}
	for i, f := range codeFigures {
		for code, n := range f.values(&st) {
			out <- prometheus.MustNewConstMetric(c.codes[i], prometheus.CounterValue, float64(n), code)
		}
	}
	for i, f := range sizeFigures {
		out <- histogram(c.sizes[i], f.value(&st))
	}
	if c.most > 0 {
		collectParts(out, c.hosts, st.Hosts, c.most)
		collectParts(out, c.bindings, st.Bindings, c.most)
	}
}

func histogram(d *prometheus.Desc, h wsserver.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Limits))
	n := uint64(0)
	for i, limit := range h.Limits {
		n += h.Counts[i]
		buckets[float64(limit)] = n
	}
	return prometheus.MustNewConstHistogram(d, h.Total(), float64(h.Sum), buckets)
}

// collectParts sends the figures of hosts or bindings, the largest by themselves.
func collectParts(out chan<- prometheus.Metric, descs []*prometheus.Desc, parts map[string]wsserver.PartStats, most int) {
	for name, p := range bounded(textual(parts), most) {
		for i, f := range partFigures {
			out <- prometheus.MustNewConstMetric(descs[i], f.kind, f.value(&p), name)
		}
	}
}

// textual joins parts whose names are no text, such as that of a socket in a file: a label
// has to be UTF-8, and one that is not would take all metrics with it.
func textual(parts map[string]wsserver.PartStats) map[string]wsserver.PartStats {
	own, cloned := parts, false
	for name, p := range parts {
		if utf8.ValidString(name) {
			continue
		}
		if !cloned {
			own, cloned = maps.Clone(parts), true
		}
		delete(own, name)
		name = strings.ToValidUTF8(name, "\uFFFD")
		own[name] = sum(own[name], p)
	}
	return own
}

// bounded returns at most so many parts, and one with the sums of the rest. Which they
// are changes only when another has had more clients.
func bounded(parts map[string]wsserver.PartStats, most int) map[string]wsserver.PartStats {
	if len(parts) <= most {
		return parts
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return compare(parts, a, b) })
	m := make(map[string]wsserver.PartStats, most+1)
	for i, name := range names {
		if i < most && name != others {
			m[name] = parts[name]
			continue
		}
		m[others] = sum(m[others], parts[name])
	}
	return m
}
