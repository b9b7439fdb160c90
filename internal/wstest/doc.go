// Package wstest speaks WebSocket to a server under test, frame by frame, and
// may do everything that a well-behaved client never does.
//
//	p := wstest.Open(t, wstest.DialTCP(t, addr), "/")     // after the 101
//	p.Send(wstest.Frame{Op: wstest.OpText, RSV: wstest.RSV2})
//	p.WantClose(1002)
//
// A [Peer] works on TCP, on TLS and in memory, and so inside and outside of
// testing/synctest bubbles. Every call is bounded by Peer.Timeout and ends the
// test when the other side does not do what was asked for; the plain ones
// ([Peer.NextFrame], [Peer.TryWrite]) return an error instead.
//
// What arrives is judged strictly: masks, reserved bits, opcodes, shortest
// lengths, control frames, UTF-8, and for compressed messages the negotiated
// window. permessage-deflate is done here with means of its own, so that a
// server's mistakes and its library's are not repeated in the judge.
//
// The frames are those of RFC 6455 section 5, compression is RFC 7692.
package wstest
