package hosts

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/icsws/icsws/internal/ini"
)

// Save writes hosts as an INI file, from which [LoadINI] makes the same hosts, their
// names in lower case. Every other word is one that ICS reads too, where it has one.
//
// What text can not hold is an error, never left out: functions, handlers, pools and
// other code, a password that is not in an environment variable or a file, a text with
// line ends that is no PEM. The error joins a [*HostError] with [ErrNotText] for each
// such field, and nothing is written.
func Save(w io.Writer, hosts []Host) error {
	var out ini.Writer
	var errs []error
	if len(hosts) > maxINIHosts {
		errs = append(errs, fmt.Errorf("hosts: %w: %d hosts, at most %d", ErrNotText, len(hosts), maxINIHosts))
	}
	for i := range hosts {
		s := iniWriter{out: &out, host: &hosts[i], index: i}
		out.Section(fmt.Sprintf("IcsHost%d", i+1))
		s.write()
		errs = append(errs, s.errs...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// iniWriter writes one host.
type iniWriter struct {
	out   *ini.Writer
	host  *Host
	index int
	errs  []error
}

func (s *iniWriter) fail(field string, err error) {
	if !errors.Is(err, ErrNotText) && !errors.Is(err, ErrNoNames) {
		err = fmt.Errorf("%w: %w", ErrNotText, err)
	}
	s.errs = append(s.errs, &HostError{s.index, s.host.Tag, field, err})
}

func (s *iniWriter) write() {
	for _, b := range beyond {
		if b.set(s.host) {
			s.fail(b.field, fmt.Errorf("%w: %s", ErrNotText, b.hint))
		}
	}
	if s.host.KeyPasswordEnv != "" && s.host.KeyPasswordFile != "" {
		s.fail("KeyPasswordFile", fmt.Errorf("%w: KeyPasswordEnv is set too", ErrNotText))
	}
	for i := range iniKeys {
		k := &iniKeys[i]
		if k.name == metaPrefix {
			s.meta()
		}
		if k.get == nil {
			continue
		}
		value, err := k.get(s.host)
		if err == nil {
			err = k.check(value)
		}
		switch {
		case err != nil:
			s.fail(k.field, err)
		case value != "", k.empty && s.host.AllowedOrigins != nil:
			s.set(k.field, k.name, value)
		}
	}
}

// check says why LoadINI would not read value, or not as it was meant.
func (k *iniKey) check(value string) error {
	if value == "" {
		return nil
	}
	s := iniSection{iniLoader: newINILoader(""), section: new(ini.Section)}
	if err := k.set(&s, value); err != nil {
		return err
	}
	back, err := k.get(&s.host)
	if k.name != "HostEnabled" && (back != value || err != nil) { // which finish reads
		return fmt.Errorf("%w: it would be read as something else", ErrNotText)
	}
	return nil
}

func (s *iniWriter) set(field, key, value string) {
	if err := s.out.Set(key, value); err != nil {
		s.fail(field, err)
	}
}

// meta writes what is not under Proto. Keys that differ only in case are one in a file.
func (s *iniWriter) meta() {
	seen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(s.host.Meta)) {
		fold := strings.ToLower(name)
		switch value := s.host.Meta[name]; {
		case seen[fold], name == "", fold == "proto" && name != "Proto", name == "Proto" && value == "":
			s.fail("Meta", fmt.Errorf("%w: the name %q", ErrNotText, name))
		case name != "Proto":
			s.set("Meta", "Meta."+name, value)
		}
		seen[fold] = true
	}
}
