package admit

// Stats is what happened since New, and what there is now.
type Stats struct {
	Admitted uint64          // by Accept
	Refused  [reasons]uint64 // by Accept and Handshake; the index is a Reason

	Tracked   int    // addresses now
	Networks  int    // networks now that stand in for addresses
	StoodIn   uint64 // connections that counted for a network, as MaxTracked was reached
	Unbounded uint64 // connections that had no room there either: TotalAcceptRate alone bounds them

	AutoBans uint64 // bans that AutoBan has made
	LostBans uint64 // those that it has not, as there were MaxBans
	Bans     int    // bans kept now; a few may be over
}

// Stats returns the counters. They are not of one instant.
func (r *Rules) Stats() Stats {
	s := Stats{
		Admitted: r.admitted.Load(),
		StoodIn:  r.limiter.stoodIn.Load(), Unbounded: r.limiter.unbounded.Load(),
		AutoBans: r.autoBans.Load(), LostBans: r.lostBans.Load(), Bans: int(r.bans.n.Load()),
	}
	for i := range s.Refused {
		s.Refused[i] = r.refused[i].Load()
	}
	for level, t := range r.limiter.levels.Load().tables {
		if n := t.len(); level == 0 {
			s.Tracked = n
		} else {
			s.Networks += n
		}
	}
	return s
}
