//go:build !linux

package transport

// polling is the pollers of a service: there are none here.
type polling struct{}

// Close ends what the dormant driver has.
func (s *Service) Close() {}

func adoptable(wire) bool { return false }

// adoptLocked leaves the wire as it is.
func (c *Conn) adoptLocked() (dozer, bool) { return nil, false }
