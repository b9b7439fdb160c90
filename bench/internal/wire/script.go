package wire

// Script is an endless sequence of messages, the same for every connection: a
// few texts, one after the other, and then again from the first.
//
// Its frames are built once and lie back to back, so that sending any number of
// them is one slice of memory. A Script may be read by many goroutines unless it
// is compressed.
type Script struct {
	texts [][]byte
	op    byte
	buf   []byte
	at    []int // offset of frame i in buf; one more than there are frames
	check *checker
}

// NewScript makes the sequence of texts, sent as messages with opcode op. run is
// the most frames that Run is asked for at once. Deflate says what the handshake
// agreed on; its zero value is plain frames.
func NewScript(op byte, texts [][]byte, run int, d Deflate) *Script {
	s := &Script{texts: texts, op: op}
	payloads := texts
	if d.Enabled {
		payloads = deflateAll(texts, d)
		s.check = newChecker(texts, d.ServerTakeover)
	}
	s.at = append(s.at, 0)
	for i := range len(texts) + run {
		s.buf = AppendFrame(s.buf, op, d.Enabled, payloads[i%len(texts)])
		s.at = append(s.at, len(s.buf))
	}
	return s
}

// Run returns the frames of messages seq to seq+n-1, counted from the first that
// the connection sends. It must not be changed. Above the run that NewScript was
// given it panics.
func (s *Script) Run(seq, n int) []byte {
	i := seq % len(s.texts)
	return s.buf[s.at[i]:s.at[i+n]]
}

// text is what message seq says.
func (s *Script) text(seq int) []byte { return s.texts[seq%len(s.texts)] }
