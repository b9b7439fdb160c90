package wstest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Agreement is what a server's answer says about permessage-deflate (RFC 7692
// section 7.1).
type Agreement struct {
	ServerNoTakeover bool
	ClientNoTakeover bool
	ServerBits       int // server_max_window_bits; 0 when the answer has none
	ClientBits       int // client_max_window_bits; 0 when the answer has none
}

// ServerWindow is the window that the server may use, in bits.
func (a Agreement) ServerWindow() int { return windowOr15(a.ServerBits) }

// ClientWindow is the window that the client may use, in bits.
func (a Agreement) ClientWindow() int { return windowOr15(a.ClientBits) }

func windowOr15(bits int) int {
	if bits == 0 {
		return 15
	}
	return bits
}

// String is the agreement as an extension header has it.
func (a Agreement) String() string {
	s := "permessage-deflate"
	if a.ServerNoTakeover {
		s += "; server_no_context_takeover"
	}
	if a.ClientNoTakeover {
		s += "; client_no_context_takeover"
	}
	if a.ServerBits != 0 {
		s += "; server_max_window_bits=" + strconv.Itoa(a.ServerBits)
	}
	if a.ClientBits != 0 {
		s += "; client_max_window_bits=" + strconv.Itoa(a.ClientBits)
	}
	return s
}

// ParseAgreement reads the Sec-WebSocket-Extensions of an answer. It returns
// nil when there is none, and an error for anything else than one
// permessage-deflate with parameters that a server may send.
func ParseAgreement(h http.Header) (*Agreement, error) {
	lines := h.Values("Sec-WebSocket-Extensions")
	if len(lines) == 0 {
		return nil, nil
	}
	value := strings.Join(lines, ",")
	params := strings.Split(value, ";")
	if strings.TrimSpace(params[0]) != "permessage-deflate" || strings.Contains(value, ",") {
		return nil, fmt.Errorf("wstest: answer has the extensions %q", value)
	}
	a, seen := &Agreement{}, map[string]bool{}
	for _, param := range params[1:] {
		name, arg, _ := strings.Cut(strings.TrimSpace(param), "=")
		if seen[name] {
			return nil, fmt.Errorf("wstest: answer has %s twice", name)
		}
		seen[name] = true
		if err := a.set(name, arg); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Agreement) set(name, arg string) error {
	var err error
	switch {
	case name == "server_no_context_takeover" && arg == "":
		a.ServerNoTakeover = true
	case name == "client_no_context_takeover" && arg == "":
		a.ClientNoTakeover = true
	case name == "server_max_window_bits":
		a.ServerBits, err = parseBits(arg)
	case name == "client_max_window_bits":
		a.ClientBits, err = parseBits(arg)
	default:
		err = fmt.Errorf("wstest: answer has the parameter %q with %q", name, arg)
	}
	return err
}

func parseBits(arg string) (int, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 8 || n > 15 || arg != strconv.Itoa(n) {
		return 0, fmt.Errorf("wstest: answer has the window bits %q", arg)
	}
	return n, nil
}
