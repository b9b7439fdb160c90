// Package deflate is permessage-deflate (RFC 7692) for the server's side of a
// WebSocket connection: the negotiation, one compressor and one decompressor
// for each connection. It knows nothing of frames; a caller hands over whole
// messages and sets RSV1 itself.
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
// to: nothing without context takeover, else at most 4 KiB in each direction, and
// 32 KiB from a client that does not let its window be limited. Everything larger is borrowed from
// pools for the length of one call, and a message allocates nothing as long as
// the destination has room.
//
// # Two encoders
//
// Without context takeover and with the full window of 32 KiB the encoder is
// a pooled flate.Writer, but for messages under 128 bytes, for which its levels
// 1 to 6 neither find repetitions nor keep a history. In all other cases it is
// the small one of this package: the windows of flate can not be made smaller
// than 32 KiB, and flate.StatelessDeflate, which could do with smaller ones,
// allocates a quarter of a megabyte at each call.
//
// # Concurrency
//
// A [Compressor] or [Decompressor] serves one connection and one goroutine at a
// time. A Compressor without takeover has no state and may be shared freely.
// No function starts a goroutine or blocks.
package deflate
