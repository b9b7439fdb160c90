package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// jsonText reads JSON, token by token, for the places and because duplicate keys are
// errors.
type jsonText struct {
	r     *reader
	doc   string
	lines lines
	d     *json.Decoder
}

func (r *reader) parseJSON(doc string) value {
	t := &jsonText{r, doc, linesOf(doc), json.NewDecoder(strings.NewReader(doc))}
	t.d.UseNumber()
	v, ok := t.value(0)
	if !ok {
		return value{kind: dict}
	}
	at := t.next()
	if _, err := t.d.Token(); !errors.Is(err, io.EOF) {
		r.fail(at, fmt.Errorf("%w: text behind the end", ErrSyntax))
	}
	return v
}

// next is where the next token begins.
func (t *jsonText) next() place {
	i := int(t.d.InputOffset())
	for i < len(t.doc) && strings.IndexByte(" \t\r\n,:", t.doc[i]) >= 0 {
		i++
	}
	return t.lines.at(i)
}

func (t *jsonText) token() (json.Token, place, bool) {
	at := t.next()
	token, err := t.d.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		t.r.fail(at, fmt.Errorf("%w: the end is missing", ErrSyntax))
	case err != nil:
		t.r.fail(at, fmt.Errorf("%w: %s", ErrSyntax, shortened(err.Error())))
	}
	return token, at, err == nil
}

// value reads one value; false after an error, behind which nothing can be read.
func (t *jsonText) value(depth int) (v value, ok bool) {
	token, at, ok := t.token()
	if !ok {
		return v, false
	}
	v.at = at
	if depth > maxDepth {
		t.r.fail(at, fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, maxDepth))
		return v, false
	}
	switch x := token.(type) {
	case string:
		v.kind, v.text = text, x
	case bool:
		v.kind, v.on = boolean, x
	case json.Number:
		jsonNumber(&v, x)
	case json.Delim:
		if x == '[' {
			return v, t.list(&v, depth)
		}
		return v, t.dict(&v, depth)
	default:
		v.text = "null"
	}
	return v, true
}

func jsonNumber(v *value, x json.Number) {
	if n, err := x.Int64(); err == nil {
		v.kind, v.num = number, n
	} else if f, err := x.Float64(); err == nil && strings.ContainsAny(x.String(), ".eE") {
		v.kind, v.frac = fraction, f
	} else {
		v.text = "a number that is too large"
	}
}

func (t *jsonText) list(v *value, depth int) bool {
	v.kind = list
	for t.d.More() {
		item, ok := t.value(depth + 1)
		if !ok {
			return false
		}
		v.list = append(v.list, item)
	}
	_, _, ok := t.token()
	return ok
}

func (t *jsonText) dict(v *value, depth int) bool {
	v.kind = dict
	seen := make(map[string]int)
	for t.d.More() {
		token, at, ok := t.token()
		name, isName := token.(string)
		if !ok || !isName {
			return false
		}
		inner, ok := t.value(depth + 1)
		if !ok {
			return false
		}
		if first, there := seen[name]; there {
			t.r.fail(at, fmt.Errorf("key %s %w: the first is on line %d", shown(name), ErrDuplicateKey, first))
			continue
		}
		seen[name] = at.line
		v.keys = append(v.keys, entry{name, at, inner})
	}
	_, _, ok := t.token()
	return ok
}
