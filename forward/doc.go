// Package forward says where the connections of a server are forwarded to: the client
// speaks WebSocket to us, and we speak to a target.
//
//	client ══ WebSocket ══► wsserver ──── bytes ────► tcp://  tls://
//	                           ║═══ WebSocket ═══════► ws://  wss://
//	browser ── HTTP ─────────► HTTP ─── HTTP ────────► http://  https://
//
// A [Target] belongs into wsserver.Config.Forward or ForwardByHost, and an open request may
// choose another one by OpenRequest.ForwardTo and ForwardToURL:
//
//	target, err := forward.ParseTarget("tcp://mail.example:143")
//	…
//	srv, err := wsserver.New(wsserver.NoClients(), wsserver.Config{Addr: ":8080", Forward: target})
//
// The life of a forwarded connection:
//
//	NewClient   returns a nil client: refuse, or choose a target
//	dial        the target; 502 or 504 when it can not be reached
//	101         OnClientConnect of the hooks
//	bytes       each way at the pace of the slower side
//	the end     of one side is that of the other; OnClientDisconnect of the hooks
//
// Messages of the client are written to a TCP target as bytes without any framing, and what
// the target sends becomes binary messages, or text. With a WebSocket target messages stay
// what they are, and so do close codes. What is in memory of a connection is bounded,
// whatever the size of a message.
//
// A target comes from the configuration or from code and never from the peer: no header and
// no part of a request chooses it, except that a ws target without a path gets the path of
// the request (F-05).
//
// [HTTP] forwards the requests that are no WebSocket. docs/forwarding.md tells it all.
package forward
