package wsserver

import (
	"strconv"
	"strings"
	"time"
)

// alias is the name that an older server has for a setting.
type alias struct {
	name string
	of   string // whose it is
	key  string
	read func(text string) (string, error) // makes it a value of the setting; nil leaves it
	note string
}

// portKey stands for the port, which goes into Addr.
const portKey = "port"

const (
	ics     = "ICS"
	ipworks = "IPWorks"
	ix      = "IXWebSocket"
)

// aliases are the names that differ. Those that are the same but for case and
// underscores need no entry: BandwidthLimit, BandwidthSampling, InBufferSize,
// OutBufferSize, MaxFrameSize, CertExpireDays, AllowedClients.
var aliases = []alias{
	{name: "Port", of: ics, key: portKey},
	{name: "MaxClients", of: ics, key: "banner.max_clients"},
	{name: "BannerTooBusy", of: ics, key: "banner.too_busy"},
	{name: "Banner", of: ics, key: "banner.welcome"},
	{name: "NoSSL", of: ics, key: "disable_tls"},
	{name: "RootCA", of: ics, key: "root_ca_file"},
	{name: "SslSrvSecurity", of: ics, key: "level", note: "its words and numbers"},
	{name: "SslCliCertMethod", of: ics, key: "client_auth", read: clientCert, note: "sslCliCertNone, -Optional, -Require"},
	{name: "SocketErrs", of: ics, key: "friendly_errors", read: friendlyWord, note: "wsErrTech or wsErrFriendly"},
	{name: "WSPingSecs", of: ics, key: "ping_interval", read: seconds, note: "seconds"},

	{name: "LocalHost", of: ipworks, key: "addr"},
	{name: "LocalPort", of: ipworks, key: portKey},
	{name: "MaxConnections", of: ipworks, key: "banner.max_clients"},
	{name: "DefaultTimeout", of: ipworks, key: "write_timeout", read: secondsOrOff, note: "seconds; 0 is none"},
	{name: "DefaultConnectionTimeout", of: ipworks, key: "tls_handshake_timeout", read: secondsOrOff, note: "seconds; 0 is none"},
	{name: "DefaultIdleTimeout", of: ipworks, key: "idle_timeout", read: seconds, note: "seconds"},
	{name: "KeepAliveTime", of: ipworks, key: "keep_alive.idle", read: milliseconds, note: "milliseconds"},
	{name: "KeepAliveInterval", of: ipworks, key: "keep_alive.interval", read: milliseconds, note: "milliseconds"},
	{name: "WaitForCloseResponse", of: ipworks, key: "no_close_wait", read: not, note: "the other way round"},
	{name: "DisconnectStatusCode", of: ipworks, key: "close_code"},
	{name: "DisconnectStatusDescription", of: ipworks, key: "close_reason"},
	{name: "TcpNoDelay", of: ipworks, key: "nagle", read: not, note: "the other way round"},
	{name: "ReuseSSLSession", of: ipworks, key: "disable_session_tickets", read: not, note: "the other way round"},
	{name: "OpenSSLCAFile", of: ipworks, key: "client_ca_file"},
	{name: "DefaultForwardHost", of: ipworks, key: "forward.host"},
	{name: "DefaultForwardPort", of: ipworks, key: "forward.port"},
	{name: "SSLAuthenticateClients", of: ipworks, key: "client_auth", read: asksForCert, note: "true is optional"},

	{name: "options.host", of: ix, key: "addr"},
	{name: "options.port", of: ix, key: portKey},
	{name: "options.maxConnections", of: ix, key: "banner.max_clients"},
	{name: "options.handshakeTimeoutSecs", of: ix, key: "handshake_timeout", read: seconds, note: "seconds"},
	{name: "options.pingInterval", of: ix, key: "ping_interval", read: seconds, note: "seconds; -1 is never"},
	{name: "options.enablePong", of: ix, key: "disable_pong", read: not, note: "the other way round"},
	{name: "options.enablePerMessageDeflate", of: ix, key: "compression.mode", read: deflateMode, note: "true is context"},
	{name: "options.caFile", of: ix, key: "client_ca_file", note: "demands no certificates by itself"},
}

// otherWays says where settings are that are no fields of Config, or can not be text.
var otherWays = map[string]string{
	"listenbacklog": "use Binding.Backlog", "connectionbacklog": "use Binding.Backlog", "options.backlog": "use Binding.Backlog",
	"socketfamily": "use Binding.Network, tcp4 or tcp6", "useipv6": "use Binding.Network, tcp4 or tcp6",
	"options.addressfamily": "use Binding.Network, tcp4 or tcp6", "bindexclusively": "use Binding.Exclusive or Shared",
	"sslenable": "set Binding.TLS, or the TLSPort of a host", "usessl": "set Binding.TLS, or the TLSPort of a host",
	"options.tls": "set Binding.TLS, or the TLSPort of a host", "icshosts": "hosts.LoadINI reads them, or package config",
	"hosts": "package config reads hosts", "bindings": "package config reads bindings", "tls": "a tls.Config is code",
	"multilistensockets": "use Config.Bindings", "sslcert": "a host has Cert", "options.certfile": "a host has Cert",
	"options.keyfile": "a host has Key", "options.ciphers": "a host has CipherSuites",
	"buffermessage": "a class with OnFragment gets messages in pieces", "codepage": "text is UTF-8",
	"proto": "it is always tcp", "logsslpackets": "use Config.TLSKeyLog", "linger": "closing lingers by itself",
}

// The forms of older values.

func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, wrong(text, "a whole number")
	}
	return n, nil
}

func inTime(text string, unit time.Duration, zero string) (string, error) {
	n, err := number(text)
	switch {
	case err != nil:
		return "", err
	case n < 0:
		return "-1ns", nil
	case n == 0:
		return zero, nil
	}
	return (time.Duration(n) * unit).String(), nil
}

func seconds(text string) (string, error)      { return inTime(text, time.Second, "0s") }
func secondsOrOff(text string) (string, error) { return inTime(text, time.Second, "-1ns") }
func milliseconds(text string) (string, error) { return inTime(text, time.Millisecond, "0s") }

func truth(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, wrong(text, "true or false")
}

func not(text string) (string, error) {
	on, err := truth(text)
	return strconv.FormatBool(!on), err
}

func chosen(text, ifTrue, ifFalse string) (string, error) {
	on, err := truth(text)
	if !on {
		ifTrue = ifFalse
	}
	return ifTrue, err
}

func asksForCert(text string) (string, error) { return chosen(text, "optional", "none") }
func deflateMode(text string) (string, error) { return chosen(text, "context", "off") }

// without cuts a prefix of the names of an enumeration.
func without(text, prefix string) string {
	if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):]
	}
	return text
}

func clientCert(text string) (string, error) {
	return strings.ToLower(without(text, "sslCliCert")), nil
}

func friendlyWord(text string) (string, error) {
	switch strings.ToLower(without(text, "wsErr")) {
	case "friendly":
		return "true", nil
	case "tech":
		return "false", nil
	}
	return "", wrong(text, "wsErrTech or wsErrFriendly")
}
