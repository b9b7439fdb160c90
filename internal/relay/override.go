package relay

import (
	"net"
	"net/url"
	"strconv"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
)

// Choose returns the target of an open request: the default one, which may be nil, with
// what the request has in place of it. nil means that there is none.
func Choose(t *forward.Target, to client.ForwardTarget, chosen bool) (*forward.Target, error) {
	switch {
	case !chosen && t == nil:
		return nil, nil
	case !chosen:
		own := t.WithDefaults()
		return &own, nil
	}
	var own forward.Target
	if t != nil {
		own = t.WithDefaults()
	}
	switch {
	case to.URL != "":
		own.URL, own.Host, own.Port, own.TLS = to.URL, "", 0, false
		if own.WebSocket() {
			own.Text, own.ProxyProtocol = false, false
		} else {
			own.HeaderNames = nil
		}
	case own.URL != "":
		u, err := url.Parse(own.URL)
		if err != nil {
			return nil, err
		}
		host, port := u.Hostname(), u.Port()
		if to.Host != "" {
			host = to.Host
		}
		if to.Port != 0 {
			port = strconv.Itoa(to.Port)
		}
		if u.Host = net.JoinHostPort(host, port); port == "" {
			u.Host = u.Host[:len(u.Host)-1]
		}
		own.URL = u.String()
	default:
		if to.Host != "" {
			own.Host = to.Host
		}
		if to.Port != 0 {
			own.Port = to.Port
		}
	}
	if err := own.Validate(); err != nil {
		return nil, err
	}
	own = own.WithDefaults()
	return &own, nil
}
