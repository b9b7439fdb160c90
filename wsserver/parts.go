package wsserver

import (
	"math"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/internal/transport"
)

// PartStats are the figures of one virtual host or of one binding.
type PartStats struct {
	Clients      int    // connected now
	Connected    uint64 // clients
	Disconnected uint64 // clients
	Refused      uint64 // connections, as far as host or binding were known by then

	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64 // frames with their headers, inside TLS
	Buffered                int    // bytes waiting for peers now
}

// Histogram counts sizes in bytes. It may be a moment behind for connections that are at
// work.
type Histogram struct {
	Limits []uint64 // largest size of each class, in order; the last class has none
	Counts []uint64 // of each class, one more than there are limits
	Sum    uint64   // of all sizes
}

// Total is the number of sizes.
func (h Histogram) Total() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile is the limit of the class in which the share q of the sizes ends: of 0.5 the
// median. It is 0 without any, and the largest integer in the last class.
func (h Histogram) Quantile(q float64) uint64 {
	total := h.Total()
	if total == 0 {
		return 0
	}
	want := uint64(math.Ceil(min(max(q, 0), 1) * float64(total)))
	seen := uint64(0)
	for i, c := range h.Counts {
		if seen += c; seen >= want && c > 0 {
			if i < len(h.Limits) {
				return h.Limits[i]
			}
			break
		}
	}
	return math.MaxUint64
}

func histogram(s transport.Sizes) Histogram {
	h := Histogram{Limits: make([]uint64, transport.SizeClasses-1), Counts: s.Count[:], Sum: s.Sum}
	for i := range h.Limits {
		h.Limits[i] = transport.SizeLimit(i)
	}
	return h
}

func (st *Stats) sizes(received, sent, queued transport.Sizes) {
	st.ReceivedSizes, st.SentSizes, st.QueuedSizes = histogram(received), histogram(sent), histogram(queued)
}

func (p *PartStats) add(n link.Counters) {
	p.MessagesIn += n.MessagesIn
	p.MessagesOut += n.MessagesOut
	p.BytesIn += n.BytesIn
	p.BytesOut += n.BytesOut
	p.Buffered += n.Buffered
}

// maxParts bounds the bindings that are told apart: listeners that are given to Serve may
// come and go. The figures of further ones are those of otherPart.
const (
	maxParts  = 256
	otherPart = "(others)"
)

// parts are the figures of hosts and bindings; of clients, those that are gone. core.mu
// guards them.
type parts struct{ hosts, bindings partList }

type partList map[string]*PartStats

func (p *parts) init(set *hosts.Set) {
	p.hosts, p.bindings = make(partList), make(partList)
	if set != nil {
		for _, h := range set.Hosts() {
			p.hosts.at(h.Tag())
		}
	}
}

func (l partList) at(name string) *PartStats {
	if p := l[name]; p != nil {
		return p
	}
	if len(l) >= maxParts {
		name = otherPart
		if p := l[name]; p != nil {
			return p
		}
	}
	p := new(PartStats)
	l[name] = p
	return p
}

// each calls do for host and binding of a connection.
func (p *parts) each(host, binding string, do func(*PartStats)) {
	do(p.hosts.at(host))
	do(p.bindings.at(binding))
}

func (p *parts) connected(f *link.Facts) {
	p.each(f.HostTag, f.Binding, func(s *PartStats) { s.Clients++; s.Connected++ })
}

func (p *parts) disconnected(f *link.Facts) {
	p.each(f.HostTag, f.Binding, func(s *PartStats) { s.Clients--; s.Disconnected++ })
}

// add adds the traffic of a session.
func (p *parts) add(f *link.Facts, n link.Counters) {
	p.each(f.HostTag, f.Binding, func(s *PartStats) { s.add(n) })
}

// clone returns a copy for a snapshot.
func (p *parts) clone() parts { return parts{p.hosts.clone(), p.bindings.clone()} }

func (l partList) clone() partList {
	m := make(partList, len(l))
	for name, p := range l {
		own := *p
		m[name] = &own
	}
	return m
}

func (l partList) stats() map[string]PartStats {
	m := make(map[string]PartStats, len(l))
	for name, p := range l {
		m[name] = *p
	}
	return m
}

// countRefusal counts a refused connection for its host and binding.
func (s *core) countRefusal(host, binding string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts.each(host, binding, func(p *PartStats) { p.Refused++ })
}
