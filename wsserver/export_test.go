package wsserver

import "github.com/icsws/icsws/client"

// Places returns how many places under MaxClients are taken.
func Places[T client.Client](s *Server[T]) int { return s.gate.Count() }

// SetMaxClients changes the limit of a running server.
func SetMaxClients[T client.Client](s *Server[T], n int) error { return s.gate.SetMaxClients(n) }
