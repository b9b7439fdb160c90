package handshake

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// What is wrong with an entry of a list of origins.
var (
	errOriginForm   = errors.New("want scheme://host, scheme://host:port or host, without a path")
	errOriginASCII  = errors.New("not ASCII: write the name in its xn-- form, as browsers do")
	errOriginLabel  = errors.New("want the asterisk alone, as the first label with a dot after it, or as the port")
	errOriginScheme = errors.New("no page has that scheme: write http, https or none")
	errOriginNull   = errors.New("null has neither scheme nor port")
	errOriginHost   = errors.New("no host has that name")
)

// OriginError says which entry of a list of origins is wrong, and why.
type OriginError struct {
	Index int // from 0
	Entry string
	Err   error
}

// Error names the entry.
func (e *OriginError) Error() string {
	return fmt.Sprintf("handshake: allowed origin %d, %q: %v", e.Index, e.Entry, e.Err)
}

// Unwrap returns e.Err.
func (e *OriginError) Unwrap() error { return e.Err }

// anyPort is the port of a rule for all of them.
const anyPort = -1

// originForm is the error for what is no entry at all.
func originForm(entry string) error {
	for i := range len(entry) {
		if entry[i] >= 0x80 {
			return errOriginASCII
		}
	}
	return errOriginForm
}

// checkOriginHost refuses what can be no host of a page: an entry for it would never
// match, and somebody would wonder why. Browsers write each address in one way only.
func checkOriginHost(host string, wildcard bool) error {
	if inner, v6 := strings.CutPrefix(host, "["); v6 {
		return checkOriginIPv6(strings.TrimSuffix(inner, "]"))
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return errOriginHost
		}
	}
	if len(host) > 253 {
		return errOriginHost
	}
	last := labels[len(labels)-1]
	if _, err := strconv.ParseUint(last, 0, 64); err != nil && strings.Trim(last, "0123456789") != "" {
		return nil
	}
	// A name that ends in a number is an IPv4 address or nothing (URL standard, 3.5).
	if a, err := netip.ParseAddr(host); err != nil || a.String() != host {
		return fmt.Errorf("%w: write an IPv4 address as four decimal numbers", errOriginHost)
	}
	if wildcard {
		return errOriginHost
	}
	return nil
}

func checkOriginIPv6(s string) error {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is6() {
		return errOriginHost
	}
	want := a.String()
	if a.Is4In6() { // which browsers write in hexadecimal
		b := a.As16()
		want = fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15]))
	}
	if s != want {
		return fmt.Errorf("%w: browsers write [%s]", errOriginHost, want)
	}
	return nil
}
