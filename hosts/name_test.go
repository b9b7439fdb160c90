package hosts

import (
	"errors"
	"strings"
	"testing"
)

// H-02
func TestNamesHaveOneCanonicalForm(t *testing.T) {
	long := strings.Repeat("a", maxLabel)
	longest := strings.Join([]string{long, long, long, long[:61]}, ".") // 253 bytes
	for _, tt := range []struct {
		given string
		want  string // "" = err
		err   error
	}{
		{"chat.example", "chat.example", nil},
		{"Chat.EXAMPLE", "chat.example", nil},
		{"chat.example.", "chat.example", nil},
		{"chat.example:443", "chat.example", nil},
		{"chat.example.:443", "chat.example", nil},
		{"chat.example:", "chat.example", nil},
		{"localhost", "localhost", nil},
		{"my_service", "my_service", nil},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", nil},
		{"*", "*", nil},
		{"*:443", "*", nil},
		{"*.Chat.Example.:80", "*.chat.example", nil},
		{"192.0.2.7", "192.0.2.7", nil},
		{"192.0.2.7:80", "192.0.2.7", nil},
		{"::1", "::1", nil},
		{"[0:0::1]:443", "::1", nil},
		{"[::ffff:192.0.2.7]", "192.0.2.7", nil},
		{"[fe80::1%25eth0]:80", "fe80::1", nil},
		{"1.2.3", "1.2.3", nil},
		{long + ".example", long + ".example", nil},
		{longest, longest, nil},

		{"bücher.example", "xn--bcher-kva.example", nil}, // RFC 5891
		{"*.Bücher.example", "*.xn--bcher-kva.example", nil},
		{"bücher.example:443", "xn--bcher-kva.example", nil},
		{"straße.example.", "xn--strae-oqa.example", nil},
		{"日本.example", "xn--wgv71a.example", nil},
		{"b\u2488.example", "", ErrIDNA}, // "1." in one character
		{"*.\u200d.example", "", ErrIDNA},
		{"xn--\u00fc.example", "", ErrIDNA},
		{"", "", ErrName},
		{".", "", ErrName},
		{"..", "", ErrName},
		{":80", "", ErrName},
		{"a..example", "", ErrName},
		{".example", "", ErrName},
		{"a.example..", "", ErrName},
		{"**", "", ErrName},
		{"a*.example", "", ErrName}, // the star is a whole label
		{"a.*.example", "", ErrName},
		{"*.*.example", "", ErrName},
		{"*.192.0.2.7", "", ErrName},
		{"*[]", "", ErrName},
		{"[]", "", ErrName},
		{"[::1", "", ErrName},
		{"[::1]x", "", ErrName},
		{"[a.example]", "", ErrName},
		{"[192.0.2.7]", "", ErrName},
		{"a.example:x", "", ErrName},
		{"a.example:123456", "", ErrName},
		{"a:b:c", "", ErrName},
		{"a b", "", ErrName},
		{"a/b", "", ErrName},
		{"user@a.example", "", ErrName},
		{"http://a.example", "", ErrName},
		{"a\x00b", "", ErrName},
		{long + "a.example", "", ErrName},
		{longest + "a", "", ErrName},
		{"*." + longest, "", ErrName},
	} {
		t.Run(tt.given, func(t *testing.T) {
			got, err := parseName(tt.given)
			if !errors.Is(err, tt.err) || err == nil && got.String() != tt.want {
				t.Errorf("parseName(%q) = %v, %v; want %q, %v", tt.given, got, err, tt.want, tt.err)
			}
			if tt.err == ErrName && errors.Is(err, ErrIDNA) {
				t.Errorf("parseName(%q) blames the alphabet", tt.given)
			}
		})
	}
}

func TestBadInternationalNameIsAnInvalidName(t *testing.T) {
	if !errors.Is(ErrIDNA, ErrName) {
		t.Error("ErrIDNA is not an ErrName")
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"chat.example:80", "*.Chat.example.", "*", "[::1]:443", "192.0.2.7", "*[]", "a..b", "bücher"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseName(s)
		if err != nil {
			if !errors.Is(err, ErrName) {
				t.Errorf("parseName(%q) = %v; want ErrName", s, err)
			}
			return
		}
		if again, err := parseName(n.String()); err != nil || again != n {
			t.Errorf("parseName(%q) = %v, of that %v, %v", s, n, again, err)
		}
	})
}
