package wsserver

import (
	"net/http"
	"net/netip"

	"github.com/icsws/icsws/internal/forwarded"
	"github.com/icsws/icsws/internal/handshake"
)

// forwardRules is what trusted proxies are believed; nil for nothing. The rules of
// addresses, which know the proxies, are filled in later.
func (c *Config) forwardRules() (*forwarded.Rules, error) {
	header, err := forwarded.ParseHeader(c.ClientIPHeader)
	switch {
	case err != nil:
		return nil, &ConfigError{"ClientIPHeader", err}
	case header == forwarded.None:
		return nil, nil
	case len(c.TrustedProxies) == 0:
		return nil, configError("ClientIPHeader", "set, but Config.TrustedProxies is empty: nobody would be believed")
	}
	return &forwarded.Rules{Header: header, Proto: true, Host: true}, nil
}

// resolve finds out who the client of a request is.
func (s *core) resolve(a *arrival, req *handshake.Request) *handshake.Error {
	a.said = nil
	if a.in.forward == nil {
		return nil
	}
	said, err := a.in.forward.Resolve(a.remote, handshake.Fields(req.Raw).Values)
	if said.Named {
		a.said = &said
	}
	if err != nil {
		return &handshake.Error{
			Status: http.StatusBadRequest, Setting: "ClientIPHeader", Err: err,
			Body: "a proxy has sent a malformed header about the client",
		}
	}
	return nil
}

// clientIP is the client, as far as it is known.
func (a *arrival) clientIP() netip.Addr {
	if a.said != nil {
		return a.said.Client.Addr()
	}
	return a.remote.Addr()
}

// named is the client that a proxy has named, nil for the peer: what its session keeps.
func (a *arrival) named() *netip.Addr {
	if ip := a.clientIP(); ip != a.remote.Addr() {
		return &ip
	}
	return nil
}

// secure reports whether the client speaks TLS, to us or to a proxy that says so.
func (a *arrival) secure() bool {
	if a.said != nil && a.said.Proto != "" {
		return a.said.Proto == "https" || a.said.Proto == "wss"
	}
	return a.tls != nil
}

// authority is what the client has asked for, which a proxy may have replaced in the Host
// header.
func (a *arrival) authority(req *handshake.Request) string {
	if a.said != nil && a.said.Host != "" {
		return a.said.Host
	}
	return req.Host()
}
