package dial

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// target is where an attempt leads to.
type target struct {
	url    *url.URL // scheme in lower case, host in ASCII, without user info
	secure bool     // wss
	host   string   // name or address, with its zone, without brackets
	port   string
	auth   string // value of Authorization; empty for none
}

// parseURL reads Options.URL. The error does not repeat what could be a password.
func parseURL(raw string) (*target, error) {
	if raw == "" {
		return nil, errors.New("is empty")
	}
	u, err := url.Parse(raw)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok && !strings.Contains(raw, "@") {
			return nil, fmt.Errorf("not a URL: %w", ue.Err)
		}
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Scheme != "ws" && u.Scheme != "wss":
		return nil, errors.New("the scheme is neither ws nor wss")
	case u.Opaque != "" || u.Host == "":
		return nil, errors.New("there is no host")
	case strings.Contains(raw, "#"):
		return nil, errors.New("a fragment is not allowed (RFC 6455 section 3)")
	}
	t := &target{secure: u.Scheme == "wss", auth: basicAuth(u.User)}
	if t.host, err = asciiHost(u.Hostname()); err != nil {
		return nil, err
	}
	if t.port, err = portOf(u.Port(), t.secure); err != nil {
		return nil, err
	}
	clean := *u
	clean.User, clean.Host, clean.RawQuery = nil, t.authority(true), escapeQuery(u.RawQuery)
	t.url = &clean
	return t, nil
}

func portOf(port string, secure bool) (string, error) {
	if port == "" {
		return defaultPort(secure), nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("the port is not from 1 to 65535")
	}
	return strconv.FormatUint(n, 10), nil
}

func defaultPort(secure bool) string {
	if secure {
		return "443"
	}
	return "80"
}

// basicAuth is RFC 7617.
func basicAuth(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// asciiHost is an address as it is, or a name in its A-label form (RFC 5891 section 5).
func asciiHost(host string) (string, error) {
	if strings.Contains(host, ":") {
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return "", errors.New("the host is not an IPv6 address")
		}
		return ip.String(), nil
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", fmt.Errorf("the host is not an internationalised name: %w", err)
		}
		host = ascii
	}
	host = strings.ToLower(host)
	name := strings.TrimSuffix(host, ".")
	if name == "" {
		return "", errors.New("there is no host")
	}
	if len(name) > 253 {
		return "", errors.New("the host is longer than 253 bytes")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", errors.New("the host is not a name")
		}
	}
	return host, nil
}

// escapeQuery escapes what can not stand in a request line.
func escapeQuery(query string) string {
	var b strings.Builder
	for _, c := range []byte(query) {
		if c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// addr is what is dialled.
func (t *target) addr() string { return net.JoinHostPort(t.host, t.port) }

// peerAddr is addr for another machine, to which our zones mean nothing.
func (t *target) peerAddr() string { return net.JoinHostPort(withoutZone(t.host), t.port) }

// authority is the host with the port, unless that is the default.
func (t *target) authority(zone bool) string {
	host := t.host
	if !zone {
		host = withoutZone(host)
	}
	switch {
	case t.port != defaultPort(t.secure):
		return net.JoinHostPort(host, t.port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

// hostHeader is the Host line (RFC 9110 section 7.2); a zone is for us alone (RFC 6874
// section 4).
func (t *target) hostHeader() string { return t.authority(false) }

// serverName is what a certificate is checked against.
func (t *target) serverName() string { return strings.TrimSuffix(withoutZone(t.host), ".") }

func withoutZone(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return host
}

// asHTTP is the URL that a proxy is chosen for.
func (t *target) asHTTP() *url.URL {
	u := *t.url
	u.Scheme = "http"
	if t.secure {
		u.Scheme = "https"
	}
	return &u
}

// sees reports whether credentials for t may go to other: the same host, and the same port
// or the default ones of ws and wss. wss never becomes ws, see redirect.
func (t *target) sees(other *target) bool {
	bothDefault := t.port == defaultPort(t.secure) && other.port == defaultPort(other.secure)
	return t.host == other.host && (t.port == other.port || bothDefault)
}
