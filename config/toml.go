package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// parseTOML reads TOML 1.0.
func (r *reader) parseTOML(doc string) value {
	places, err := locate(doc)
	if err != nil {
		r.errs = append(r.errs, r.inFile(err))
		return value{kind: dict}
	}
	var root map[string]any
	if _, err := toml.Decode(doc, &root); err != nil {
		r.tomlError(doc, err)
		return value{kind: dict}
	}
	t := tomlTree{places}
	return t.value(root, "", place{1, 1})
}

func (r *reader) tomlError(doc string, err error) {
	pe, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		r.fail(place{}, fmt.Errorf("%w: %w", ErrSyntax, err))
		return
	}
	kind := ErrSyntax
	if strings.Contains(pe.Message, "already been defined") {
		kind = ErrDuplicateKey
	}
	// The line is missing in some of the library's errors.
	r.fail(linesOf(doc).at(max(0, min(pe.Position.Start, len(doc)))), fmt.Errorf("%w: %s", kind, shortened(pe.Message)))
}

// inFile is err with the name of the file.
func (r *reader) inFile(err *Error) error {
	err.File = r.file
	return err
}

// tomlTree joins values with their places, of which the library tells nothing.
type tomlTree struct{ places map[string]place }

// value is x, which stands under path; above is the place of what it is in.
func (t *tomlTree) value(x any, path string, above place) value {
	at, ok := t.places[path]
	if !ok {
		at = above
	}
	v := value{at: at}
	switch x := x.(type) {
	case string:
		v.kind, v.text = text, x
	case int64:
		v.kind, v.num = number, x
	case float64:
		v.kind, v.frac = fraction, x
	case bool:
		v.kind, v.on = boolean, x
	case []any:
		v.kind = list
		for i, item := range x {
			v.list = append(v.list, t.value(item, item1(path, i), at))
		}
	case []map[string]any:
		v.kind = list
		for i, item := range x {
			v.list = append(v.list, t.value(item, item1(path, i), at))
		}
	case map[string]any:
		v.kind = dict
		for name, inner := range x {
			under := t.value(inner, key1(path, name), at)
			v.keys = append(v.keys, entry{name, under.at, under})
		}
		slices.SortFunc(v.keys, inOrder)
	default:
		v.text = "a date"
	}
	return v
}

// inOrder is that of the file.
func inOrder(a, b entry) int {
	switch {
	case a.at.before(b.at):
		return -1
	case b.at.before(a.at):
		return 1
	case a.name < b.name:
		return -1
	}
	return 1
}

// Paths of places. A key may have any letter, so each begins with one that no other
// part has.

func key1(path, name string) string { return path + "\x00" + name }

func item1(path string, i int) string { return path + "\x01" + strconv.Itoa(i) }
