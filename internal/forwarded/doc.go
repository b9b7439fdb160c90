// Package forwarded finds the client behind proxies: its address, and how it spoke to
// the first of them. It is a leaf.
//
// Each proxy on the way adds the address of its peer at the right end of a header:
//
//	X-Forwarded-For: 203.0.113.7, 198.51.100.2        peer: 192.0.2.1
//	                 client       outer proxy               inner proxy
//
// Whoever connects can send such a header, so an address in it is worth what the one is
// worth who added it. Therefore [Rules.Resolve] begins with the peer of the connection
// and goes from right to left, as long as the address it stands on is a trusted proxy;
// where it stops is the client. What is further left is what the client has sent. It is
// not read, and nothing in it, such as a quote that is left open, changes how the rest is
// read; only its length counts, as a header that is too long is refused.
//
// One header is believed, the one that is configured. The others are not looked at, not
// even if it is missing: a proxy that does not set a header passes it on.
package forwarded
