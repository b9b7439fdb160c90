package wsserver

import "github.com/icsws/icsws/client"

// Places returns how many places under MaxClients are taken.
func Places[T client.Client](s *Server[T]) int { return s.gate.Count() }
