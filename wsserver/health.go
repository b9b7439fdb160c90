package wsserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/icsws/icsws/multilisten"
)

// Health tells whether a server is alive, and whether it should be sent clients.
type Health struct {
	// Live is false when nothing but a restart helps: the server was shut down, or its
	// accept loops ended by an error.
	Live bool `json:"live"`
	// Ready is true while new clients are taken: the server listens, at least one
	// listener is not paused, and it is not shutting down. A server that has nothing to
	// listen on, as with ServeHTTP, is ready until it shuts down.
	Ready bool `json:"ready"`
	// Full tells that MaxClients are connected, or that MaxPending are in handshake. A
	// full server is ready: it tells clients that they are too many.
	Full bool `json:"full"`
	// Why says what is not as it should be, in sentences.
	Why []string `json:"why,omitempty"`

	State      string `json:"state"`
	Clients    int    `json:"clients"`
	MaxClients int    `json:"max_clients,omitempty"` // 0 is no limit
}

// health is what Health needs besides.
type health struct {
	failed atomic.Pointer[error] // why an accept loop ended, since the last Listen
}

// acceptEnded notes the end of an accept loop.
func (h *health) acceptEnded(err error) {
	if err != nil && err != ErrServerClosed {
		h.failed.Store(&err)
	}
}

// Health tells how the server is. It may be called at any time and is cheap.
func (s *Server[T]) Health() Health { return s.core.healthNow() }

// IsReady reports whether new clients are taken, see [Health].
func (s *Server[T]) IsReady() bool { return s.core.healthNow().Ready }

func (s *core) healthNow() Health {
	s.mu.Lock()
	closing, state, handed, pending := s.closing, s.state, s.handed, s.opening.n
	s.mu.Unlock()
	open := s.open()
	h := Health{Live: true, Ready: true, State: state.String(), Clients: s.registry.Len(), MaxClients: s.gate.MaxClients()}
	no := func(live bool, why string) {
		h.Live, h.Ready, h.Why = h.Live && live, false, append(h.Why, why)
	}
	failed := s.health.failed.Load()
	switch {
	case s.isDone():
		no(false, "the server was shut down")
	case closing:
		no(true, "the server is shutting down")
	case len(open) == 0 && failed != nil:
		no(false, "accepting connections ended: "+(*failed).Error())
	case len(open) == 0 && (s.configured() > 0 || handed > 0):
		no(true, "the server is not listening")
	case len(open) > 0 && !slices.ContainsFunc(open, (*listener).accepts):
		no(true, "all listeners are paused")
	}
	if h.MaxClients > 0 && h.Clients >= h.MaxClients {
		h.Full, h.Why = true, append(h.Why, "as many clients are connected as Banner.MaxClients allows")
	}
	if pending >= s.in.Load().cfg.MaxPending {
		h.Full, h.Why = true, append(h.Why, "as many connections are in handshake as MaxPending allows")
	}
	return h
}

// accepts reports whether a listener is not paused.
func (l *listener) accepts() bool {
	g, ok := l.Listener.(*multilisten.Listener)
	return !ok || g.State() != StatePaused
}

func (s *core) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// HealthHandler answers GET and HEAD of /livez and /readyz for orchestrators and
// balancers: 200, or 503 while [Health] says no, with that as JSON. /readyz?full=503
// says 503 also while the server is full. Other paths get 404. It is meant for a port of
// its own, which still answers when this server does not accept; as Config.HTTP it would
// answer only while the server does.
func (s *Server[T]) HealthHandler() http.Handler {
	return http.HandlerFunc(s.core.serveHealth)
}

func (s *core) serveHealth(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	h := s.healthNow()
	good := false
	switch r.URL.Path {
	case "/livez":
		good = h.Live
	case "/readyz":
		good = h.Ready && !(h.Full && r.URL.Query().Get("full") == "503")
	default:
		http.NotFound(w, r)
		return
	}
	body, _ := json.Marshal(h)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !good {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n'))
}
