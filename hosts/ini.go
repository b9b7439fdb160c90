package hosts

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/icsws/icsws/internal/ini"
	"github.com/icsws/icsws/internal/nearest"
)

// maxINIHosts is how many sections ICS looks for.
const maxINIHosts = 100

// LoadINI reads the hosts that an INI file for IcsLoadIcsHostsFromIni of ICS
// describes (H-51): the sections [IcsHost1] to [IcsHost100] in the order of their
// numbers, some of which may be missing. prefix is what stands before the number;
// empty means IcsHost. docs/hosts-and-tls.md lists the keys.
//
// It differs from ICS where that is silent: keys and values that are unknown, twice
// there or out of range are errors, all of them joined, each a [*LoadError]. What
// has no meaning in Go is a [Warning] that says what to do instead. As in ICS, a host
// is only switched on by HostEnabled=True, names are turned into lower case, and a
// section without Hosts is left out. Sections that are no hosts are not looked into.
//
// Relative paths are those of the working directory; see [LoadINIFile].
func LoadINI(r io.Reader, prefix string) ([]Host, []Warning, error) {
	l := newINILoader(prefix)
	return l.load(r)
}

// LoadINIFile is [LoadINI] for a file, whose folder is where relative paths in it
// begin.
func LoadINIFile(path, prefix string) ([]Host, []Warning, error) {
	f, err := os.Open(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, nil, &LoadError{File: path, Err: err}
	}
	defer f.Close()
	l := newINILoader(prefix)
	l.file, l.dir = path, filepath.Dir(path)
	return l.load(f)
}

// iniLoader is what the sections of one file share.
type iniLoader struct {
	prefix   string
	file     string // for messages; empty for a reader
	dir      string // where relative paths begin; empty leaves them alone
	warnings []Warning
	errs     []error
}

func newINILoader(prefix string) *iniLoader { return &iniLoader{prefix: cmp.Or(prefix, "IcsHost")} }

func (l *iniLoader) load(r io.Reader) ([]Host, []Warning, error) {
	file, bad := ini.Read(r, func(section string) bool { _, ours := l.number(section); return ours })
	for _, e := range bad {
		l.errs = append(l.errs, &LoadError{l.file, e.Line, e.Section, e.Key, e.Err})
	}
	byNumber := make(map[int]Host)
	var numbers []int
	for _, s := range file.Sections {
		n, ours := l.number(s.Name)
		switch {
		case !ours:
			l.warn(s, 0, "", "is no section of a host, which would be "+l.prefix+"1, and not looked into")
		case n == 0:
			l.fail(s, s.Line, "", fmt.Errorf("section %w: %s1 to %s%d", ErrUnknownKey, l.prefix, l.prefix, maxINIHosts))
		default:
			if h, ok := l.host(s); ok {
				byNumber[n], numbers = h, append(numbers, n)
			}
		}
	}
	if len(l.errs) > 0 {
		return nil, l.warnings, errors.Join(l.errs...)
	}
	slices.Sort(numbers)
	list := make([]Host, len(numbers))
	for i, n := range numbers {
		list[i] = byNumber[n]
	}
	return list, l.warnings, nil
}

// number returns the number of a section whose name is prefix and digits, 0 if it is
// none that a host may have.
func (l *iniLoader) number(section string) (n int, ours bool) {
	if len(section) <= len(l.prefix) || !strings.EqualFold(section[:len(l.prefix)], l.prefix) {
		return 0, false
	}
	digits := section[len(l.prefix):]
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > maxINIHosts || digits[0] == '0' {
		return 0, true
	}
	return n, true
}

// fail and warn take line 0 for that of the section.
func (l *iniLoader) fail(s *ini.Section, line int, key string, err error) {
	l.errs = append(l.errs, &LoadError{l.file, cmp.Or(line, s.Line), s.Name, key, err})
}

func (l *iniLoader) warn(s *ini.Section, line int, key, text string) {
	l.warnings = append(l.warnings, Warning{l.file, cmp.Or(line, s.Line), s.Name, key, text})
}

// iniSection is a section while it is read.
type iniSection struct {
	*iniLoader
	section *ini.Section
	host    Host
	now     ini.Key             // the key that is read
	seen    map[string]*ini.Key // by the name in the table
}

// warning tells of the key that is read.
func (s *iniSection) warning(text string) { s.warn(s.section, s.now.Line, s.now.Name, text) }

// host reads a section; false if it is left out or wrong.
func (l *iniLoader) host(section *ini.Section) (Host, bool) {
	if !slices.ContainsFunc(section.Keys, func(k ini.Key) bool {
		return k.Value != "" && (strings.EqualFold(k.Name, "Hosts") || strings.EqualFold(k.Name, "HostNames"))
	}) {
		l.warn(section, 0, "", "is left out, as it has no Hosts")
		return Host{}, false
	}
	s := &iniSection{iniLoader: l, section: section, seen: make(map[string]*ini.Key)}
	before := len(l.errs)
	for _, s.now = range section.Keys {
		if err := s.key(s.now); err != nil {
			l.fail(section, s.now.Line, shownINIKey(s.now), err)
		}
	}
	s.finish()
	return s.host, len(l.errs) == before
}

// key reads one key. An empty value is that of a key that is not there, as in ICS.
func (s *iniSection) key(k ini.Key) error {
	entry := findINIKey(k.Name)
	if entry == nil {
		return unknownINIKey(k)
	}
	name := entry.name
	if name == metaPrefix {
		name = strings.ToLower(k.Name)
	}
	if other := s.seen[name]; other != nil {
		return fmt.Errorf("%w: %s on line %d means the same", ErrDuplicateKey, other.Name, other.Line)
	}
	s.seen[name] = &k
	if k.Value == "" && !entry.empty {
		return nil
	}
	return entry.set(s, k.Value)
}

func unknownINIKey(k ini.Key) error {
	if near := nearest.Word(k.Name, iniKeyNames()); near != "" {
		return fmt.Errorf("key %w; did you mean %s?", ErrUnknownKey, near)
	}
	return fmt.Errorf("key %w", ErrUnknownKey)
}

// shownINIKey is the name for an error: none if it may be a part of a private key.
func shownINIKey(k ini.Key) string {
	if findINIKey(k.Name) != nil || nearest.Word(k.Name, iniKeyNames()) != "" {
		return k.Name
	}
	return k.Shown()
}

// finish settles what several keys decide together.
func (s *iniSection) finish() {
	s.enabled()
	s.redirect()
	passwords := 0
	for _, set := range []bool{s.host.KeyPassword != nil, s.host.KeyPasswordEnv != "", s.host.KeyPasswordFile != ""} {
		if set {
			passwords++
		}
	}
	if passwords > 1 {
		s.fail(s.section, 0, "SslPassword", fmt.Errorf("%w: there is more than one of SslPassword, SslPasswordEnv and SslPasswordFile", ErrDuplicateKey))
	}
}

// enabled is that of HostEnabled, else that of the older Enabled, else false.
func (s *iniSection) enabled() {
	s.host.Disabled = true
	for _, name := range []string{"HostEnabled", "Enabled"} {
		k := s.seen[name]
		if k == nil || k.Value == "" {
			continue
		}
		on, err := parseINIBool(k.Value)
		if err == nil {
			s.host.Disabled = !on
		}
		return // key has told of the error
	}
	s.warn(s.section, 0, "HostEnabled", "is missing, so this host is disabled; write HostEnabled=True")
}

// redirect follows ICS, which redirects only with a status.
func (s *iniSection) redirect() {
	url, status := s.seen["WebRedirectURL"], s.seen["WebRedirectStat"]
	switch {
	case s.host.RedirectURL == "":
	case status != nil && status.Value != "" && s.host.RedirectStatus == 0:
		s.host.RedirectURL = ""
		s.warn(s.section, url.Line, url.Name, "is not used, as WebRedirectStat is 0")
	case s.host.RedirectStatus == 0:
		s.warn(s.section, url.Line, url.Name, "redirects with status 308; ICS, without WebRedirectStat, would not redirect")
	}
}
