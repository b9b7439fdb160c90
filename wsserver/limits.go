package wsserver

// limits are what the machine allows this process. Zero is not known, or no limit.
type limits struct {
	files     uint64 // that may be open
	container int64  // bytes of memory of its control group
	machine   int64  // bytes of memory of the machine
	runtime   int64  // GOMEMLIMIT in bytes
}

// memory is the least of the bounds on memory, 0 for none, and what sets it.
func (l limits) memory() (bytes int64, by string) {
	for _, m := range []struct {
		bytes int64
		by    string
	}{{l.machine, "the machine"}, {l.container, "the container"}, {l.runtime, "GOMEMLIMIT"}} {
		if m.bytes > 0 && (bytes == 0 || m.bytes < bytes) {
			bytes, by = m.bytes, m.by
		}
	}
	return bytes, by
}
