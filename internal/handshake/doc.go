// Package handshake reads and judges the first HTTP request of a connection and
// writes the answer to it: the 101 of RFC 6455 section 4.2.2, or a refusal.
//
// It knows nothing of sockets. The caller sets the deadlines, counts, logs and
// closes. In the order of a connection:
//
//	req, err := handshake.Read(conn, 16<<10)  // 400, 408, 431, 505 or ErrSilent
//	if !req.IsUpgrade() {                     // a page, a health check
//		serve(req.Replay())               // or answer UpgradeRequired()
//	}
//	e := req.Check()                          // RFC 6455 section 4.2.1
//	e = origins.Check(req, isTLS)             // 403
//	names, e := handshake.OfferedProtocols(req.Raw)
//	buf, err = handshake.AppendSwitching(buf, req.Key(), handshake.Select(ours, names), "", nil)
//
// Every refusal is an [*Error]: status, header, one sentence for the peer and
// the name of the setting that decided. Its Append writes it.
//
// A request that came through net/http is judged by the same rules: [FromHTTP].
//
// Read is stricter than net/http and never more lenient: whatever it accepts,
// [http.ReadRequest] reads with the same method, target and header. Only the
// framing of a body is left to the http.Server to which a request with a body
// is replayed; an upgrade with a body is refused by Check.
//
// Functions of this package may be called from any goroutine; a [Request]
// belongs to one at a time, [Origins] never changes once it is made.
package handshake
