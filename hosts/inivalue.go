package hosts

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/icsws/icsws/internal/dirfs"
)

// badINI says what was wanted in place of value.
func badINI(value, want string) error { return fmt.Errorf("%w: %q, want %s", ErrBadValue, value, want) }

func iniText(name, field string, at func(*Host) *string, also ...string) iniKey {
	return iniKey{name: name, also: also, field: field, note: "text",
		set: func(s *iniSection, value string) error { *at(&s.host) = value; return nil },
		get: func(h *Host) (string, error) { return *at(h), nil }}
}

func iniNumber(name, field string, least, most int, at func(*Host) *int) iniKey {
	return iniKey{name: name, field: field, note: fmt.Sprintf("%d to %d", least, most), get: getININumber(at),
		set: func(s *iniSection, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < least || n > most {
				return badINI(value, fmt.Sprintf("a number from %d to %d", least, most))
			}
			*at(&s.host) = n
			return nil
		}}
}

func getININumber(at func(*Host) *int) func(*Host) (string, error) {
	return func(h *Host) (string, error) {
		if *at(h) == 0 {
			return "", nil
		}
		return strconv.Itoa(*at(h)), nil
	}
}

func iniFlag(name, field string, at func(*Host) *bool) iniKey {
	return iniKey{name: name, field: field, note: "True or False",
		set: func(s *iniSection, value string) (err error) { *at(&s.host), err = parseINIBool(value); return err },
		get: func(h *Host) (string, error) {
			if !*at(h) {
				return "", nil
			}
			return titled(true), nil
		}}
}

// parseINIBool takes what Delphi programs write.
func parseINIBool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true", "t", "yes", "y", "on", "1", "-1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return false, badINI(value, "True or False")
}

// checkINIBool is for keys that finish looks at.
func checkINIBool(_ *iniSection, value string) error {
	_, err := parseINIBool(value)
	return err
}

func titled(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func iniPath(name, field string, at func(*Host) *string) iniKey {
	return iniKey{name: name, field: field, note: "a path",
		set: func(s *iniSection, value string) error { *at(&s.host) = s.path(value); return nil },
		get: func(h *Host) (string, error) { return *at(h), nil }}
}

// iniPEM is a path, or PEM text if it has the header of one.
func iniPEM(name, field string, at func(*Host) *string) iniKey {
	return iniKey{name: name, field: field, note: "a path, or PEM text on one line",
		get: func(h *Host) (string, error) { return oneLinePEM(*at(h)) },
		set: func(s *iniSection, value string) error {
			if !strings.Contains(value, pemHeader) {
				*at(&s.host) = s.path(value)
				return nil
			}
			if value = linesPEM(value); !strings.Contains(value, pemHeader) || !strings.Contains(value, "\n") || strings.Contains(value, `\`) {
				return fmt.Errorf("%w: damaged PEM text", ErrBadValue)
			}
			if strings.Contains(value, "PRIVATE KEY-----") {
				s.warning("holds a private key; whoever can read this file has it: write the path of a file")
			}
			*at(&s.host) = value
			return nil
		}}
}

// path resolves a relative path against the folder of the file.
func (l *iniLoader) path(value string) string {
	if value == "" || l.dir == "" || filepath.IsAbs(value) {
		return value
	}
	return filepath.Join(l.dir, value)
}

// oneLinePEM writes the line ends of PEM text as \n and \r; a path stays as it is.
func oneLinePEM(s string) (string, error) {
	if !strings.Contains(s, pemHeader) {
		return s, nil
	}
	if !strings.Contains(s, "\n") || strings.Contains(s, `\`) {
		return "", fmt.Errorf("%w: PEM text without line ends, or with a backslash", ErrNotText)
	}
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(s), nil
}

// linesPEM gives PEM text its line ends back: those that Save writes, or else, as in
// the files of ICS there are none, new ones around the headers.
func linesPEM(s string) string {
	if strings.Contains(s, `\n`) {
		return strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(s)
	}
	var b strings.Builder
	for s != "" {
		i := strings.Index(s, "-----")
		if i < 0 {
			break
		}
		b.WriteString(spaced(s[:i]))
		s = s[i:]
		end := strings.Index(s[len("-----"):], "-----")
		if end < 0 {
			break
		}
		end += 2 * len("-----")
		b.WriteString(s[:end] + "\n")
		s = strings.TrimLeft(s[end:], " \t")
	}
	return b.String() + s
}

// spaced is the base64 between two headers on a line of its own.
func spaced(body string) string {
	if body = strings.Trim(body, " \t"); body == "" {
		return ""
	}
	return body + "\n"
}

func setINIWellKnown(s *iniSection, value string) error {
	s.host.WellKnown = os.DirFS(s.path(value))
	return nil
}

func getINIWellKnown(h *Host) (string, error) {
	dir, _ := dirfs.Folder(h.WellKnown)
	return dir, nil
}

// splitList splits at commas and takes the blanks away.
func splitList(value string) []string {
	list := strings.Split(value, ",")
	for i := range list {
		list[i] = strings.Trim(list[i], " \t")
	}
	return list
}

// joinList refuses what splitList would not give back.
func joinList(list []string) (string, error) {
	for _, s := range list {
		if s == "" || strings.Contains(s, ",") || strings.Trim(s, " \t") != s {
			return "", fmt.Errorf("%w: %q in a list with commas", ErrNotText, s)
		}
	}
	return strings.Join(list, ","), nil
}

func setININames(s *iniSection, value string) error {
	names := splitList(strings.ToLower(value))
	for _, n := range names {
		if n == "" || strings.ContainsAny(n, " \t") {
			return badINI(value, "names separated by commas")
		}
	}
	s.host.Names = names
	return nil
}

func getININames(h *Host) (string, error) {
	for _, n := range h.Names {
		if strings.ContainsAny(n, " \t") {
			return "", fmt.Errorf("%w: %q has blanks", ErrNotText, n)
		}
	}
	names, err := joinList(h.Names)
	if err == nil && names == "" {
		err = ErrNoNames
	}
	return strings.ToLower(names), err
}

func setINIOrigins(s *iniSection, value string) error {
	s.host.AllowedOrigins = []string{}
	if value == "" {
		return nil
	}
	for _, o := range splitList(value) {
		if o == "" {
			return badINI(value, "origins separated by commas")
		}
		s.host.AllowedOrigins = append(s.host.AllowedOrigins, o)
	}
	return nil
}

func getINIOrigins(h *Host) (string, error) { return joinList(h.AllowedOrigins) }

func setINIProto(s *iniSection, value string) error { return s.meta("Proto", value) }

func getINIProto(h *Host) (string, error) { return h.Meta["Proto"], nil }

func setINIMeta(s *iniSection, value string) error { return s.meta(s.now.Name[len("Meta."):], value) }

func (s *iniSection) meta(name, value string) error {
	if s.host.Meta == nil {
		s.host.Meta = make(map[string]string)
	}
	s.host.Meta[name] = value
	return nil
}

func setINIPassword(s *iniSection, value string) error {
	kind, rest, found := strings.Cut(value, ":")
	switch {
	case found && strings.EqualFold(kind, "env") && rest != "":
		s.host.KeyPasswordEnv = rest
	case found && strings.EqualFold(kind, "file") && rest != "":
		s.host.KeyPasswordFile = s.path(rest)
	default:
		s.host.KeyPassword = PasswordText(value)
		s.warning("is in clear text; write SslPassword=env:NAME or file:PATH, for an environment variable or a file")
	}
	return nil
}

// iniWithout is a key that is accepted and does nothing.
func iniWithout(name string, check func(value string) (warn bool, err error), why string) iniKey {
	return iniKey{name: name, note: why, set: func(s *iniSection, value string) error {
		warn, err := check(value)
		if warn && err == nil {
			s.warning(why)
		}
		return err
	}}
}

func anything(string) (warn bool, err error) { return true, nil }

// falseOnly warns of True, as False is what happens here too.
func falseOnly(value string) (warn bool, err error) { return parseINIBool(value) }

func numbers(value string) (warn bool, err error) {
	if _, err := strconv.Atoi(value); err != nil {
		return false, badINI(value, "a number")
	}
	return true, nil
}

func oneOf(words []string) func(string) (bool, error) {
	return func(value string) (bool, error) {
		for _, w := range words {
			if strings.EqualFold(w, value) {
				return true, nil
			}
		}
		return false, badINI(value, strings.Join(words, ", "))
	}
}
