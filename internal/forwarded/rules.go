package forwarded

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"
)

// Header is the header that proxies name the client in.
type Header uint8

// The headers. X-Forwarded-Proto and X-Forwarded-Host go with the latter two.
const (
	None          Header = iota // headers are not believed
	Forwarded                   // RFC 7239
	XForwardedFor               // a list of addresses, the de facto standard
	XRealIP                     // one address
)

var names = [...]string{"", "Forwarded", "X-Forwarded-For", "X-Real-IP"}

// String returns the name of the header.
func (h Header) String() string {
	if int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("header(%d)", uint8(h))
}

// ParseHeader returns the header of that name, in any case; the empty name is None. The
// error is an [ErrHeader].
func ParseHeader(name string) (Header, error) {
	for h, n := range names {
		if strings.EqualFold(n, name) {
			return Header(h), nil
		}
	}
	return None, fmt.Errorf("%w: %q", ErrHeader, name)
}

// Limits of the zero Rules.
const (
	defaultBytes = 4096
	defaultHops  = 16
)

// Rules say whom and what to believe. They must not change while in use; then they may
// be used from any goroutine.
type Rules struct {
	// Header is the one that is believed.
	Header Header
	// Trusted reports whether an address is a proxy that may name its peer. It gets
	// addresses without zone, unmapped, and the zero Addr for a peer without an IP
	// address. Nil trusts nobody.
	Trusted func(netip.Addr) bool
	// Proto is whether the proxies say how the client spoke: "proto" of Forwarded, or
	// X-Forwarded-Proto. Of the latter that element counts that the outermost trusted
	// proxy has added if each of them adds one, or the first if there are fewer, as most
	// proxies replace or pass on what they got. Some proxy must set it, else it is the
	// client's word.
	Proto bool
	// Host is the same for the Host header of the client: "host", or X-Forwarded-Host.
	Host bool
	// MaxBytes bounds the lines of one header together. Zero means 4096.
	MaxBytes int
	// MaxHops bounds the proxies behind the peer. Zero means 16.
	MaxHops int
}

// Values returns the value of each line of a header, in their order. For a net/http
// header it is func(name string) iter.Seq[string] { return slices.Values(h.Values(name)) }.
type Values func(name string) iter.Seq[string]

// Hop is one address on the way.
type Hop struct {
	Addr netip.AddrPort // port 0 if it is not known
	By   string         // where its peer, the next hop, received it, as written in "by" of Forwarded; may be empty
}

// Result is who the client is.
type Result struct {
	Client netip.AddrPort // its port is 0 if no proxy says it
	Named  bool           // by a proxy; else Client is the peer
	Proto  string         // scheme in lower case, such as "https"; empty if not known
	Host   string         // host[:port]; empty if not known
	Chain  []Hop          // from the client to the peer; nil unless Named
}

// Resolve finds the client of a request that came from peer.
//
// A peer that is not trusted is the client, whatever the headers say, and so is a
// trusted one without the header. Any other error of the header is an [*Error], since a
// trusted proxy must not have sent it; then Result has what is sure: Client is the
// outermost address that is known, which is that of a proxy.
func (r *Rules) Resolve(peer netip.AddrPort, values Values) (Result, error) {
	peer = plain(peer)
	if r.Header == None || !r.trusts(peer.Addr()) {
		return Result{Client: peer}, nil
	}
	return r.resolve(peer, values)
}

func (r *Rules) resolve(peer netip.AddrPort, values Values) (Result, error) {
	w := walk{rules: r, values: values, res: Result{Client: peer}}
	err := w.chain()
	if err != nil || !w.res.Named {
		return Result{Client: w.res.Client}, err
	}
	err = w.rest()
	return w.res, err
}

func (r *Rules) trusts(a netip.Addr) bool { return r.Trusted != nil && r.Trusted(a) }

// plain returns an address as Trusted gets it.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

func orDefault(n, value int) int {
	if n > 0 {
		return n
	}
	return value
}
