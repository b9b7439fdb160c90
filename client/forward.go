package client

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// ErrForwardURL: what was given to ForwardToURL is not the URL of a target.
var ErrForwardURL = errors.New("client: not the URL of a target: want tcp://host:port, tls://host:port, ws://… or wss://…")

// ForwardTarget is what an open request has in place of Config.Forward: either URL, or Host
// and Port, of which an empty one is that of the default target.
type ForwardTarget struct {
	URL  string
	Host string
	Port int
}

// ForwardTo has the connection forwarded to another host and port than Config.Forward or
// Config.ForwardByHost say; "" or 0 keeps theirs, and so does everything else of that target
// . NewClient then returns a nil client and no error. The target is dialled
// before the handshake is answered: 502 or 504 if it can not be reached. What can not be a
// target, or a client that is returned nevertheless, answers 500.
//
// Never take host or port from what the peer has sent, unless they are looked up in a list
// of your own: else the server is a way into your network.
func (r *OpenRequest) ForwardTo(host string, port int) {
	r.forward, r.forwards = ForwardTarget{Host: host, Port: port}, true
}

// ForwardToURL is [OpenRequest.ForwardTo] with a whole target, of the kinds that
// forward.ParseTarget reads; time limits and the like are those of the default target. The
// last call of both counts. The error is [ErrForwardURL]; then nothing has changed.
func (r *OpenRequest) ForwardToURL(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" || u.User != nil || !slices.Contains([]string{"tcp", "tls", "ws", "wss"}, strings.ToLower(u.Scheme)) {
		return ErrForwardURL
	}
	r.forward, r.forwards = ForwardTarget{URL: target}, true
	return nil
}

// ForwardTarget returns what ForwardTo or ForwardToURL have chosen, false if neither was
// called.
func (r *OpenRequest) ForwardTarget() (t ForwardTarget, ok bool) { return r.forward, r.forwards }
