package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/ini"
	"github.com/icsws/icsws/internal/nearest"
)

const (
	serverSection = "Server"
	acmeSection   = "Acme"
)

func ourSection(name string) bool {
	return strings.EqualFold(name, serverSection) || strings.EqualFold(name, acmeSection)
}

// parseINI reads the sections of hosts into f, as hosts.LoadINI does, and returns the
// others.
func (r *reader) parseINI(data []byte, f *File) value {
	root := value{kind: dict}
	file, bad := ini.Read(bytes.NewReader(data), ourSection)
	told := make(map[string]bool)
	for _, e := range bad {
		told[fmt.Sprint(e.Line, e.Err)] = true
		r.iniError(e.Line, e.Section, e.Key, e.Err)
	}
	r.iniHosts(data, f, told)
	for _, s := range file.Sections {
		under := &root
		switch {
		case strings.EqualFold(s.Name, acmeSection):
			root.keys = append(root.keys, entry{"acme", place{s.Line, 1}, value{kind: dict, at: place{s.Line, 1}}})
			under = &root.keys[len(root.keys)-1].value
		case !strings.EqualFold(s.Name, serverSection):
			continue
		}
		for _, k := range s.Keys {
			r.iniKey(under, k)
		}
	}
	return root
}

func (r *reader) iniError(line int, section, key string, err error) {
	if section != "" && key != "" {
		key = "[" + section + "] " + key
	} else if section != "" {
		key = "[" + section + "]"
	}
	if errors.Is(err, hosts.ErrSyntax) {
		err = fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	r.within(key, func() { r.fail(place{line, 0}, err) })
}

// iniHosts reads the hosts. Of the warnings those about sections that are no hosts are
// errors here, as the whole file is ours.
func (r *reader) iniHosts(data []byte, f *File, told map[string]bool) {
	list, warnings, err := hosts.LoadINI(bytes.NewReader(data), "")
	if r.dir != "" {
		list, warnings, err = hosts.LoadINIFile(r.file, "")
	}
	for _, e := range joined(err) {
		le, ok := errors.AsType[*hosts.LoadError](e)
		if ok && !told[fmt.Sprint(le.Line, le.Err)] {
			r.iniError(le.Line, le.Section, le.Key, le.Err)
		} else if !ok {
			r.fail(place{}, e)
		}
	}
	for _, w := range warnings {
		switch {
		case ourSection(w.Section), len(r.errs) > maxErrors:
		case w.Key == "" && !strings.HasPrefix(strings.ToLower(w.Section), "icshost"):
			err := fmt.Errorf("section %w", ErrUnknownKey)
			if near := nearest.Word(w.Section, []string{serverSection, acmeSection, "IcsHost1"}); near != "" {
				err = fmt.Errorf("%w; did you mean %s?", err, near)
			}
			r.iniError(w.Line, w.Section, "", err)
		default:
			w.File = r.file
			f.Warnings = append(f.Warnings, w)
		}
	}
	if len(list) > 0 {
		f.Server.Hosts = list
	}
}

// joined are the errors that errors.Join has joined.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// iniKey adds a key with dots to the tables that it names: banner.welcome.
func (r *reader) iniKey(root *value, k ini.Key) {
	at := place{k.Line, k.Column}
	parts := strings.Split(k.Name, ".")
	if len(parts) > maxDepth {
		r.fail(at, fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, maxDepth))
		return
	}
	if strings.EqualFold(parts[0], "hosts") {
		r.fail(at, fmt.Errorf("key %w: the hosts of an INI file are the sections IcsHost1, IcsHost2 and so on", ErrUnknownKey))
		return
	}
	under := root
	for _, part := range parts[:len(parts)-1] {
		under = under.table(part, at)
		if under == nil {
			r.fail(at, fmt.Errorf("key %s %w: it is a value and a table", shown(k.Name), ErrDuplicateKey))
			return
		}
	}
	last := parts[len(parts)-1]
	for _, e := range under.keys {
		if strings.EqualFold(e.name, last) {
			r.fail(at, fmt.Errorf("key %s %w: it is a value and a table", shown(k.Name), ErrDuplicateKey))
			return
		}
	}
	under.keys = append(under.keys, entry{last, at, value{kind: bare, at: at, text: k.Value}})
}

// table returns the table under name in v, a new one if there is none; nil if that is a
// value.
func (v *value) table(name string, at place) *value {
	for i := range v.keys {
		if strings.EqualFold(v.keys[i].name, name) {
			if v.keys[i].value.kind != dict {
				return nil
			}
			return &v.keys[i].value
		}
	}
	v.keys = append(v.keys, entry{name, at, value{kind: dict, at: at}})
	return &v.keys[len(v.keys)-1].value
}
