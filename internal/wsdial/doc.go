// Package wsdial is the client's side of WebSocket on a connection that somebody else has
// dialled: the handshake of RFC 6455 section 4.1 with all its checks, a strict reader of
// frames and a writer that masks.
//
//	c, answer, err := wsdial.Open(conn, wsdial.Request{Host: "game.example", Target: "/"})
//	h, err := c.Next()   // the header of a frame
//	n, err := c.Read(p)  // its payload, to io.EOF
//	err = c.WriteFrame(wsdial.Text, true, []byte("hello"))
//
// Who reads and writes by other means does the handshake alone, with [Opening].
//
// Frames are passed on as they come, so memory does not depend on their size. Nothing is
// bounded in time: deadlines belong to the connection. One goroutine reads; any number
// may write.
package wsdial
