// Package admit decides who may connect: lists of addresses, limits and rates for
// each address, and bans that end by themselves.
//
// A [Policy] is the settings, [Rules] are a policy at work. A [Ticket] is what a
// connection holds of the rules while it is open:
//
//	           Rules.Accept(&t, peer)           Rules.Handshake(&t, client)
//	accepted ------------------------> counted --------------------------> client
//	    |                                 |                                  |
//	    +-- Refusal                       +-- Refusal         t.Release() ---+--> free
//
// Accept asks, in this order, and the first that says no decides:
//
//	DeniedClients  AllowedClients  bans  TotalAcceptRate  MaxPerIP  AcceptRate
//
// Of these, a peer that is a trusted proxy meets DeniedClients and TotalAcceptRate only.
// Handshake asks HandshakeRate. When a trusted proxy has named another address, it asks
// the lists, the bans and MaxPerIP for that one first, and the ticket counts for it from
// then on.
//
// # What an address is
//
// An IPv6 peer usually has a whole /64 to choose addresses from, so limits, rates and
// automatic bans count by prefix: Policy.IPv4Prefix and Policy.IPv6Prefix. An
// IPv4-mapped IPv6 address is the IPv4 address, and zones are ignored. A peer without
// an IP address, as on a Unix socket, meets the lists (entry "unix") and
// TotalAcceptRate only.
//
// # Memory
//
// At most Policy.MaxTracked addresses are tracked, in 64 bytes each or less. What has no
// connection, no rate to make up for and no violation to remember is dropped when its
// room is needed, which loses nothing. When nothing can be dropped, a new address counts
// for its network: the /24 or /48, with four times the limits of an address, and if
// there is no room for that either, the /16 or /32, with sixteen times the limits.
// (Shorter ones, if the prefixes of the policy are shorter.) A refusal there has
// [ReasonNetwork]. There is room for a quarter of MaxTracked networks. What finds no
// room at all is bounded by TotalAcceptRate only. [Stats] counts all of that.
//
// # Concurrency
//
// Everything may be called from any goroutine; a Ticket belongs to one, save for
// Release. Locks are short, are taken when connections come and go, and none of them is
// held while user code, a resolver or a disk is at work. Nothing here is on the way of
// a message. The package starts no goroutine: expiry rides on the calls.
package admit
