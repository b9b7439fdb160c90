package nearest

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNearestWord(t *testing.T) {
	known := []string{"tls_port", "port", "names", "banner", "bind", "bind2"}
	for _, tt := range []struct{ word, want string }{
		{"tls_prot", "tls_port"},
		{"TLS_PORT", "tls_port"},
		{"tlsport", "tls_port"},
		{"prt", "port"},
		{"name", "names"},
		{"bind3", "bind"}, // the first of equals
		{"baner", "banner"},
		{"certificate", ""},
		{"", ""},
		{"x", ""},
		{strings.Repeat("names", 100), ""},
	} {
		if got := Word(tt.word, known); got != tt.want {
			t.Errorf("Word(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"abc", "ab", 1}, {"abc", "abx", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
