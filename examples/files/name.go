package main

import (
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how many bytes of a name are kept. With a number added it is below
// the 255 that file systems take.
const maxName = 200

// cleanName makes of what a stranger says a name that is one file of one folder on
// every system: no path, not hidden, not a device, nothing that can not be seen. It
// always returns one, and leaves a good one as it is.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`/\<>:"|?*`, r) {
			return '_'
		}
		return r
	}, s)
	s = strings.TrimRight(strings.TrimSpace(s), ". ") // Windows drops these
	if s == "" || s[0] == '.' || isDevice(s) {
		s = "_" + s
	}
	if s = cutName(s); isDevice(s) { // as what stood between is cut
		s = "_" + s
	}
	return s
}

// isDevice reports whether s is a device on Windows, where an extension makes no
// difference.
func isDevice(s string) bool {
	stem, _, _ := strings.Cut(s, ".")
	stem = strings.ToUpper(strings.TrimSpace(stem))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	stem, numbered := strings.CutPrefix(stem, "COM")
	if !numbered {
		stem, numbered = strings.CutPrefix(stem, "LPT")
	}
	return numbered && (len(stem) == 1 && stem >= "0" && stem <= "9" || stem == "¹" || stem == "²" || stem == "³")
}

// cutName shortens s to maxName bytes between two runes. A short extension stays.
func cutName(s string) string {
	if len(s) <= maxName {
		return s
	}
	ext := path.Ext(s)
	if len(ext) > 20 {
		ext = ""
	}
	n := maxName - len(ext)
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRight(s[:n], ". ") + ext
}

// numbered is the n-th name for files that are all called name.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + " (" + strconv.Itoa(n) + ")" + ext
}
