// Package deflate is permessage-deflate (RFC 7692), written for the server's side of a
// WebSocket connection: the negotiation, one compressor and one decompressor
// for each connection. It knows nothing of frames; a caller hands over whole
// messages and sets RSV1 itself. Where we are the client, [Options.Offer] and
// [Options.Accept] take the place of the negotiation, see there for who is who.
//
//	p, response, ok := deflate.Negotiate(deflate.Context, header["Sec-WebSocket-Extensions"])
//	c, d := deflate.NewCompressor(p, 1), deflate.NewDecompressor(p)
//
//	wire, err := c.Append(nil, msg) // what goes into the frame
//	c.Extend(msg)                   // once it is certain that wire is sent
//
//	msg, err = d.Append(nil, wire, maxMessageSize)
//
// # Memory
//
// Idle connections are many and messages are short, so a connection keeps no
// encoder and no decoder, only the plaintext that its next message may refer
// to: nothing without context takeover, else in each direction at most the window
// of Options.WindowBits, which is 4 KiB unless something else is asked for. What
// the server sent is never more than 8 KiB, because its encoder searches no
// farther back; what a client sent can be 32 KiB if it does not let its window be
// limited. It takes memory only as it comes. Everything larger is borrowed from
// pools, for one call or for the message that a [Stream] inflates, and a message
// allocates nothing as long as the destination has room.
//
// # Two encoders
//
// The usual encoder is the one of this package. It is made for short messages: what
// it does for each of them is in proportion to the symbols in use, and it needs no
// more than a window of some KiB to go on from. It looks for repetitions at one place
// for each of 4096 hashes of five bytes. [Compressor.Append] of 1 KiB of JSON takes
// about a third of the time of a pooled writer of klauspost/compress at level 1 without
// takeover, and less than a fifth of one that is primed with 4 KiB of history; the
// result is 2 % shorter there, and 6 % longer here (BenchmarkVersusPooled).
//
// A pooled flate.Writer takes the messages that profit from it, without takeover and
// with the full window of 32 KiB: those above 32 KiB, and from level 2 on all of 128
// bytes and more. With takeover flate is out of the question: a writer for each
// connection takes a megabyte, and flate.StatelessDeflate, which can do with small
// windows, allocates a quarter of one at each call.
//
// # One decoder
//
// The decoder is our own. A reader of flate asks for its input and never recovers
// from the lack of it, so for a message that is still arriving it would need a
// goroutine that waits; and that of klauspost/compress v1.17.9 takes the code of an
// earlier block, of any connection that used the reader, for that of a block that has
// none. Ours can stop before any bit and go on when there is more. It inflates whole
// messages, too, so [Decompressor.Append] and a Stream accept the same ones, apart
// from the limits that Append has. For 1 KiB of JSON it takes half the time of a
// pooled reader of klauspost/compress (BenchmarkVersusPooled).
//
// # Concurrency
//
// A [Compressor], or a [Decompressor] with its Stream, serves one connection and one goroutine at a
// time. A Compressor without takeover has no state and may be shared freely.
// No function starts a goroutine or blocks.
package deflate
