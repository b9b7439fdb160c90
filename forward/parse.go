package forward

import (
	"net/url"
	"strconv"
	"strings"
)

// ParseTarget reads tcp://host:port, tls://host:port, ws://… or wss://…. The error is a
// [*FieldError].
func ParseTarget(s string) (*Target, error) {
	if s == "" {
		return nil, badField("URL", "is empty")
	}
	t := Target{URL: s}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if u, err := url.Parse(s); err == nil && (u.Scheme == "tcp" || u.Scheme == "tls") {
		port, _ := strconv.Atoi(u.Port())
		return &Target{Host: u.Hostname(), Port: port, TLS: u.Scheme == "tls"}, nil
	}
	return &t, nil
}

// checkURL judges the URL of a target; an empty one is none.
func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return badField("URL", "can not be read; want such as tcp://host:port or wss://host/path")
	}
	tcp := false
	switch u.Scheme {
	case "tcp", "tls":
		tcp = true
	case "ws", "wss":
	default:
		return badField("URL", "the scheme %q is none of tcp, tls, ws and wss", u.Scheme)
	}
	port, perr := strconv.Atoi(u.Port())
	switch {
	case u.Opaque != "" || !validHost(u.Hostname()):
		return badField("URL", "has no valid host")
	case u.User != nil:
		return badField("URL", "has a user name, for which there is no place in the protocol")
	case u.Fragment != "" || u.RawFragment != "":
		return badField("URL", "has a fragment (RFC 6455 section 3)")
	case u.Port() == "" && tcp:
		return badField("URL", "has no port")
	case u.Port() != "" && (perr != nil || port < 1 || port > 65535):
		return badField("URL", "the port %s is not from 1 to 65535", u.Port())
	case strings.Contains(u.RawQuery, " "):
		return badField("URL", "has a space in its query; write %%20")
	case tcp && (u.Path != "" || u.RawQuery != "" || u.ForceQuery):
		return badField("URL", "has a path or a query, which a TCP target can not have")
	}
	return nil
}
