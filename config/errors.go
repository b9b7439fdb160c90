package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/icsws/icsws/hosts"
)

// What can be wrong with a file. They come inside an [*Error], with more text.
var (
	ErrFormat       = errors.New("unknown format") // the end of a file's name, or a Format
	ErrSyntax       = errors.New("syntax error")
	ErrType         = errors.New("wrong type") // a text for a number, a list for a text
	ErrUnknownKey   = hosts.ErrUnknownKey
	ErrDuplicateKey = hosts.ErrDuplicateKey
	ErrBadValue     = hosts.ErrBadValue // unknown word, out of range
	ErrNotText      = hosts.ErrNotText  // what Save has no text for
	ErrTooLarge     = hosts.ErrTooLarge // larger than 1 MiB, or nested too deeply
)

// Error is what is wrong at one place of a file or, when it is written, of a [File].
// Its text repeats no password and no part of a private key.
type Error struct {
	File   string // empty if it was read from an io.Reader
	Line   int    // from 1; 0 is the file as a whole
	Column int    // in bytes, from 1; 0 is unknown
	Key    string // such as hosts[0].tls_port; may be empty
	Err    error
}

// Error names place and key and what is wrong, as compilers do: file:line:column.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("config: ")
	switch {
	case e.File != "":
		b.WriteString(e.File + ":")
	case e.Line > 0:
		b.WriteString("line ")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:", e.Line)
	}
	if e.Line > 0 && e.Column > 0 {
		fmt.Fprintf(&b, "%d:", e.Column)
	}
	if e.File != "" || e.Line > 0 {
		b.WriteByte(' ')
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	return b.String() + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }
