// Package conformance holds tests only: RFC 6455 and RFC 7692 against
// examples/echo as a running process, over real sockets on the loopback
// interface.
//
// The server is built once, with the race detector if the tests have it, and
// started in a few variants. All variants must end with exit code 0 on SIGTERM
// and without a data race or a panic in their log.
//
//	go test ./internal/conformance
//	go test ./internal/conformance -run TestClose -v
//	go test ./internal/conformance -args -echo /path/to/another/server
//
// The groups follow the protocol: framing, pings, reserved bits and opcodes,
// fragments, UTF-8, masks and lengths, closing, limits, the handshake,
// negotiation of compression, compressed messages. What is asked for beyond the
// RFCs is what this project promises: which close code, an answer as soon as
// something is wrong, and that nothing is lost that came before.
package conformance
