package transport

// sentFrames finds the frames in what was written, for Events.Sent. It belongs to
// whoever writes.
type sentFrames struct {
	raw  int             // bytes before the first frame: the answer to the handshake
	head [MaxHeader]byte // of the frame under way
	n    int             // bytes of it that are known
	size int             // payload of the frame
	left int             // payload that is not written yet
	in   bool            // the header is complete
}

// tellSent tells of the frames that are complete with the next n bytes of pieces.
func (c *Conn) tellSent(n int, pieces ...[]byte) {
	for _, p := range pieces {
		p = p[:min(n, len(p))]
		n -= len(p)
		if c.sent != nil && c.sent.raw > 0 {
			k := min(c.sent.raw, len(p))
			c.sent.raw -= k
			p = p[k:]
		}
		for len(p) > 0 {
			p = c.sentPiece(p)
		}
	}
}

// sentPiece takes bytes of one frame and returns the rest.
func (c *Conn) sentPiece(p []byte) []byte {
	if c.sent == nil {
		c.sent = new(sentFrames)
	}
	s := c.sent
	for !s.in && len(p) > 0 {
		s.head[s.n] = p[0]
		s.n, p = s.n+1, p[1:]
		s.in = s.n >= 2 && s.n == headerLen(s.head[1])
	}
	if !s.in {
		return p
	}
	if s.n > 0 {
		s.size = frameLen(s.head[:]) - s.n
		s.left, s.n = s.size, 0
	}
	k := min(s.left, len(p))
	c.sentBytes(k)
	return p[k:]
}

// sentBytes takes payload of the frame under way.
func (c *Conn) sentBytes(k int) {
	s := c.sent
	if s.left -= k; s.left == 0 {
		s.in = false
		c.events.Sent(s.head[0], s.size)
	}
}

// tellSentSpan is tellSent for n bytes of a file.
func (c *Conn) tellSentSpan(n int) {
	if n > 0 {
		c.sentBytes(n)
	}
}

// headerLen is the size of a frame header of ours whose second byte is b.
func headerLen(b byte) int {
	switch b {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
