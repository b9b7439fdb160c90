package config

import (
	"fmt"
	"slices"
	"strings"
)

// table is the keys of a struct C: the one source for reading, for writing and for
// docs/configuration.md.
type table[C any] []key[C]

// key is one setting.
type key[C any] struct {
	name string
	form string // what a value looks like, for people
	doc  string
	rows []row // of what is inside
	ptr  func(c *C) any
	read func(r *reader, v value, c *C)
	// write returns false for a setting that is left out: its zero value.
	write func(w *writer, c *C) (value, bool)
}

// row is a line of the documentation.
type row struct{ key, form, doc string }

// codec is how values of a type are written.
type codec[V any] struct {
	form  string
	empty bool // an empty INI value means something
	rows  []row
	read  func(r *reader, v value) (V, bool)
	write func(w *writer, v V) (value, bool)
}

// at is the key for the field of C that the function returns.
func at[C, V any](name string, field func(*C) *V, as codec[V], doc string) key[C] {
	return key[C]{
		name: name, form: as.form, doc: doc, rows: as.rows,
		ptr: func(c *C) any { return field(c) },
		read: func(r *reader, v value, c *C) {
			if v.kind == bare && v.text == "" && !as.empty {
				return
			}
			if x, ok := as.read(r, v); ok {
				*field(c) = x
			}
		},
		write: func(w *writer, c *C) (value, bool) { return as.write(w, *field(c)) },
	}
}

// without is a key that is accepted and does nothing.
func without[C any](name, why string) key[C] {
	return key[C]{name: name, form: "anything", doc: why,
		read:  func(r *reader, v value, _ *C) { r.warn(v.at, why) },
		write: func(*writer, *C) (value, bool) { return value{}, false },
	}
}

// refused is a key that is known, and why it is not read.
func refused[C any](name, why string) key[C] {
	return key[C]{name: name,
		read:  func(r *reader, v value, _ *C) { r.fail(v.at, fmt.Errorf("%w: %s", ErrBadValue, why)) },
		write: func(*writer, *C) (value, bool) { return value{}, false },
	}
}

// lift makes keys of B keys of the A that has it.
func lift[A, B any](t table[B], in func(*A) *B) table[A] {
	lifted := make(table[A], len(t))
	for i, k := range t {
		lifted[i] = key[A]{name: k.name, form: k.form, doc: k.doc, rows: k.rows,
			read:  func(r *reader, v value, a *A) { k.read(r, v, in(a)) },
			write: func(w *writer, a *A) (value, bool) { return k.write(w, in(a)) },
		}
		if k.ptr != nil {
			lifted[i].ptr = func(a *A) any { return k.ptr(in(a)) }
		}
	}
	return lifted
}

func (t table[C]) names() []string {
	names := make([]string, len(t))
	for i, k := range t {
		names[i] = k.name
	}
	return names
}

func (t table[C]) read(r *reader, v value, c *C) {
	if v.kind != dict {
		r.mistyped(v, "a table")
		return
	}
	for _, e := range v.keys {
		i := slices.IndexFunc(t, func(k key[C]) bool {
			return k.name == e.name || r.ini && strings.EqualFold(k.name, e.name)
		})
		if i < 0 {
			r.unknown(e, t.names())
			continue
		}
		r.within(t[i].name, func() { t[i].read(r, e.value, c) })
	}
}

// write returns what differs from the zero value.
func (t table[C]) write(w *writer, c *C) value {
	v := value{kind: dict}
	for _, k := range t {
		w.within(k.name, func() {
			if x, ok := k.write(w, c); ok {
				v.keys = append(v.keys, entry{name: k.name, value: x})
			}
		})
	}
	return v
}

// rows are the lines of the documentation, with prefix before each key.
func (t table[C]) rows(prefix string) (rows []row) {
	for _, k := range t {
		if k.form == "" {
			continue // it is refused
		}
		if k.rows == nil {
			rows = append(rows, row{prefix + k.name, k.form, k.doc})
		}
		for _, inner := range k.rows {
			rows = append(rows, row{prefix + k.name + inner.key, inner.form, inner.doc})
		}
	}
	return rows
}

// code is a field that text can not hold.
type code[C any] struct {
	field string
	set   func(c *C) bool
	hint  string
}

// shape is a struct: its keys, and its fields without one.
type shape[C any] struct {
	keys table[C]
	code []code[C]
}

// write fails for fields that text can not hold.
func (s shape[C]) write(w *writer, c *C) value {
	for _, f := range s.code {
		if f.set(c) {
			w.fail(fmt.Errorf("%s is %w: %s", f.field, ErrNotText, f.hint))
		}
	}
	return s.keys.write(w, c)
}
