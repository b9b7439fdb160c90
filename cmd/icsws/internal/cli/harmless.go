package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Harmless reports whether a rune can be written to a terminal as it is: it is a graphic
// one, a blank, or joins its neighbours (U+200C, U+200D). Control characters, C1 among
// them, and what changes the direction of text are not.
func Harmless(r rune) bool {
	return unicode.IsGraphic(r) || r == '\u200c' || r == '\u200d'
}

// Escape returns s with what is not [Harmless] in the escapes of C: \n, \x1b, \u202e. Runes
// in keep stay.
func Escape(s, keep string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case Harmless(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			b.WriteString(escapeRune(r))
		}
	}
	return b.String()
}

func escapeRune(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	switch {
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Printable is a text from outside, such as a close reason, on one line.
func Printable(s string) string { return Escape(s, "") }

// WriteJSON writes v and a newline. Characters that a terminal could obey are escaped
// (package json leaves those of C1, and those that change the direction of text).
func WriteJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	out := make([]byte, 0, b.Len())
	for rest := b.Bytes(); len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if Harmless(r) || r == '\n' { // those of strings are escaped already
			out = append(out, rest[:n]...)
		} else {
			out = appendUTF16(out, r)
		}
		rest = rest[n:]
	}
	_, err := w.Write(out)
	return err
}

// appendUTF16 writes a rune as JSON escapes it (RFC 8259 section 7).
func appendUTF16(out []byte, r rune) []byte {
	if r < 0x10000 {
		return fmt.Appendf(out, `\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}
