package deflate

import "strings"

// The names of RFC 7692 section 7. They are ABNF literals, so their case does
// not matter.
const (
	extensionName    = "permessage-deflate"
	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverMaxBits    = "server_max_window_bits"
	clientMaxBits    = "client_max_window_bits"
)

// Negotiate is [NegotiateWith] the default windows.
func Negotiate(mode Mode, offers []string) (p Params, response string, ok bool) {
	return NegotiateWith(Options{Mode: mode}, offers)
}

// NegotiateWith answers a client's offers. The offers are the values of all its
// Sec-WebSocket-Extensions header lines, in order. The first offer of
// permessage-deflate that can be honoured is taken; an offer with an unknown or
// repeated parameter or a value out of range is not (RFC 7692 section 7.1), and
// neither is any offer of a line that breaks the grammar of RFC 6455 section
// 9.1. Other extensions are passed over.
//
// When ok is true, response is the value for the Sec-WebSocket-Extensions line
// of the server's answer. Otherwise the answer has no such line, and p and
// response are zero.
//
// With [Message], response always excludes takeover in both directions. With
// [Context] the client's takeover is accepted, with its window limited to
// o.WindowBits if the client lets it be (section 7.1.2.2). One that does not may
// cost 32 KiB, once it has sent as much: excluding its takeover would save that,
// but there are clients that offer the bare extension and keep their window
// whatever the answer.
//
// A window of the server that is below 15 bits is announced only to a client
// that speaks of windows in its offer. Section 7.1.2.1 would let the server
// announce it to all, but some clients that never mention windows fail the
// connection then. For the others the server keeps no more than o.WindowBits
// either (Params.ServerKeeps), but within one message, where it costs nothing, it
// uses the whole window.
func NegotiateWith(o Options, offers []string) (p Params, response string, ok bool) {
	if o.Mode != Message && o.Mode != Context {
		return Params{}, "", false
	}
	for _, line := range offers {
		list, valid := parseExtensions(line)
		if !valid {
			continue
		}
		for _, e := range list {
			if !strings.EqualFold(e.name, extensionName) {
				continue
			}
			if offer, valid := parseOffer(e.params); valid {
				p, response = offer.accept(o)
				return p, response, true
			}
		}
	}
	return Params{}, "", false
}

// An offer is one valid offer of permessage-deflate.
type offer struct {
	serverNoTakeover bool
	clientNoTakeover bool
	serverBits       uint8 // 0 = not mentioned
	clientBits       uint8 // 0 = not mentioned, 15 = without a value
}

func parseOffer(params []parameter) (o offer, ok bool) {
	for _, p := range params {
		if !o.add(p) {
			return offer{}, false
		}
	}
	return o, true
}

// add takes one parameter in. It is false if p is unknown, repeated, or has a
// value that it must not have.
func (o *offer) add(p parameter) bool {
	switch name := strings.ToLower(p.name); name {
	case serverNoTakeover:
		return !p.hasValue && setOnce(&o.serverNoTakeover)
	case clientNoTakeover:
		return !p.hasValue && setOnce(&o.clientNoTakeover)
	case serverMaxBits:
		return o.serverBits == 0 && parseBits(p.value, &o.serverBits)
	case clientMaxBits:
		if o.clientBits == 0 && !p.hasValue {
			o.clientBits = maxBits
			return true
		}
		return o.clientBits == 0 && parseBits(p.value, &o.clientBits)
	}
	return false
}

func setOnce(b *bool) bool {
	was := *b
	*b = true
	return !was
}

// parseBits reads a decimal from 8 to 15 without leading zeros.
func parseBits(s string, to *uint8) bool {
	switch {
	case len(s) == 1 && (s[0] == '8' || s[0] == '9'):
		*to = s[0] - '0'
	case len(s) == 2 && s[0] == '1' && s[1] >= '0' && s[1] <= '5':
		*to = 10 + s[1] - '0'
	default:
		return false
	}
	return true
}

// accept makes the agreement. A client_no_context_takeover in the offer is only
// a hint (RFC 7692 section 7.1.1.2); it is confirmed, because it saves memory.
func (o offer) accept(opts Options) (Params, string) {
	p := Params{
		ServerTakeover: opts.Mode == Context && !o.serverNoTakeover,
		ClientTakeover: opts.Mode == Context && !o.clientNoTakeover,
		ServerBits:     maxBits,
		ClientBits:     maxBits,
	}
	limit := windowBits(opts.WindowBits)
	if p.ServerTakeover {
		limit = opts.kept()
	}
	sayServerBits := o.serverBits != 0 || p.ServerTakeover && o.clientBits != 0
	if sayServerBits {
		p.ServerBits = min(windowBits(o.serverBits), limit)
	} else if p.ServerTakeover && limit < maxBits {
		p.ServerKeeps = limit
	}
	sayClientBits := p.ClientTakeover && o.clientBits != 0
	if sayClientBits {
		p.ClientBits = min(o.clientBits, opts.kept())
	}
	return p, p.response(sayServerBits, sayClientBits)
}
