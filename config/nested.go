package config

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/dirfs"
)

// The ways in which settings that consist of others are written.

// one is a table.
func one[C any](s shape[C]) codec[C] {
	return codec[C]{form: "table", rows: s.keys.rows("."),
		read: func(r *reader, v value) (c C, ok bool) {
			s.keys.read(r, v, &c)
			return c, true
		},
		write: func(w *writer, c C) (value, bool) {
			v := s.write(w, &c)
			return v, len(v.keys) > 0
		},
	}
}

// optional is a table that may be missing.
func optional[C any](s shape[C]) codec[*C] {
	return codec[*C]{form: "table", rows: s.keys.rows("."),
		read: func(r *reader, v value) (*C, bool) {
			c := new(C)
			s.keys.read(r, v, c)
			return c, true
		},
		write: func(w *writer, c *C) (value, bool) {
			if c == nil {
				return value{}, false
			}
			return s.write(w, c), true
		},
	}
}

// many is a list of tables. In INI their keys are numbers: bindings.1.addr.
func many[C any](s shape[C]) codec[[]C] {
	return codec[[]C]{form: "list of tables", rows: s.keys.rows("[]."),
		read: func(r *reader, v value) ([]C, bool) {
			items := v.list
			if r.ini && v.kind == dict {
				items = numbered(r, v)
			} else if v.kind != list {
				r.mistyped(v, "a list of tables")
				return nil, false
			}
			var out []C
			for i, x := range items {
				var c C
				r.within(fmt.Sprintf("[%d]", i), func() { s.keys.read(r, x, &c) })
				out = append(out, c)
			}
			return out, true
		},
		write: func(w *writer, c []C) (value, bool) {
			v := value{kind: list}
			for i := range c {
				w.within(fmt.Sprintf("[%d]", i), func() { v.list = append(v.list, s.write(w, &c[i])) })
			}
			return v, len(c) > 0
		},
	}
}

// numbered are the values of v in the order of their keys, which have to be numbers.
func numbered(r *reader, v value) []value {
	byNumber := make(map[int]value)
	for _, e := range v.keys {
		n, err := strconv.Atoi(e.name)
		if _, there := byNumber[n]; err != nil || n < 1 || there {
			r.fail(e.at, fmt.Errorf("key %s %w: want a number of its own, from 1", shown(e.name), ErrUnknownKey))
			continue
		}
		byNumber[n] = e.value
	}
	var out []value
	for _, n := range slices.Sorted(maps.Keys(byNumber)) {
		out = append(out, byNumber[n])
	}
	return out
}

// byTag is a table of tables under the tags of hosts.
func byTag[C any](s shape[C]) codec[map[string]C] {
	return codec[map[string]C]{form: "table of tables", rows: s.keys.rows(".TAG."),
		read: func(r *reader, v value) (map[string]C, bool) {
			if v.kind != dict {
				r.mistyped(v, "a table of tables")
				return nil, false
			}
			var out map[string]C
			for _, e := range v.keys {
				var c C
				r.within(keyName(e.name), func() { s.keys.read(r, e.value, &c) })
				if out == nil {
					out = make(map[string]C)
				}
				out[e.name] = c
			}
			return out, true
		},
		write: func(w *writer, m map[string]C) (value, bool) {
			v := value{kind: dict}
			for _, tag := range slices.Sorted(maps.Keys(m)) {
				w.within(keyName(tag), func() {
					c := m[tag]
					v.keys = append(v.keys, entry{name: w.text(tag).text, value: s.write(w, &c)})
				})
			}
			return v, len(m) > 0
		},
	}
}

// texts is a table of texts under names of the program.
var texts = codec[map[string]string]{form: "table of texts",
	read: func(r *reader, v value) (map[string]string, bool) {
		if v.kind != dict {
			r.mistyped(v, "a table of texts")
			return nil, false
		}
		var out map[string]string
		for _, e := range v.keys {
			r.within(keyName(e.name), func() {
				if s, ok := plain.read(r, e.value); ok {
					if out == nil {
						out = make(map[string]string)
					}
					out[e.name] = s
				}
			})
		}
		return out, true
	},
	write: func(w *writer, m map[string]string) (value, bool) {
		v := value{kind: dict}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			w.within(keyName(name), func() {
				v.keys = append(v.keys, entry{name: w.text(name).text, value: w.text(m[name])})
			})
		}
		return v, len(m) > 0
	},
}

// each is a list of texts of which each stands for values.
func each[V any](form string, parse func(string) ([]V, error), format func(V) string) codec[[]V] {
	return codec[[]V]{form: form,
		read: func(r *reader, v value) ([]V, bool) {
			names, ok := words.read(r, v)
			var out []V
			for _, name := range names {
				some, err := parse(name)
				if err != nil {
					r.fail(v.at, asBadValue(err))
				}
				ok, out = ok && err == nil, append(out, some...)
			}
			return out, ok
		},
		write: func(w *writer, list []V) (value, bool) {
			var names []string
			for _, x := range list {
				name := format(x)
				if back, err := parse(name); err != nil || len(back) != 1 || format(back[0]) != name {
					w.fail(fmt.Errorf("%v is %w: it has no name", x, ErrNotText))
				}
				names = append(names, name)
			}
			return words.write(w, names)
		},
	}
}

// folder is a path for os.DirFS.
var folder = codec[fs.FS]{form: "path of a folder",
	read: func(r *reader, v value) (fs.FS, bool) {
		dir, ok := file.read(r, v)
		if !ok || dir == "" {
			return nil, ok
		}
		return os.DirFS(dir), true
	},
	write: func(w *writer, f fs.FS) (value, bool) {
		dir, _ := dirfs.Folder(f) // others are reported as code
		return w.text(dir), dir != ""
	},
}

// budget is the size of a memory budget.
var budget = codec[*client.Budget]{form: "size",
	read: func(r *reader, v value) (*client.Budget, bool) {
		n, ok := memory.read(r, v)
		if !ok || n == 0 {
			return nil, ok
		}
		return client.NewBudget(n), true
	},
	write: func(w *writer, b *client.Budget) (value, bool) {
		if b == nil {
			return value{}, false
		}
		if b.Limit() <= 0 {
			w.fail(fmt.Errorf("a budget is %w: it was not made by client.NewBudget", ErrNotText))
		}
		return memory.write(w, b.Limit())
	},
}
