package dial

import "fmt"

// Reason says why an attempt failed.
type Reason uint8

// The reasons. docs/dial.md tells what to do about each.
const (
	ReasonOther          Reason = iota // none of the following; see DialError.Err
	ReasonCancelled                    // the caller's context, or Stop
	ReasonTimeout                      // Options.HandshakeTimeout, a context's deadline, or the system's limit
	ReasonNoHost                       // the name does not exist
	ReasonResolve                      // the name could not be resolved
	ReasonRefused                      // nobody listens there
	ReasonUnreachable                  // there is no way to the address
	ReasonReset                        // the connection was reset
	ReasonProxy                        // the proxy refused, or is none
	ReasonProxyAuth                    // the proxy wants other user info
	ReasonNotTLS                       // the server does not speak TLS
	ReasonCertUnknown                  // its certificate leads to no authority of ours
	ReasonCertName                     // its certificate is for other names
	ReasonCertExpired                  // its certificate has expired
	ReasonCertNotYet                   // its certificate is not valid yet
	ReasonCertInvalid                  // its certificate is wrong in another way
	ReasonCertRequired                 // a certificate of ours is missing, or was refused
	ReasonTLSVersion                   // no version of TLS in common
	ReasonTLS                          // TLS failed in another way
	ReasonStatus                       // an HTTP answer other than 101
	ReasonRedirect                     // a redirect that is not followed
	ReasonNotWebSocket                 // an answer that is not one to our handshake
	ReasonProtocol                     // a sub-protocol that was not offered
	ReasonExtension                    // an extension, or parameters of one, that were not offered
	ReasonHeaderTooLarge               // the head of the answer is longer than Options.MaxHeaderBytes
	ReasonClosed                       // the server closed the connection before its answer was whole
	ReasonOptions                      // Options are wrong, or a file that they name
	ReasonUser                         // a function of the program failed or panicked
	reasons              = iota
)

// reasonInfo is the row of a reason in docs/dial.md.
type reasonInfo struct {
	code    string
	name    string // a part of a sentence
	meaning string
	advice  string
}

var reasonInfos = [reasons]reasonInfo{
	ReasonOther: {"other", "failed",
		"None of the others.", "The text of the error says more."},
	ReasonCancelled: {"cancelled", "cancelled",
		"The context of `Connect` ended, or `Stop` was called.", ""},
	ReasonTimeout: {"timeout", "timed out",
		"The attempt was not done in time; the stage says what it was waiting for.",
		"A firewall that drops packets, a server that is overloaded, or `HandshakeTimeout` is too short for the link."},
	ReasonNoHost: {"no-host", "the name of the host does not exist",
		"The name is not in the DNS.", "Look for a misspelling; from inside of a network its own DNS may be needed."},
	ReasonResolve: {"resolve", "the name of the host could not be resolved",
		"The DNS did not give an answer.", "Usually there is no network, or its DNS server does not answer."},
	ReasonRefused: {"refused", "the connection was refused",
		"Nobody listens on that port.", "The server is down, or it is another port."},
	ReasonUnreachable: {"unreachable", "the address can not be reached",
		"There is no way to the address.", "No network, or a VPN that is off; an IPv6 address on a machine without IPv6."},
	ReasonReset: {"reset", "the connection was reset",
		"The other side broke the connection.", "A server that crashed or refuses the address, or a firewall."},
	ReasonProxy: {"proxy", "the proxy did not make the connection",
		"The proxy answered, but not with a connection to the server.", "Its status says why; check that it allows the host and the port."},
	ReasonProxyAuth: {"proxy-auth", "the proxy wants other credentials",
		"The proxy refused the user info of its URL, or wants some.", "Write it as `http://user:password@proxy:3128`."},
	ReasonNotTLS: {"not-tls", "the server does not speak TLS",
		"The answer to the first TLS message was something else.", "It is the port of `ws`, or TLS is off in the server."},
	ReasonCertUnknown: {"cert-unknown", "the certificate of the server is from an unknown authority",
		"Its chain leads to no authority that is trusted.", "Give your own authority as `RootCAs` or `CAFile`; the server has to send its intermediate certificates."},
	ReasonCertName: {"cert-name", "the certificate of the server is for another name",
		"None of its names is the one that was asked for.", "Use the name in the URL; `ServerName` if the URL has an address."},
	ReasonCertExpired: {"cert-expired", "the certificate of the server has expired",
		"It, or one of its chain, is too old.", "Renew it; check the clock of this machine."},
	ReasonCertNotYet: {"cert-not-yet", "the certificate of the server is not valid yet",
		"Its validity begins in the future.", "Check the clock of this machine."},
	ReasonCertInvalid: {"cert-invalid", "the certificate of the server is not valid",
		"It is wrong in another way, such as its purpose or its signature.", "The text of the error says which."},
	ReasonCertRequired: {"cert-required", "the server wants another client certificate",
		"A certificate of ours is missing, or the server refused it.", "Set `CertFile`; if it is set, see whether the server trusts its authority and whether it has expired."},
	ReasonTLSVersion: {"tls-version", "no version of TLS in common",
		"The server has only versions that we refuse, or the other way round.", "Versions below 1.2 are never used: the server has to be updated."},
	ReasonTLS: {"tls", "TLS failed",
		"TLS failed in another way.", "The text of the error has the alert."},
	ReasonStatus: {"status", "the server answered",
		"The answer is not 101. `HTTPStatus`, `Header` and `Body` have it.", "401 and 403: credentials, or an origin; 404: the path; 429 and 503: later, see `RetryAfter`; 200 or 426: a plain web server."},
	ReasonRedirect: {"redirect", "the server redirects",
		"The answer leads elsewhere: the header line `Location`.", "Use that URL, or set `FollowRedirects`."},
	ReasonNotWebSocket: {"not-websocket", "the answer is not one of a WebSocket server",
		"It is not HTTP, or a 101 that breaks RFC 6455 section 4.1.", "Check the port; look for a proxy on the way that answers by itself."},
	ReasonProtocol: {"protocol", "the server chose a sub-protocol that was not offered",
		"It chose one that is not in `SubProtocols`.", "Add it if the program speaks it."},
	ReasonExtension: {"extension", "the server chose an extension that was not offered",
		"`Sec-WebSocket-Extensions` of the answer does not go with our offer.", "Turn `Compression` off; it is an error of the server."},
	ReasonHeaderTooLarge: {"header-too-large", "the head of the answer is too large",
		"It is longer than `MaxHeaderBytes`.", "Look at what the server sends, such as cookies; raise the limit if that is right."},
	ReasonClosed: {"closed", "the connection ended before the answer was whole",
		"The other side closed the connection.", "A server that stops, or one that speaks TLS on this port, or a proxy without a target."},
	ReasonOptions: {"options", "the options are wrong",
		"`Options` can not be used, or a file that they name.", "The text of the error names the field."},
	ReasonUser: {"user", "a function of the program failed",
		"`HeaderFunc`, `Dial`, `Proxy`, `KeyPassword` or `NewClient` returned an error or panicked, or a function of `TLS` panicked.", "The error is that of the function."},
}

// String is a part of a sentence, such as "the connection was refused".
func (r Reason) String() string {
	if int(r) < reasons {
		return reasonInfos[r].name
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Reasons returns all of them, ReasonOther first.
func Reasons() []Reason {
	list := make([]Reason, reasons)
	for i := range list {
		list[i] = Reason(i)
	}
	return list
}

// Explain returns what the reason means and what to do about it, as docs/dial.md has them:
// sentences, with names of settings in back quotes. There may be nothing to do.
func (r Reason) Explain() (meaning, advice string) {
	if int(r) >= reasons {
		r = ReasonOther
	}
	return reasonInfos[r].meaning, reasonInfos[r].advice
}

// Code is a stable word for logs and programs, such as "refused"; docs/dial.md has them all.
func (r Reason) Code() string {
	if int(r) < reasons {
		return reasonInfos[r].code
	}
	return reasonInfos[ReasonOther].code
}
