package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/lexer"
)

// writer turns settings into the text of one file.
type writer struct {
	path []string
	errs []error
}

// fail notes that what stands under the key can not be written.
func (w *writer) fail(err error) {
	w.errs = append(w.errs, &Error{Key: strings.Join(w.path, ""), Err: err})
}

// within writes something under a key.
func (w *writer) within(name string, write func()) {
	if len(w.path) > 0 && !strings.HasPrefix(name, "[") {
		name = "." + name
	}
	w.path = append(w.path, name)
	write()
	w.path = w.path[:len(w.path)-1]
}

func encode(f *File, format Format) (string, error) {
	if format > INI {
		return "", &Error{Err: fmt.Errorf("%w: %v", ErrFormat, format)}
	}
	w := new(writer)
	c := f.Server
	if format == INI {
		c.Hosts = nil // hosts.Save writes them
	}
	root := serverShape.write(w, &c)
	acme := value{kind: dict}
	if f.ACME != nil {
		w.within("acme", func() { acme = acmeShape.write(w, f.ACME) })
		if format != INI {
			root.keys = append(root.keys, entry{name: "acme", value: acme})
		}
	}
	var out string
	switch format {
	case TOML:
		out = tomlText(root)
	case YAML:
		out = yamlText(root)
	case JSON:
		out = jsonOf(root)
	case INI:
		out = w.iniText(root, acme, f)
	}
	switch {
	case len(out) > maxFile:
		w.fail(fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxFile))
	case format == YAML && len(lexer.Tokenize(out)) > maxTokens:
		w.fail(fmt.Errorf("%w: more than %d words and signs", ErrTooLarge, maxTokens))
	}
	return out, errors.Join(w.errs...)
}
