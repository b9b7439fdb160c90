package ini

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits. A certificate chain as PEM text on one line fits into the second.
const (
	MaxFile   = 1 << 20  // bytes of a file
	MaxLine   = 64 << 10 // bytes of a line, without its end
	maxErrors = 100
)

// What can be wrong with a text. They come inside an [Error], some with more words.
var (
	ErrSyntax    = errors.New("not INI text")
	ErrDuplicate = errors.New("there twice")
	ErrTooLarge  = errors.New("too large")
)

// File is what was read.
type File struct {
	Sections []*Section // in the order of the text
}

// Section is a section with its keys in order.
type Section struct {
	Name string // as written
	Line int
	Keys []Key
}

// Key is a line of a section.
type Key struct {
	Name, Value string // without the blanks around them, the value without quotes
	Line        int
	Column      int // in bytes, from 1, of the value
}

// Error is what is wrong with a line.
type Error struct {
	Line    int    // from 1; 0 is the text as a whole
	Section string // may be empty
	Key     string // may be empty; only if it may be repeated, see [Key.Shown]
	Err     error
}

// Error is for people; who wraps it prints the fields in its own way.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Read reads the sections for which mine is true. Of the others it takes no more
// than their names: what is in them belongs to somebody else. The result is complete
// only if there are no errors.
func Read(r io.Reader, mine func(section string) bool) (File, []*Error) {
	p := parser{mine: mine, sections: make(map[string]int)}
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	switch text := strings.TrimPrefix(string(data), "\ufeff"); {
	case err != nil:
		p.fail("", err)
	case len(data) > MaxFile:
		p.fail("", fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxFile))
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		p.fail("", fmt.Errorf("%w: it is UTF-16, save it as UTF-8", ErrSyntax))
	default:
		p.text(text)
	}
	return p.file, p.errs
}

type parser struct {
	mine     func(string) bool
	file     File
	errs     []*Error
	line     int
	sections map[string]int // lines by folded name
	section  *Section       // nil before the first one and in foreign ones
	foreign  bool           // what follows belongs to somebody else
	keys     map[string]int // of the section: lines by folded name
}

func (p *parser) fail(key string, err error) {
	e := &Error{Line: p.line, Key: key, Err: err}
	if p.section != nil {
		e.Section = p.section.Name
	}
	p.errs = append(p.errs, e)
}

func (p *parser) text(text string) {
	for line := range strings.Lines(text) {
		p.line++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if len(p.errs) == maxErrors {
			p.fail("", errors.New("too many errors, the rest is not read"))
			return
		}
		p.one(line)
	}
}

func (p *parser) one(line string) {
	s := strings.Trim(line, " \t")
	switch {
	case s == "", s[0] == ';', s[0] == '#':
	case s[0] == '[':
		p.header(s)
	case p.foreign:
	case len(line) > MaxLine:
		p.fail("", fmt.Errorf("%w: more than %d bytes in a line", ErrTooLarge, MaxLine))
	case !plain(line):
		p.fail("", fmt.Errorf("%w: a control character, or not UTF-8", ErrSyntax))
	case p.section == nil:
		p.fail("", fmt.Errorf("%w: text before the first section", ErrSyntax))
	default:
		p.key(line)
	}
}

func (p *parser) header(s string) {
	p.section, p.foreign = nil, true
	inner, ended := strings.CutSuffix(s[1:], "]")
	name := strings.Trim(inner, " \t")
	if !ended || name == "" {
		p.fail("", fmt.Errorf("%w: want [Section]", ErrSyntax))
		return
	}
	if !p.mine(name) {
		p.file.Sections = append(p.file.Sections, &Section{Name: name, Line: p.line})
		return
	}
	fold := strings.ToLower(name)
	if first, ok := p.sections[fold]; ok {
		p.fail("", fmt.Errorf("section %q %w: the first is on line %d", name, ErrDuplicate, first))
		return
	}
	p.section, p.foreign = &Section{Name: name, Line: p.line}, false
	p.sections[fold], p.keys = p.line, make(map[string]int)
	p.file.Sections = append(p.file.Sections, p.section)
}

func (p *parser) key(line string) {
	name, value, found := strings.Cut(line, "=")
	column := len(name) + len("=") + 1
	name = strings.Trim(name, " \t")
	if !found || name == "" {
		// The line is not repeated: it may be part of a key that was pasted.
		p.fail("", fmt.Errorf("%w: want Key=Value, [Section] or a comment", ErrSyntax))
		return
	}
	fold := strings.ToLower(name)
	if first, ok := p.keys[fold]; ok {
		p.fail(Key{Name: name, Value: unquote(value)}.Shown(), fmt.Errorf("key %w: the first is on line %d", ErrDuplicate, first))
		return
	}
	p.keys[fold] = p.line
	column += len(value) - len(strings.TrimLeft(value, " \t"))
	p.section.Keys = append(p.section.Keys, Key{Name: name, Value: unquote(value), Line: p.line, Column: column})
}

// unquote takes away blanks and then, as Windows does, one pair of quotes.
func unquote(s string) string {
	s = strings.Trim(s, " \t")
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}

// plain says whether s is UTF-8 without control characters but tabs.
func plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' || r == 0x7f
	}) < 0
}

// Shown returns the name if it looks like one, else "": a line of a private key in
// base64 is a key with an empty value, and must not come into a log.
func (k Key) Shown() string {
	if len(k.Name) > 40 || strings.Trim(k.Value, "=") == "" || strings.IndexFunc(k.Name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._- ", r)
	}) >= 0 {
		return ""
	}
	return k.Name
}
