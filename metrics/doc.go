// Package metrics has the figures of a server for Prometheus.
//
//	http.Handle("/metrics", metrics.Handler(srv, metrics.Options{}))
//
// or, with a registry of one's own,
//
//	registry.MustRegister(metrics.NewCollector(srv, metrics.Options{}))
//
// A scrape calls Stats of the server once; nothing is counted in between. Names and
// labels are in docs/operation.md. They are bounded: reasons are codes of
// wsserver.Explain, hosts and bindings come from the configuration, and those beyond
// Options.MaxLabelValues are one, "(others)".
//
// It is a package of its own, so that a program that does not want them does not get the
// modules of Prometheus.
package metrics
