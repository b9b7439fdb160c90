package handshake

import (
	"net/http"
	"strings"
)

// Origins says from which web pages a browser may connect (RFC 6455 section
// 10.2). [ParseOrigins] makes it; nil and the zero value are that of an empty
// list. It does not change and may be used from any goroutine.
type Origins struct {
	any, null, same bool
	rules           []originRule
}

// originRule is one entry. Names are in lower case.
type originRule struct {
	scheme   string // empty: any
	host     string
	port     int  // 0: the default of the origin's scheme; anyPort
	wildcard bool // one label before host
}

// origin is a page's origin, RFC 6454. Its port is never the unwritten one.
type origin struct {
	scheme, host string
	port         int
}

// ParseOrigins compiles a list of entries, each one of
//
//	https://app.example         that scheme, host and its default port
//	https://app.example:8443    that port
//	app.example                 any scheme, each with its default port
//	https://app.example:*       any port
//	https://*.example           one label for the asterisk: a.example, not b.a.example
//	same                        the host that the page connects to; also written self
//	null                        pages without an origin: files, sandboxed frames
//	*                           any page of the world
//
// Upper and lower case are the same; a port that is the default of the scheme is
// as good as none. An empty list allows pages from the host that they connect
// to. A list that is not empty allows what it names and nothing else.
//
// The error is an [*OriginError], for what is none of these and for what no browser can
// ever send, such as ws://app.example or an IPv6 address that is not in its short form.
func ParseOrigins(entries []string) (*Origins, error) {
	o := &Origins{}
	for i, entry := range entries {
		switch strings.ToLower(entry) {
		case "*":
			o.any = true
		case "null":
			o.null = true
		case "same", "self":
			o.same = true
		default:
			rule, err := parseRule(strings.ToLower(entry))
			if err != nil {
				return nil, &OriginError{i, entry, err}
			}
			o.rules = append(o.rules, rule)
		}
	}
	return o, nil
}

// Allows reports whether a page from that origin may connect. No origin is
// always allowed: no browser sent that request, and another program can claim
// any. host is the one asked for ([Request.Host]) and tls says how; both matter
// to an empty list and the entry "same" only.
//
// There the host and the port must be the same. The scheme need not, and the
// origin's default port is as good as ours: behind a proxy that ends TLS a page
// from https meets a plain port.
func (o *Origins) Allows(origin, host string, tls bool) bool {
	if origin == "" || o != nil && o.any {
		return true
	}
	if equalFold(origin, "null") {
		return o != nil && o.null
	}
	page, ok := parseOrigin(origin)
	switch {
	case !ok:
		return false
	case o == nil || o.same || len(o.rules) == 0 && !o.null:
		if page.isFrom(host, tls) {
			return true
		}
	}
	if o == nil {
		return false
	}
	for i := range o.rules {
		if o.rules[i].matches(page) {
			return true
		}
	}
	return false
}

// Check returns the 403 for a request from an origin that is not allowed, or
// with several Origin headers, and nil for any other.
func (o *Origins) Check(r *Request, tls bool) *Error { return o.CheckFor(r, r.Host(), tls) }

// CheckFor is Check for a request that a proxy has passed on: host and tls are what the
// client asked the proxy for.
func (o *Origins) CheckFor(r *Request, host string, tls bool) *Error {
	value := r.Origin()
	if r.known[fieldOrigin].n > 1 {
		return &Error{Status: http.StatusForbidden, Body: "the request has several Origin headers"}
	}
	if o.Allows(value, host, tls) {
		return nil
	}
	return &Error{
		Status:  http.StatusForbidden,
		Body:    "the origin " + quote(value) + " is not allowed here",
		Setting: "AllowedOrigins",
	}
}

func (p origin) isFrom(host string, tls bool) bool {
	name, port, ok := splitAuthority(host)
	if !ok || !equalFold(name, p.host) {
		return false
	}
	if port != 0 {
		return port == p.port
	}
	ours := 80
	if tls {
		ours = 443
	}
	return p.port == ours || p.port == defaultPort(p.scheme)
}

func (r *originRule) matches(p origin) bool {
	if r.scheme != "" && !equalFold(r.scheme, p.scheme) {
		return false
	}
	if r.port != anyPort && r.port != p.port && (r.port != 0 || p.port != defaultPort(p.scheme)) {
		return false
	}
	host := p.host
	if r.wildcard {
		label, rest, _ := strings.Cut(host, ".")
		if label == "" {
			return false
		}
		host = rest
	}
	return equalFold(r.host, host)
}
