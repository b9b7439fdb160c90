package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ in, keep, want string }{
		{"", "", ""},
		{"plain, gr\u00fc\u00df, \u65e5\u672c\u3000\u8a9e, \U0001f469\u200d\U0001f4bb, back\\slash", "", "plain, gr\u00fc\u00df, \u65e5\u672c\u3000\u8a9e, \U0001f469\u200d\U0001f4bb, back\\slash"},
		{"\x1b]0;t\x07\x00\x7f", "", `\x1b]0;t\x07\x00\x7f`},
		{"\u009b2J\u0085", "", `\u009b2J\u0085`},
		{"\u202e\u2066\u200f\u2028\ufeff", "", `\u202e\u2066\u200f\u2028\ufeff`},
		{"a\r\n\tb", "", `a\r\n\tb`},
		{"a\r\n\tb", "\n\t", "a\\r\n\tb"},
		{"\xff\x9b\xc2", "", `\xff\x9b\xc2`},
		{"\ufffd", "", "\ufffd"},
		{"\U000e0041", "", `\U000e0041`},
	} {
		if got := Escape(tt.in, tt.keep); got != tt.want {
			t.Errorf("Escape(%q, %q) = %q, want %q", tt.in, tt.keep, got, tt.want)
		}
	}
}

// Whatever comes in, nothing that a terminal obeys comes out, and JSON stays the same value.
func FuzzNothingReachesTheTerminal(f *testing.F) {
	for _, s := range []string{"", "\x1b[2J", "\u009b\u202e", "\xff", "\U000e0041", "\"\\\n", "\U0001f600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b bytes.Buffer
		if err := WriteJSON(&b, s, ""); err != nil {
			t.Fatal(err)
		}
		line := b.Bytes()
		var back string
		if err := json.Unmarshal(line, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%q became %q: %q, %v", s, line, back, err)
		}
		for _, out := range []string{Printable(s), strings.TrimSuffix(string(line), "\n")} {
			for _, r := range out {
				if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
					t.Errorf("%q became %q", s, out)
				}
			}
			if !utf8.ValidString(out) {
				t.Errorf("%q became %q", s, out)
			}
		}
	})
}
