package wsserver

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/transport"
)

// Places returns how many places under MaxClients are taken.
func Places[T client.Client](s *Server[T]) int { return s.gate.Count() }

// Crowd has the dormant driver of s see more readers at work than it lets wait, so that
// it adopts each new socket at once and has its reader rest after each batch of input.
// They are connections over idle that never end.
func Crowd[T client.Client](s *Server[T], idle net.Conn) {
	for range 300 {
		c := new(transport.Conn)
		c.Init(s.service, &transport.Settings{}, transport.NewWire(idle), nil, nil, nil)
		c.Open()
	}
}

// Connections returns how many connections count for an address.
func Connections[T client.Client](s *Server[T], ip string) int {
	rules := s.in.Load().rules
	if rules == nil {
		return 0
	}
	return rules.Connections(netip.MustParseAddr(ip))
}

// Judges reports whether the addresses of clients matter to s.
func Judges[T client.Client](s *Server[T]) bool { return s.in.Load().rules != nil }

// LiveFields are the fields that Update may change.
func LiveFields() map[string]bool { return liveFields }

// HostPlaces returns how many places are taken of those of the host with that index.
func HostPlaces[T client.Client](s *Server[T], index int) int { return s.hostGates[index].Count() }

// Examines reports whether open requests are made for anybody to look at.
func Examines[T client.Client](s *Server[T]) bool { return s.in.Load().examined }

// Announced returns what becomes of the TLS configuration of a listener without hosts.
func Announced[T client.Client](s *Server[T], c *tls.Config) *tls.Config { return s.announced(c, nil) }

// Location returns where a request is sent by its host, empty for nowhere.
func Location[T client.Client](s *Server[T], r *http.Request) string {
	a := &arrival{host: s.hosts.All().Default(), tls: r.TLS, in: s.in.Load()}
	if e := s.redirect(a, handshake.FromHTTP(r)); e != nil {
		return e.Header.Get("Location")
	}
	return ""
}
