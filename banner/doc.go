// Package banner holds what a server says at its door: the first text of a client
// that is let in, the limit on clients, and the answer to one that is too many.
//
// A [Policy] is the settings, a [Gate] counts, a [Place] is what a client holds
// while it is connected. The life of a place:
//
//	        Gate.Enter(&p)                     p.Leave()
//	free ------------------> held by a client -----------> free
//	 |
//	 | Enter returns ErrTooBusy: the Mode of the Policy decides
//	 |
//	 +-- HTTP503 ---------- no upgrade; 503, Retry-After, TooBusy as the body
//	 +-- UpgradeThenClose - upgrade; TooBusy as a text message; close 1013
//	 +-- Drop ------------- the connection ends without a word
//
// A client that is let in is sent Welcome as its first text message, unless that
// is empty: once, after its connect event has returned and only if it is still
// connected then.
//
// The package opens no connection and starts no goroutine. With plain net/http it
// is a middleware, [Gate.Limit]; a server that speaks WebSocket calls Enter and
// Leave itself and sends what [Policy.Refusal] or [Policy.BusyClose] say.
package banner
