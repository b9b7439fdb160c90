package banner

import "fmt"

// Mode is how a client over the limit is refused.
type Mode uint8

const (
	// HTTP503 answers the handshake with status 503 (RFC 9110 section 15.6.4).
	HTTP503 Mode = iota
	// UpgradeThenClose completes the handshake, sends TooBusy as a text message
	// and closes with CloseCode. A browser shows a script no HTTP status, but it
	// shows it messages and close codes.
	UpgradeThenClose
	// Drop closes the connection without an answer, which costs the least.
	Drop
)

var modeNames = [...]string{HTTP503: "http", UpgradeThenClose: "close", Drop: "drop"}

// String returns "http", "close" or "drop".
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// ParseMode is the inverse of Mode.String. The error is a [*PolicyError].
func ParseMode(s string) (Mode, error) {
	for m, name := range modeNames {
		if s == name {
			return Mode(m), nil
		}
	}
	return 0, wrong(fmt.Sprintf("%q is not http, close or drop", s), "Mode")
}
