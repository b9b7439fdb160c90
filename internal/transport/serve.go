package transport

// Next is what the reader does after Serve.
type Next int

const (
	NextEngine Next = iota // runs the engine's loop, until that is left
	NextRest               // calls Rest
	NextEnd                // ends the connection
)

// Serve does what the reader does, as far as the engine is not needed for it.
func (c *Conn) Serve() Next {
	in := c.in
	in.outside = true
	for in.end == nil {
		err := c.pull()
		if err == errDoze {
			return NextRest
		}
		if err == nil {
			in.outside = false
			return NextEngine
		}
		in.end = err
	}
	c.idle()
	return NextEnd
}
