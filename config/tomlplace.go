package config

import (
	"fmt"
	"strconv"
	"strings"
)

// locator finds the places of the keys in TOML, and refuses tables and lists that are
// nested so deeply that the library would run out of stack. It reads what is valid; at
// anything else it stops, since the library will say what is wrong there.
type locator struct {
	doc    string
	i      int // in doc
	places map[string]place
	tables map[string]int // how many tables an array of tables has so far
	lines  lines
	err    *Error
}

// stopped ends the locator, by panic.
type stopped struct{}

// locate returns the places by path, and an error for what is nested too deeply.
func locate(doc string) (places map[string]place, err *Error) {
	l := &locator{doc: doc, places: make(map[string]place), tables: make(map[string]int), lines: linesOf(doc)}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(stopped); !ok {
				panic(p)
			}
		}
		places, err = l.places, l.err
	}()
	l.document()
	return
}

func (l *locator) stop() { panic(stopped{}) }

func (l *locator) deep(depth int) {
	if depth > maxDepth {
		at := l.lines.at(l.i)
		l.err = &Error{Line: at.line, Column: at.column, Err: fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, maxDepth)}
		l.stop()
	}
}

func (l *locator) peek() byte {
	if l.i < len(l.doc) {
		return l.doc[l.i]
	}
	return 0
}

// take goes over s, or stops.
func (l *locator) take(s string) {
	if !strings.HasPrefix(l.doc[l.i:], s) {
		l.stop()
	}
	l.i += len(s)
}

func (l *locator) blanks() {
	for l.peek() == ' ' || l.peek() == '\t' {
		l.i++
	}
}

// space goes over blanks, line ends and comments.
func (l *locator) space() {
	for l.i < len(l.doc) {
		switch l.doc[l.i] {
		case ' ', '\t', '\r', '\n':
			l.i++
		case '#':
			l.rest()
		default:
			return
		}
	}
}

// rest goes to the end of the line.
func (l *locator) rest() {
	for l.i < len(l.doc) && l.doc[l.i] != '\n' {
		l.i++
	}
}

func (l *locator) document() {
	table := ""
	for l.space(); l.i < len(l.doc); l.space() {
		if l.peek() == '[' {
			table = l.header()
		} else {
			l.pair(table, 0)
		}
		l.blanks()
		if c := l.peek(); c != '#' && c != '\n' && c != '\r' && c != 0 {
			l.stop()
		}
	}
}

// header reads [a.b] or [[a.b]] and returns the path of the table.
func (l *locator) header() string {
	start := l.i
	l.take("[")
	array := l.peek() == '['
	if array {
		l.i++
	}
	l.blanks()
	path, names := "", l.keys()
	for i, name := range names {
		path = key1(path, name.text)
		l.note(path, name.at)
		if n, ok := l.tables[path]; ok && (i < len(names)-1 || !array) {
			path = item1(path, n-1)
		}
	}
	l.blanks()
	l.take("]")
	if array {
		l.take("]")
		l.tables[path]++
		path = item1(path, l.tables[path]-1)
		l.note(path, l.lines.at(start))
	}
	return path
}

// note keeps the first place of a path.
func (l *locator) note(path string, at place) {
	if _, ok := l.places[path]; !ok {
		l.places[path] = at
	}
}

type placedKey struct {
	text string
	at   place
}

// keys reads a dotted key.
func (l *locator) keys() (keys []placedKey) {
	for {
		l.deep(len(keys))
		keys = append(keys, placedKey{at: l.lines.at(l.i)})
		keys[len(keys)-1].text = l.key()
		l.blanks()
		if l.peek() != '.' {
			return keys
		}
		l.i++
		l.blanks()
	}
}

func (l *locator) key() string {
	start := l.i
	switch c := l.peek(); c {
	case '"', '\'':
		l.i++
		for l.peek() != c {
			if l.peek() == '\n' || l.i >= len(l.doc) {
				l.stop()
			}
			if c == '"' && l.peek() == '\\' {
				l.i++
			}
			l.i++
		}
		l.i++
		if c == '\'' {
			return l.doc[start+1 : l.i-1]
		}
		return unescaped(l.doc[start:l.i])
	}
	for c := l.peek(); c == '_' || c == '-' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'; c = l.peek() {
		l.i++
	}
	if l.i == start {
		l.stop()
	}
	return l.doc[start:l.i]
}

// unescaped is the key of a basic string. TOML has nearly the escapes of Go.
func unescaped(quoted string) string {
	if s, err := strconv.Unquote(strings.ReplaceAll(quoted, "\t", `\t`)); err == nil {
		return s
	}
	return quoted
}

// pair reads key = value under path.
func (l *locator) pair(path string, depth int) {
	for _, name := range l.keys() {
		path = key1(path, name.text)
		l.note(path, name.at)
	}
	l.take("=")
	l.blanks()
	l.value(path, depth)
}

func (l *locator) value(path string, depth int) {
	l.deep(depth)
	switch rest := l.doc[l.i:]; {
	case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, "'''"):
		l.long(rest[:3])
	case l.peek() == '"', l.peek() == '\'':
		l.key()
	case l.peek() == '[':
		l.array(path, depth)
	case l.peek() == '{':
		l.inline(path, depth)
	default:
		for l.i < len(l.doc) && !strings.ContainsRune(",]}#\r\n", rune(l.doc[l.i])) {
			l.i++
		}
	}
}

// long goes over a string of several lines. Up to two quotes may stand before the end.
func (l *locator) long(quotes string) {
	for l.i += len(quotes); !strings.HasPrefix(l.doc[l.i:], quotes); l.i++ {
		if l.i >= len(l.doc) {
			l.stop()
		}
		if l.peek() == '\\' && quotes[0] == '"' && l.i+1 < len(l.doc) {
			l.i++
		}
	}
	l.i += len(quotes)
	for n := 0; n < 2 && l.peek() == quotes[0]; n++ {
		l.i++
	}
}

func (l *locator) array(path string, depth int) {
	l.take("[")
	for n := 0; ; n++ {
		l.space()
		if l.peek() == ']' {
			break
		}
		at := item1(path, n)
		l.note(at, l.lines.at(l.i))
		l.value(at, depth+1)
		l.space()
		if l.peek() != ',' {
			break
		}
		l.i++
	}
	l.take("]")
}

func (l *locator) inline(path string, depth int) {
	l.take("{")
	for {
		l.space()
		if l.peek() == '}' {
			break
		}
		l.pair(path, depth+1)
		l.space()
		if l.peek() != ',' {
			break
		}
		l.i++
	}
	l.take("}")
}
