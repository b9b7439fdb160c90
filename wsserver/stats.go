package wsserver

import (
	"sync/atomic"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/link"
)

// Stats are the figures of a server (O-20). They only grow, save Clients, Pending,
// HTTPConns, Busy, Forwarded, Dormant and Buffered. Encoded as JSON, they suit expvar.
type Stats struct {
	Clients      int               // connected now
	Pending      int               // in handshake now
	HTTPConns    int               // that serve requests which were no upgrade, now
	Busy         int               // peers being told that they are too many, after an upgrade
	Forwarded    int               // connections that are forwarded to a target, now (F-01); not in Clients
	Dormant      int               // clients that have no goroutine now, see DriverDormant
	Accepted     uint64            // TCP connections; without those of ServeHTTP
	Connected    uint64            // clients
	Disconnected uint64            // clients
	Refused      map[string]uint64 // connections, by Reason
	Panics       uint64            // in user code
	Errors       uint64            // that went to Events.OnError
	Challenges   uint64            // checks by certificate authorities that were answered (H-45)
	ForwardedAll uint64            // connections that were forwarded to a target, those of now included (F-01)
	TargetErrors uint64            // of these, whom their target has ended with an error (F-03)

	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64 // frames with their headers, inside TLS
	Buffered                int    // bytes waiting for peers now

	Dropped map[string]uint64 // messages that clients will not get, by client.DropReason
	Unsent  uint64            // bytes that were queued for clients when they ended, see client.CloseInfo
	Closed  map[string]uint64 // clients that have ended, by client.CloseInfo.Why

	Hosts    map[string]PartStats // by the tag of the host; empty for clients without one
	Bindings map[string]PartStats // by the name of the binding; empty for ServeHTTP

	ReceivedSizes Histogram // messages, after inflation
	SentSizes     Histogram // messages, as their frames with headers
	QueuedSizes   Histogram // what waited for a client, whenever a message had to be queued

	Admission admit.Stats // of lists, limits and bans; zero while nothing of that is configured
}

type counters struct {
	accepted, connected, disconnected, panics, errors, challenges atomic.Uint64
	refused                                                       [reasons]atomic.Uint64
	forwarded, targets                                            atomic.Uint64 // connections, and those whose target has failed

	// Of the sessions that are gone.
	messagesIn, messagesOut, bytesIn, bytesOut, unsent atomic.Uint64

	dropped [client.DropReasons]atomic.Uint64 // messages
	closed  [64]atomic.Uint64                 // clients, by place in closeExplanations
}

// close counts a client that has ended.
func (c *counters) close(why string) {
	if i, ok := closeIndex[why]; ok {
		c.closed[i].Add(1)
	}
}

var closeIndex = func() map[string]int {
	m := make(map[string]int, len(closeExplanations))
	for i, e := range closeExplanations {
		m[e.Code] = i
	}
	return m
}()

func (c *counters) add(n link.Counters) {
	c.messagesIn.Add(n.MessagesIn)
	c.messagesOut.Add(n.MessagesOut)
	c.bytesIn.Add(n.BytesIn)
	c.bytesOut.Add(n.BytesOut)
}

// Stats returns the present figures. It walks over all clients.
func (s *Server[T]) Stats() Stats { return s.core.stats() }

func (s *core) stats() Stats {
	st, parts, running := s.ended()
	for r := range s.counters.refused {
		if n := s.counters.refused[r].Load(); n > 0 {
			st.Refused[Reason(r).String()] = n
		}
	}
	for r := range s.counters.dropped {
		if n := s.counters.dropped[r].Load(); n > 0 {
			st.Dropped[client.DropReason(r).String()] = n
		}
	}
	if rules := s.in.Load().rules; rules != nil {
		st.Admission = rules.Stats()
	}
	for i := range closeExplanations {
		if n := s.counters.closed[i].Load(); n > 0 {
			st.Closed[closeExplanations[i].Code] = n
		}
	}
	st.sizes(s.service.Sizes())
	for _, sess := range running {
		n := sess.Counters()
		parts.add(&sess.Link.Facts, n)
		st.MessagesIn += n.MessagesIn
		st.MessagesOut += n.MessagesOut
		st.BytesIn += n.BytesIn
		st.BytesOut += n.BytesOut
		st.Buffered += n.Buffered
	}
	st.Hosts, st.Bindings = parts.hosts.stats(), parts.bindings.stats()
	return st
}

// ended returns the figures without those of the sessions that run, and these
// sessions: one moment, so that none is missed or counted twice.
func (s *core) ended() (Stats, parts, []*engine.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.counters
	return Stats{
		Forwarded: s.forwarded, ForwardedAll: c.forwarded.Load(), TargetErrors: c.targets.Load(),
		Clients: s.registry.Len(), Pending: s.opening.n, Busy: int(s.busy.Load()), Accepted: c.accepted.Load(),
		HTTPConns: int(s.pages.open.Load()), Dormant: s.service.Asleep(),
		Connected: c.connected.Load(), Disconnected: c.disconnected.Load(),
		Panics: c.panics.Load(), Errors: c.errors.Load(), Challenges: c.challenges.Load(), Refused: make(map[string]uint64),
		Dropped: make(map[string]uint64), Unsent: c.unsent.Load(), Closed: make(map[string]uint64),
		MessagesIn: c.messagesIn.Load(), MessagesOut: c.messagesOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
	}, s.parts.clone(), s.runningLocked()
}

// running returns every session that has not ended.
func (s *core) running() []*engine.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runningLocked()
}

func (s *core) runningLocked() []*engine.Session {
	list := make([]*engine.Session, 0, s.registry.Len())
	for sess := range s.registry.All {
		list = append(list, sess)
	}
	for sess := range s.others {
		list = append(list, sess)
	}
	return list
}
