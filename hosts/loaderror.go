package hosts

import (
	"errors"
	"fmt"
	"strings"

	"github.com/icsws/icsws/internal/ini"
)

// What can be wrong with a file of settings. They come inside a [*LoadError], some
// with more text.
var (
	ErrSyntax       = ini.ErrSyntax                   // neither section nor key nor comment
	ErrDuplicateKey = ini.ErrDuplicate                // a key or a section, whatever the case of its letters
	ErrTooLarge     = ini.ErrTooLarge                 // a file or a line
	ErrUnknownKey   = errors.New("unknown")           // a key or a section
	ErrBadValue     = errors.New("wrong value")       // not a number, not one of the words, out of range
	ErrNotText      = errors.New("not to be written") // a field that there is no text for, such as a function
)

// LoadError says what is wrong with which line of a file. Its text repeats no
// password and no part of a private key.
type LoadError struct {
	File    string // empty if it was read from an io.Reader
	Line    int    // from 1; 0 is the file as a whole
	Section string // may be empty
	Key     string // may be empty
	Err     error
}

// Error names the place and what is wrong there.
func (e *LoadError) Error() string {
	return "hosts: " + place(e.File, e.Line, e.Section, e.Key) + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *LoadError) Unwrap() error { return e.Err }

// Warning is something in a file that is read, but not as its writer may think: a
// setting without a meaning here, a host that is switched off.
type Warning struct {
	File    string // empty if it was read from an io.Reader
	Line    int    // from 1
	Section string
	Key     string // may be empty
	Text    string // why, and what to use instead
}

// String names the place and says what is to be known.
func (w Warning) String() string { return place(w.File, w.Line, w.Section, w.Key) + w.Text }

// place is where in a file something is, for the beginning of a message.
func place(file string, line int, section, key string) string {
	var b strings.Builder
	switch {
	case file != "" && line > 0:
		fmt.Fprintf(&b, "%s:%d: ", file, line)
	case file != "":
		b.WriteString(file + ": ")
	case line > 0:
		fmt.Fprintf(&b, "line %d: ", line)
	}
	if section != "" {
		b.WriteString("[" + section + "] ")
	}
	if key != "" {
		b.WriteString(key + ": ")
	}
	return b.String()
}
