package config

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/nearest"
)

const (
	maxFile   = 1 << 20 // bytes
	maxDepth  = 32      // of tables and lists in each other
	maxErrors = 100
)

// reader turns the values of one file into settings.
type reader struct {
	file     string // for messages; empty for a reader
	dir      string // where relative paths begin; empty leaves them alone
	ini      bool   // names in any case, values without types
	path     []string
	errs     []error
	warnings []hosts.Warning
}

func (r *reader) read(from io.Reader, format Format) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxFile)
	}
	if err != nil {
		return nil, &Error{File: r.file, Err: err}
	}
	f := new(File)
	root := value{kind: dict}
	switch doc := strings.TrimPrefix(string(data), "\ufeff"); {
	case format > INI:
		r.fail(place{}, fmt.Errorf("%w: %v", ErrFormat, format))
	case format == INI: // which has its own way with sections of others
		r.ini = true
		root = r.parseINI(data, f)
	case !utf8.ValidString(doc):
		r.fail(badUTF8(doc), fmt.Errorf("%w: not UTF-8", ErrSyntax))
	default:
		root = [...]func(*reader, string) value{(*reader).parseTOML, (*reader).parseYAML, (*reader).parseJSON}[format](r, doc)
	}
	if len(r.errs) == 0 || r.ini {
		rootKeys.read(r, root, f)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	f.Warnings = append(f.Warnings, r.warnings...)
	return f, nil
}

func badUTF8(doc string) place {
	i := strings.IndexRune(doc, utf8.RuneError)
	for i >= 0 && strings.HasPrefix(doc[i:], "\ufffd") { // which may be there by right
		next := strings.IndexRune(doc[i+3:], utf8.RuneError)
		if next < 0 {
			break
		}
		i += 3 + next
	}
	return linesOf(doc).at(max(i, 0))
}

// lines are where the lines of a text begin.
type lines []int

func linesOf(doc string) lines {
	l := lines{0}
	for i := range len(doc) {
		if doc[i] == '\n' {
			l = append(l, i+1)
		}
	}
	return l
}

// at is the place of the byte with index i.
func (l lines) at(i int) place {
	n, _ := slices.BinarySearch(l, i+1)
	return place{n, i - l[n-1] + 1}
}

// fail notes what is wrong at a place, and under the key that is read.
func (r *reader) fail(at place, err error) {
	switch n := len(r.errs); {
	case n > maxErrors:
		return
	case n == maxErrors:
		at, err = place{}, errors.New("too many errors, the others are not told")
	}
	r.errs = append(r.errs, &Error{r.file, at.line, at.column, strings.Join(r.path, ""), err})
}

func (r *reader) warn(at place, why string) {
	r.warnings = append(r.warnings, hosts.Warning{File: r.file, Line: at.line, Key: strings.Join(r.path, ""), Text: why})
}

// bad is for a value that is not what was wanted.
func (r *reader) bad(v value, want string) {
	if v.kind == text || v.kind == bare {
		r.fail(v.at, fmt.Errorf("%w: %s, want %s", ErrBadValue, shown(v.text), want))
		return
	}
	r.fail(v.at, fmt.Errorf("%w: want %s", ErrBadValue, want))
}

// mistyped is for a value of the wrong type.
func (r *reader) mistyped(v value, want string) {
	r.fail(v.at, fmt.Errorf("%w: %v, want %s", ErrType, v, want))
}

// shown is a text for messages, cut where it is long.
func shown(s string) string {
	const longest = 60
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return strconv.Quote(s)
}

// within reads something under a key.
func (r *reader) within(name string, read func()) {
	if len(r.path) > 0 && !strings.HasPrefix(name, "[") {
		name = "." + name
	}
	r.path = append(r.path, name)
	read()
	r.path = r.path[:len(r.path)-1]
}

// resolve makes a relative path one that begins at the folder of the file.
func (r *reader) resolve(path string) string {
	if path == "" || r.dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.dir, path)
}

// unknown reports a key that no table has.
func (r *reader) unknown(e entry, known []string) {
	if len(r.errs) > maxErrors {
		return // the search for a near one is not for nothing
	}
	err := fmt.Errorf("key %s %w", shown(e.name), ErrUnknownKey)
	if near := nearest.Word(e.name, known); near != "" {
		err = fmt.Errorf("%w; did you mean %s?", err, near)
	}
	r.fail(e.at, err)
}
