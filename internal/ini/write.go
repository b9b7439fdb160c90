package ini

import (
	"errors"
	"fmt"
	"strings"
)

// ErrValue says that INI text can not hold a value: it has line ends or other control
// characters, is not UTF-8 or too long.
var ErrValue = errors.New("INI can not hold this text")

// Writer collects a text that Read reads. The zero value is empty.
type Writer struct{ b strings.Builder }

// Section begins a section.
func (w *Writer) Section(name string) {
	if w.b.Len() > 0 {
		w.b.WriteByte('\n')
	}
	w.b.WriteString("[" + name + "]\n")
}

// Comment writes a line for people.
func (w *Writer) Comment(text string) { w.b.WriteString("; " + text + "\n") }

// Set writes a key. On an error nothing is written.
func (w *Writer) Set(key, value string) error {
	if !validKey(key) {
		return fmt.Errorf("%w: a key that Read does not take", ErrValue)
	}
	line := key + "=" + quote(value)
	if !plain(line) || len(line) > MaxLine {
		return ErrValue
	}
	if w.b.Len()+len(line) >= MaxFile {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxFile)
	}
	w.b.WriteString(line + "\n")
	return nil
}

// String returns the text.
func (w *Writer) String() string { return w.b.String() }

func validKey(key string) bool {
	return key != "" && key == strings.Trim(key, " \t") && !strings.Contains(key, "=") && !strings.ContainsRune("[;#", rune(key[0]))
}

// quote keeps what unquote would take away.
func quote(value string) string {
	if unquote(value) != value {
		return `"` + value + `"`
	}
	return value
}
