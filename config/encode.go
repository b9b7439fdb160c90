package config

import (
	"fmt"
	"strconv"
	"strings"
)

// quoted is a text between quotes with escapes that TOML, YAML and JSON all have.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"', c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ', c >= 0x7f && c < 0xa0, c == 0x2028, c == 0x2029, c == 0xfeff, c == 0xfffe, c == 0xffff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// keyName is a key: as it is where no format minds, else quoted.
func keyName(s string) string {
	switch s {
	case "", "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return quoted(s)
	}
	for i, c := range s {
		if (c < 'a' || c > 'z') && c != '_' && (i == 0 || c < '0' || c > '9') {
			return quoted(s)
		}
	}
	return s
}

// scalar is a value that is neither list nor table, in TOML, YAML and JSON.
func scalar(v value) string {
	switch v.kind {
	case number:
		return strconv.FormatInt(v.num, 10)
	case boolean:
		return strconv.FormatBool(v.on)
	case fraction:
		s := strconv.FormatFloat(v.frac, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	}
	return quoted(v.text)
}

// tabular says whether v is a list of tables.
func (v value) tabular() bool { return v.kind == list && len(v.list) > 0 && v.list[0].kind == dict }

func tomlText(root value) string {
	var b strings.Builder
	tomlTable(&b, "", root)
	return b.String()
}

// tomlTable writes what is not a table first: behind a header it would belong to that.
func tomlTable(b *strings.Builder, path string, v value) {
	for _, e := range v.keys {
		if e.value.kind != dict && !e.value.tabular() {
			b.WriteString(keyName(e.name) + " = " + flow(e.value) + "\n")
		}
	}
	for _, e := range v.keys {
		under := path + keyName(e.name)
		switch {
		case e.value.kind == dict:
			b.WriteString("\n[" + under + "]\n")
			tomlTable(b, under+".", e.value)
		case e.value.tabular():
			for _, item := range e.value.list {
				b.WriteString("\n[[" + under + "]]\n")
				tomlTable(b, under+".", item)
			}
		}
	}
}

// flow is a scalar, or a list of them on one line.
func flow(v value) string {
	if v.kind != list {
		return scalar(v)
	}
	parts := make([]string, len(v.list))
	for i, x := range v.list {
		parts[i] = scalar(x)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func yamlText(root value) string {
	if len(root.keys) == 0 {
		return "{}\n"
	}
	var b strings.Builder
	yamlTable(&b, "", "", root)
	return b.String()
}

// yamlTable writes a table that is indented; first is what stands in place of that in
// its first line.
func yamlTable(b *strings.Builder, indent, first string, v value) {
	for _, e := range v.keys {
		b.WriteString(first + keyName(e.name) + ":")
		first = indent
		switch {
		case e.value.kind == dict && len(e.value.keys) > 0:
			b.WriteString("\n")
			yamlTable(b, indent+"  ", indent+"  ", e.value)
		case e.value.kind == dict:
			b.WriteString(" {}\n")
		case e.value.tabular():
			b.WriteString("\n")
			yamlList(b, indent, e.value)
		default:
			b.WriteString(" " + flow(e.value) + "\n")
		}
	}
}

func yamlList(b *strings.Builder, indent string, v value) {
	for _, item := range v.list {
		if len(item.keys) == 0 {
			b.WriteString(indent + "  - {}\n")
			continue
		}
		yamlTable(b, indent+"    ", indent+"  - ", item)
	}
}

func jsonOf(root value) string {
	var b strings.Builder
	jsonValue(&b, "", root)
	b.WriteString("\n")
	return b.String()
}

func jsonValue(b *strings.Builder, indent string, v value) {
	switch {
	case v.kind == dict && len(v.keys) > 0:
		for i, e := range v.keys {
			b.WriteString(separator("{", i) + "\n" + indent + "  " + quoted(e.name) + ": ")
			jsonValue(b, indent+"  ", e.value)
		}
		b.WriteString("\n" + indent + "}")
	case v.kind == dict:
		b.WriteString("{}")
	case v.tabular():
		for i, item := range v.list {
			b.WriteString(separator("[", i) + "\n" + indent + "  ")
			jsonValue(b, indent+"  ", item)
		}
		b.WriteString("\n" + indent + "]")
	default:
		b.WriteString(flow(v))
	}
}

// separator begins a list, or goes on with it.
func separator(begin string, i int) string {
	if i == 0 {
		return begin
	}
	return ","
}
