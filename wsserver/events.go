package wsserver

import (
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
)

// Events are the events of a server. A nil field is skipped. They are called on
// the goroutine where the event happened, must be safe for concurrent use, and
// may call everything of the server. What they hold up is said with each.
type Events struct {
	// OnChangeState gets each change of state of the server and of each of its
	// listeners (E-10). It holds up the call that caused the change.
	OnChangeState func(StateChange)
	// OnAcceptFilter gets each accepted connection before a byte of it is read, a PROXY
	// header included; false closes it without an answer. It holds up that
	// connection only. Who panics in it refuses.
	OnAcceptFilter func(AcceptInfo) bool
	// OnConnectionRequest gets each connection that the lists and limits of addresses let
	// in, before TLS and HTTP; with Accept set to false it is closed without an answer
	// . It holds up that connection only. Who panics in it refuses. Neither this nor
	// OnAcceptFilter sees what comes by ServeHTTP.
	OnConnectionRequest func(*ConnectionRequest)
	// OnDrain tells how far a Shutdown with Config.Drain has come: when it begins, when
	// the last client has left, and between these every second, or every twentieth of the
	// window if that is longer. The calls never overlap. It holds up the closing of the
	// next clients, though not the deadline of Shutdown.
	OnDrain func(DrainInfo)
	// OnReject gets each refused connection. It holds up the answer to that
	// peer only.
	OnReject func(RejectInfo)
	// OnError gets each error that no caller is waiting for (E-12). It holds up
	// what failed.
	OnError func(*ServerError)
	// OnSent gets each frame that was handed to the kernel, control frames included, in
	// the order of the wire (S-29). It costs a call for each frame, on the goroutine
	// that writes, and holds up everything that is sent to that client: it must not
	// block, nor send to that client, whose compressor may be in use.
	OnSent func(SentInfo)
	// OnTLSHello gets the hello of each TLS handshake of ours before a certificate is
	// chosen (E-28). The configuration that it returns takes the place of the host's; the
	// level and the rules for client certificates of server and host hold for it
	// nevertheless. Nil means the look-up of the host, and an error ends the handshake. The
	// checks of Config.Issuer do not come here. It holds up that handshake only, within
	// Config.TLSHandshakeTimeout.
	OnTLSHello func(*tls.ClientHelloInfo) (*tls.Config, error)
	// OnTLSStatus gets the progress of each TLS handshake (E-26, E-29). It runs on the
	// goroutine of the handshake and holds up that one only.
	OnTLSStatus func(TLSStatus)
	// OnTLSClientAuth gets each client certificate, or its absence where one is asked for,
	// with what our check found, and may overrule that by Accept (E-27). It runs within the
	// handshake, on resumed sessions too, and holds up that handshake only. Who panics in
	// it accepts nobody.
	OnTLSClientAuth func(*hosts.ClientAuth)
	// OnNewCert gets each certificate that has replaced another of its host (H-41). It
	// runs on the goroutine that loaded it: that of RecheckCerts, of the issuer, or the
	// one that watches the files; it holds up what that would load next. New handshakes
	// have the certificate already. One that could not be loaded or obtained goes to
	// OnError, with the Op "certificate".
	OnNewCert func(h *hosts.Entry, s hosts.CertStatus)
	// OnBgException gets each panic in user code (E-15). If it returns true the
	// client is kept; else it is closed with 1011. In any case the server lives on.
	// It holds up that client only.
	OnBgException func(PanicInfo) (keep bool)
}

// State is where a server or one of its listeners stands.
type State = multilisten.State

// The states. A server is listening while at least one of its listeners is, and
// closing from Shutdown, Close or Abort until [Server.Done].
const (
	StateClosed    = multilisten.StateClosed
	StateBound     = multilisten.StateBound
	StateListening = multilisten.StateListening
	StateClosing   = multilisten.StateClosing
	StatePaused    = multilisten.StatePaused // of a listener alone
)

// StateChange is one change of state.
type StateChange struct {
	Index    int    // of the listener in Server.Addrs, from 0; -1 for the server
	Binding  string // name of the binding; empty for the server
	From, To State
}

// SentInfo is a frame that was sent (RFC 6455 section 5.2).
type SentInfo struct {
	Client      client.Client
	Opcode      uint8 // 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
	Final       bool  // FIN: the last of its message
	Compressed  bool  // RSV1: the first of a compressed message
	PayloadSize int   // bytes on the wire, without the header
}

// PanicInfo is a panic in user code.
type PanicInfo struct {
	Client client.Client // nil where there is none, such as in NewClient
	Event  string        // such as "OnMessage"
	Value  any           // what was given to panic
	Stack  []byte
}

// Hooks let code that does not know the client class see every client: metrics,
// audit, limits. Nil fields are skipped, hooks are called in the order of
// Config.Hooks, and they must be safe for concurrent use. Their goroutine is that
// of the event they precede or follow.
type Hooks struct {
	// OnClientCreate comes after NewClient and before the handshake is answered; the
	// client has its facts and can not send (E-01). An error refuses, as one of
	// NewClient does. Changes to r come too late.
	OnClientCreate func(c client.Client, r *client.OpenRequest) error
	// OnClientConnect comes before the factory's. An error ends the connection, and
	// the later hooks and the factory are not called.
	OnClientConnect func(c client.Client) error
	// OnClientMessage comes before OnMessage. An error ends the connection.
	OnClientMessage func(c client.Client, m client.Message) error
	// OnClientFragment comes before OnFragment, for classes that have it. An error ends
	// the connection.
	OnClientFragment func(c client.Client, f client.Fragment) error
	// OnClientDisconnect comes after the factory's, exactly once for each
	// OnClientConnect of the same Hooks that was called.
	OnClientDisconnect func(c client.Client, info client.CloseInfo)
}

// Reason says why a connection was refused.
type Reason uint8

// The reasons.
const (
	ReasonBadRequest  Reason = iota // 400, 405, 426, 431, 505: see the text
	ReasonTimeout                   // 408, or nothing was sent: Config.HandshakeTimeout
	ReasonTLS                       // the TLS handshake failed
	ReasonUnknownHost               // 421: Config.Hosts, Config.UnknownHost
	ReasonMisdirected               // 421: SNI and Host name two hosts
	ReasonOrigin                    // 403: Config.AllowedOrigins
	ReasonSubProtocol               // 400: Config.RequireSubProtocol
	ReasonTooBusy                   // Config.Banner.MaxClients
	ReasonShutdown                  // 503, or nothing was sent: the server or its listener is closing
	ReasonNotUpgrade                // 426: a plain request, and neither the host nor Config.HTTP has an answer
	ReasonRejected                  // NewClient or a hook returned a RejectError
	ReasonFailed                    // 500: NewClient or a hook failed or panicked
	ReasonRequireTLS                // 403, or a redirect: Host.RequireTLS, and the connection is plain
	ReasonProxy                     // a PROXY header that is missing or wrong: Binding.Proxy
	ReasonFilter                    // Events.OnAcceptFilter or Events.OnConnectionRequest said no
	ReasonDenied                    // 403: Config.DeniedClients
	ReasonNotAllowed                // 403: Config.AllowedClients
	ReasonBanned                    // 403: Server.Bans
	ReasonRate                      // 429, 503: AcceptRate, HandshakeRate, TotalAcceptRate
	ReasonMaxPerIP                  // 429: Config.MaxPerIP
	ReasonForwarded                 // 400: what a trusted proxy said of the client, see Config.ClientIPHeader
	ReasonForward                   // 502, 504: the target of a forwarded connection
	reasons
)

var reasonNames = [reasons]string{
	"bad request", "timeout", "tls", "unknown host", "misdirected", "origin", "sub-protocol",
	"too busy", "shutdown", "not an upgrade", "rejected", "failed", "no tls", "proxy header",
	"filter", "denied", "not allowed", "banned", "rate", "too many of one address", "client address", "forward target",
}

// String returns the reason in words.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// RejectInfo is a refused connection.
type RejectInfo struct {
	Reason  Reason
	Status  int    // of the HTTP response; 0 when there was none, 101 for upgrade and close
	Text    string // one sentence
	Setting string // field of Config or of the host that decided, such as "AllowedOrigins" or "Host.RequireTLS"; may be empty
	Remote  netip.AddrPort
	Local   netip.AddrPort
	Binding string
	HostTag string
	URI     string // request target, empty when none was read
	Err     error  // what failed; nil for a decision, save for an admit.Refusal
	// ClientIP is the client, as far as it was known: whom a trusted proxy has named, else
	// the address of Remote.
	ClientIP netip.Addr
}
