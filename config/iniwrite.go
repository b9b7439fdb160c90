package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/ini"
)

// iniText writes the sections Server and Acme, and those of the hosts.
func (w *writer) iniText(root, acme value, f *File) string {
	var out ini.Writer
	if len(root.keys) > 0 {
		out.Section(serverSection)
		w.iniTable(&out, "", root)
	}
	if f.ACME != nil {
		out.Section(acmeSection)
		w.within("acme", func() { w.iniTable(&out, "", acme) })
	}
	var b strings.Builder
	b.WriteString(out.String())
	if len(f.Server.Hosts) > 0 {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		w.errs = append(w.errs, joined(hosts.Save(&b, f.Server.Hosts))...)
	}
	return b.String()
}

// iniTable writes what is inside a table with dots: banner.welcome.
func (w *writer) iniTable(out *ini.Writer, prefix string, v value) {
	for _, e := range v.keys {
		w.within(keyName(e.name), func() {
			if strings.Contains(e.name, ".") || e.name == "" {
				w.fail(fmt.Errorf("%w: the tag %s has a dot, which separates keys in INI", ErrNotText, shown(e.name)))
				return
			}
			w.iniValue(out, prefix+e.name, e.value)
		})
	}
}

func (w *writer) iniValue(out *ini.Writer, key string, v value) {
	switch {
	case v.kind == dict:
		w.iniTable(out, key+".", v)
	case v.tabular():
		for i, item := range v.list {
			w.within(fmt.Sprintf("[%d]", i), func() { w.iniTable(out, key+"."+strconv.Itoa(i+1)+".", item) })
		}
	default:
		w.iniSet(out, key, v)
	}
}

func (w *writer) iniSet(out *ini.Writer, key string, v value) {
	s := v.text
	switch v.kind {
	case list:
		s = w.iniList(v)
	case text:
	default:
		s = scalar(v)
	}
	if err := out.Set(key, s); err != nil {
		w.fail(fmt.Errorf("%w: %w", ErrNotText, err))
	}
}

func (w *writer) iniList(v value) string {
	parts := make([]string, len(v.list))
	for i, x := range v.list {
		if parts[i] = x.text; x.text == "" || strings.Contains(x.text, ",") || strings.Trim(x.text, " \t") != x.text {
			w.fail(fmt.Errorf("%w: %s in a list with commas", ErrNotText, shown(x.text)))
		}
	}
	return strings.Join(parts, ",")
}
