package wsserver

import (
	"net"

	"github.com/icsws/icsws/client"
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
		c.Init(s.engine.Service, &transport.Settings{}, transport.NewWire(idle), nil, nil, nil)
		c.Open()
	}
}
