package wsserver

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"

	"github.com/icsws/icsws/internal/nearest"
)

// Errors in a [*SettingError].
var (
	// ErrUnknownSetting: there is no setting of that name.
	ErrUnknownSetting = errors.New("unknown setting")
	// ErrSettingConflict: two names of one setting are given.
	ErrSettingConflict = errors.New("set twice")
	// ErrSettingValue: the value is of the wrong form.
	ErrSettingValue = errors.New("wrong value")
)

// SettingError says what is wrong with one setting that was given to [ParseConfig].
type SettingError struct {
	Name string // as it was given
	Err  error
}

// Error names the setting.
func (e *SettingError) Error() string { return fmt.Sprintf("wsserver: setting %q: %v", e.Name, e.Err) }

// Unwrap returns what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

// maxSettingText bounds a value.
const maxSettingText = 64 << 10

// ParseConfig makes a Config of texts, such as those of a table of options, a form, or
// the properties of an older server (O-02). Names are those of the fields, in any case,
// with or without underscores: "PingInterval", "ping_interval", "banner.max_clients"; or
// those that ICS, IPWorks WebSockets or IXWebSocket have for the same thing: see the table
// in docs/configuration.md. Values are written as in the files of package config, lists
// with commas. What text can not hold, functions and hosts, the program sets afterwards;
// package config reads whole files.
//
// An unknown name is an error that has the nearest one, and two names of one setting are
// an error that has both. The error joins a [*SettingError] for each. What the settings
// mean together, [New] checks.
func ParseConfig(settings map[string]string) (Config, error) {
	p := settingsParser{table: settingTable()}
	names := slices.Sorted(maps.Keys(settings))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(p.rank(a), p.rank(b)) })
	for _, name := range names {
		p.set(name, settings[name])
	}
	p.join()
	if err := errors.Join(p.errs...); err != nil {
		return Config{}, err
	}
	return p.cfg, nil
}

// settingsParser reads settings into a Config.
type settingsParser struct {
	table *settingIndex
	cfg   Config
	given map[string]string // by key: the name that it was given by
	port  string            // to go with Addr
	errs  []error
}

func (p *settingsParser) fail(name string, err error) {
	p.errs = append(p.errs, &SettingError{name, err})
}

// set reads one setting.
func (p *settingsParser) set(name, value string) {
	s, a, ok := p.table.find(name)
	switch {
	case !ok:
		p.fail(name, p.table.unknown(name))
		return
	case len(value) > maxSettingText:
		p.fail(name, fmt.Errorf("%w: %d bytes are too long", ErrSettingValue, len(value)))
		return
	}
	key := s.key
	if a.key == portKey {
		key = portKey
	}
	if earlier, twice := p.earlier(key); twice {
		p.fail(name, fmt.Errorf("%w: %q is the same setting", ErrSettingConflict, earlier))
		return
	}
	if p.given == nil {
		p.given = make(map[string]string)
	}
	p.given[key] = name
	if key == portKey {
		p.port = strings.TrimSpace(value)
		return
	}
	if a.read != nil {
		var err error
		if value, err = a.read(strings.TrimSpace(value)); err != nil {
			p.fail(name, err)
			return
		}
	}
	if err := s.read(fieldAt(reflect.ValueOf(&p.cfg).Elem(), s.index), value); err != nil {
		p.fail(name, err)
	}
}

// rank has a whole target read before its parts, which go into it.
func (p *settingsParser) rank(name string) int {
	if s, _, ok := p.table.find(name); ok && s.key == forwardKey {
		return 0
	}
	return 1
}

// earlier is the name by which a setting, or what it is a part of, was given.
func (p *settingsParser) earlier(key string) (name string, ok bool) {
	if name, ok = p.given[key]; !ok && slices.Contains(targetKeys, key) {
		name, ok = p.given[forwardKey]
	}
	return name, ok
}

// forwardKey is a target as a URL, in which these parts are.
const forwardKey = "forward"

var targetKeys = []string{"forward.url", "forward.host", "forward.port", "forward.tls"}

// join puts address and port together, which older servers have apart.
func (p *settingsParser) join() {
	name, ok := p.given[portKey]
	if !ok {
		if host := p.cfg.Addr; host != "" && !hasPort(host) {
			p.fail(p.given["addr"], fmt.Errorf("%w: %q has no port, set Port too or write host:port", ErrSettingValue, host))
		}
		return
	}
	host := p.cfg.Addr
	switch {
	case hasPort(host):
		p.fail(name, fmt.Errorf("%w: %q has a port already", ErrSettingConflict, p.given["addr"]))
	case p.port == "" || strings.ContainsAny(p.port, ":/ "):
		p.fail(name, fmt.Errorf("%w: %q is no port", ErrSettingValue, p.port))
	default:
		p.cfg.Addr = net.JoinHostPort(strings.Trim(host, "[]"), p.port)
	}
}

func hasPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port != ""
}

// settingIndex finds settings by their names.
type settingIndex struct {
	settings map[string]setting // by plain name
	aliases  map[string]alias
	code     map[string]bool // fields that text can not hold
}

// find returns the setting of a name, and the alias if it is one.
func (t *settingIndex) find(name string) (setting, alias, bool) {
	plain := plainName(name)
	if a, ok := t.aliases[plain]; ok {
		s, ok := t.settings[plainName(a.key)]
		return s, a, ok || a.key == portKey
	}
	s, ok := t.settings[plain]
	return s, alias{}, ok
}

// unknown is the error for a name.
func (t *settingIndex) unknown(name string) error {
	plain := plainName(name)
	if use, ok := otherWays[plain]; ok {
		return fmt.Errorf("%w: %s", ErrUnknownSetting, use)
	}
	if t.code[plain] {
		return fmt.Errorf("%w: text can not hold this field of Config, set it in the program", ErrUnknownSetting)
	}
	known := slices.Concat(slices.Sorted(maps.Keys(t.settings)), slices.Sorted(maps.Keys(t.aliases)))
	if near := nearest.Word(plain, known); near != "" {
		if s, ok := t.settings[near]; ok {
			near = s.key
		} else {
			near = t.aliases[near].name
		}
		return fmt.Errorf("%w, did you mean %q?", ErrUnknownSetting, near)
	}
	return fmt.Errorf("%w, see docs/configuration.md", ErrUnknownSetting)
}

// plainName is a name without case and underscores.
func plainName(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", ""))
}
