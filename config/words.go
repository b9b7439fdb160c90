package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The ways in which single values are written.

func isText(v value) bool { return v.kind == text || v.kind == bare }

func textual(form string, read func(r *reader, s string) string) codec[string] {
	return codec[string]{form: form,
		read: func(r *reader, v value) (string, bool) {
			if !isText(v) {
				r.mistyped(v, "text in quotes")
				return "", false
			}
			return read(r, v.text), true
		},
		write: func(w *writer, s string) (value, bool) { return w.text(s), s != "" },
	}
}

var (
	plain = textual("text", func(_ *reader, s string) string { return s })
	file  = textual("path", (*reader).resolve)
	// cert is a path, or PEM text.
	cert = textual("path, or PEM text", func(r *reader, s string) string {
		if strings.Contains(s, "-----BEGIN ") {
			return s
		}
		return r.resolve(s)
	})
)

var onOff = codec[bool]{form: "true or false",
	read: func(r *reader, v value) (on, ok bool) {
		switch v.kind {
		case boolean:
			return v.on, true
		case bare:
			switch strings.ToLower(v.text) {
			case "true", "yes", "on", "1":
				return true, true
			case "false", "no", "off", "0":
				return false, true
			}
			r.bad(v, "true or false")
		default:
			r.mistyped(v, "true or false")
		}
		return false, false
	},
	write: func(_ *writer, on bool) (value, bool) { return value{kind: boolean, on: on}, on },
}

// whole is a number from least to most.
func whole[V ~int | ~int64 | ~uint16](least, most int64) codec[V] {
	want := fmt.Sprintf("a number from %d to %d", least, most)
	form := fmt.Sprintf("number, %d to %d", least, most)
	if most == math.MaxInt32 {
		form = "number"
	}
	inside := func(n int64) bool { return least <= n && n <= most && int64(V(n)) == n }
	return codec[V]{form: form,
		read: func(r *reader, v value) (V, bool) {
			n, ok := wholeOf(r, v, want)
			if ok && !inside(n) {
				r.fail(v.at, fmt.Errorf("%w: %d, want %s", ErrBadValue, n, want))
			}
			return V(n), ok && inside(n)
		},
		write: func(w *writer, v V) (value, bool) {
			if !inside(int64(v)) {
				w.fail(fmt.Errorf("%d is %w: want %s", v, ErrNotText, want))
			}
			return value{kind: number, num: int64(v)}, v != 0
		},
	}
}

func wholeOf(r *reader, v value, want string) (int64, bool) {
	switch v.kind {
	case number:
		return v.num, true
	case bare:
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return n, true
		}
		r.bad(v, want)
	default:
		r.mistyped(v, want)
	}
	return 0, false
}

// oneOf is one of some numbers, or 0.
func oneOf(numbers ...int) codec[int] {
	var names []string
	for _, n := range numbers {
		names = append(names, strconv.Itoa(n))
	}
	want := strings.Join(names, ", ")
	return codec[int]{form: want,
		read: func(r *reader, v value) (int, bool) {
			n, ok := wholeOf(r, v, want)
			if ok && n != 0 && !slices.Contains(numbers, int(n)) {
				r.fail(v.at, fmt.Errorf("%w: %d, want %s", ErrBadValue, n, want))
				return 0, false
			}
			return int(n), ok
		},
		write: func(w *writer, n int) (value, bool) {
			if n != 0 && !slices.Contains(numbers, n) {
				w.fail(fmt.Errorf("%d is %w: want %s", n, ErrNotText, want))
			}
			return value{kind: number, num: int64(n)}, n != 0
		},
	}
}

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

// size is a number of bytes, with a unit if it is text.
func size[V ~int | ~int64](most int64) codec[V] {
	const want = `a size such as "64KiB", or a number of bytes`
	inside := func(n int64) bool { return 0 <= n && n <= most && int64(V(n)) == n }
	return codec[V]{form: "size",
		read: func(r *reader, v value) (V, bool) {
			n, ok := sizeOf(v)
			switch {
			case !ok && isText(v):
				r.bad(v, want)
			case !ok:
				r.mistyped(v, want)
			case !inside(n):
				r.fail(v.at, fmt.Errorf("%w: %d bytes, want 0 to %d", ErrBadValue, n, most))
			}
			return V(n), ok && inside(n)
		},
		write: func(w *writer, v V) (value, bool) {
			n := int64(v)
			if !inside(n) {
				w.fail(fmt.Errorf("%d is %w: want 0 to %d bytes", v, ErrNotText, most))
			}
			for _, u := range units[:3] {
				if n%u.bytes == 0 {
					return w.text(strconv.FormatInt(n/u.bytes, 10) + u.name), n != 0
				}
			}
			return value{kind: number, num: n}, n != 0
		},
	}
}

func sizeOf(v value) (int64, bool) {
	if v.kind == number {
		return v.num, true
	}
	if !isText(v) {
		return 0, false
	}
	s, factor := v.text, int64(1)
	for _, u := range units {
		if rest, found := strings.CutSuffix(s, u.name); found {
			s, factor = strings.TrimRight(rest, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/factor || s == v.text && v.kind == text {
		return 0, false
	}
	return int64(n) * factor, true
}

var duration = codec[time.Duration]{form: "time",
	read: func(r *reader, v value) (time.Duration, bool) {
		const want = `a time with its unit, such as "10s" or "1h30m"`
		if v.kind == number && v.num == 0 {
			return 0, true
		}
		if !isText(v) {
			r.mistyped(v, want)
			return 0, false
		}
		d, err := time.ParseDuration(v.text)
		if err != nil {
			r.bad(v, want)
		}
		return d, err == nil
	},
	write: func(w *writer, d time.Duration) (value, bool) { return w.text(d.String()), d != 0 },
}

// words is a list of texts; nil and an empty one differ.
var words = codec[[]string]{form: "list of texts", empty: true,
	read: func(r *reader, v value) ([]string, bool) {
		switch v.kind {
		case bare:
			return splitWords(r, v)
		case list:
		default:
			r.mistyped(v, "a list of texts")
			return nil, false
		}
		out, before := make([]string, 0, len(v.list)), len(r.errs)
		for i, x := range v.list {
			r.within(fmt.Sprintf("[%d]", i), func() {
				if s, ok := plain.read(r, x); ok {
					out = append(out, s)
				}
			})
		}
		return out, len(r.errs) == before
	},
	write: func(w *writer, s []string) (value, bool) {
		v := value{kind: list}
		for _, x := range s {
			v.list = append(v.list, w.text(x))
		}
		return v, s != nil
	},
}

func splitWords(r *reader, v value) ([]string, bool) {
	out := []string{}
	if v.text == "" {
		return out, true
	}
	for _, s := range strings.Split(v.text, ",") {
		if s = strings.Trim(s, " \t"); s == "" {
			r.bad(v, "texts separated by commas")
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// word is a text that stands for a value.
type word[V comparable] struct {
	name  string
	value V
}

// choice is one of some words; the first is the zero value.
func choice[V comparable](from ...word[V]) codec[V] {
	var names []string
	for _, f := range from {
		names = append(names, f.name)
	}
	form := strings.Trim(strings.Join(names, ", "), ", ")
	return parsed(form, func(s string) (V, error) {
		i := slices.Index(names, s)
		if i < 0 {
			return *new(V), fmt.Errorf("%w: %s, want %s", ErrBadValue, shown(s), form)
		}
		return from[i].value, nil
	}, func(v V) string {
		for _, f := range from {
			if f.value == v {
				return f.name
			}
		}
		return ""
	})
}

// parsed is a text that other code reads and writes.
func parsed[V comparable](form string, parse func(string) (V, error), format func(V) string) codec[V] {
	return codec[V]{form: form,
		read: func(r *reader, v value) (V, bool) {
			if !isText(v) {
				r.mistyped(v, "text in quotes: "+form)
				return *new(V), false
			}
			x, err := parse(v.text)
			if err != nil {
				r.fail(v.at, asBadValue(err))
			}
			return x, err == nil
		},
		write: func(w *writer, v V) (value, bool) {
			s := format(v)
			if back, err := parse(s); v != *new(V) && (err != nil || back != v) {
				w.fail(fmt.Errorf("%v is %w: want %s", v, ErrNotText, form))
			}
			return w.text(s), v != *new(V)
		},
	}
}

func asBadValue(err error) error {
	if errors.Is(err, ErrBadValue) {
		return err
	}
	return &badValue{err}
}

// badValue is an error of another package, without the name of that.
type badValue struct{ err error }

func (e *badValue) Error() string {
	return ErrBadValue.Error() + ": " + strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(e.err.Error(), "hosts: "), "banner: "), "admit: ")
}

func (e *badValue) Unwrap() []error { return []error{ErrBadValue, e.err} }

// always writes the zero value too, where something has to be written.
func always[V any](c codec[V]) codec[V] {
	write := c.write
	c.write = func(w *writer, v V) (value, bool) {
		x, _ := write(w, v)
		return x, true
	}
	return c
}

// text checks what every format wants of a text.
func (w *writer) text(s string) value {
	if !utf8.ValidString(s) {
		w.fail(fmt.Errorf("text is %w: not UTF-8", ErrNotText))
	}
	return value{kind: text, text: s}
}
