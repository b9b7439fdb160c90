package reach

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// ASCIIHost is the host of a URL as package dial asks for it: an international name in its
// A-label form (RFC 5891 section 5), and all else as it is.
func ASCIIHost(host string) (string, error) {
	if strings.Contains(host, ":") || !strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		return host, nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return "", fmt.Errorf("the host is not an internationalised name: %w", err)
	}
	return ascii, nil
}
