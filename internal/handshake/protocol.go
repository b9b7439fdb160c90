package handshake

import "slices"

const protocolHeader = "Sec-WebSocket-Protocol"

// maxOffered bounds the search for names that come twice.
const maxOffered = 100

// OfferedProtocols returns the sub-protocols that the client offers, in its
// order of preference, over all lines of the header in raw ([Request.Raw]). It
// is nil where there are none. A name that is not a token, or that comes twice,
// is a 400 (RFC 6455 section 4.1); names have case. So are more than 100 names.
func OfferedProtocols(raw string) ([]string, *Error) {
	var names []string
	f := Fields(raw)
	for v, rest, ok := f.find(protocolHeader); ok; v, rest, ok = rest.find(protocolHeader) {
		for v != "" {
			var name string
			name, v = cutElement(v)
			switch {
			case name == "":
				continue
			case !isToken(name):
				return nil, bad("the sub-protocol %s is not a token", quote(name))
			case slices.Contains(names, name):
				return nil, bad("the sub-protocol %s is offered twice", quote(name))
			case len(names) == maxOffered:
				return nil, bad("more than %d sub-protocols are offered", maxOffered)
			}
			names = append(names, name)
		}
	}
	return names, nil
}

// Select returns the first of the server's sub-protocols that the client offers,
// "" if it offers none of them.
func Select(server, offered []string) string {
	for _, name := range server {
		if slices.Contains(offered, name) {
			return name
		}
	}
	return ""
}
