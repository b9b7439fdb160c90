package main

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanName(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tt := range []struct{ name, in, want string }{
		{"a good one", "Report (final) 2.pdf", "Report (final) 2.pdf"},
		{"another alphabet", "отчёт 報告 😀.txt", "отчёт 報告 😀.txt"},
		{"the parent", "..", "_"},
		{"the folder", ".", "_"},
		{"a way out", "../../etc/passwd", "_.._.._etc_passwd"},
		{"a way out on Windows", `..\..\boot.ini`, "_.._.._boot.ini"},
		{"an absolute path", "/etc/passwd", "_etc_passwd"},
		{"a drive", `C:\x`, "C__x"},
		{"a stream of a file", "a.txt:b", "a.txt_b"},
		{"nothing", "", "_"},
		{"blanks", " \t ", "_"},
		{"a NUL", "a\x00.txt", "a_.txt"},
		{"a line break", "a\r\nb", "a__b"},
		{"not UTF-8", "a\xffb", "a_b"},
		{"letters that run backwards", "a\u202egpj.exe", "a_gpj.exe"},
		{"hidden", ".profile", "_.profile"},
		{"one of ours", partial + "X", "_" + partial + "X"},
		{"dots and blanks at the end", "a. . ", "a"},
		{"patterns", `<a>?*|".txt`, "_a_____.txt"},
		{"a device", "NUL", "_NUL"},
		{"a device with an extension", "con.tar.gz", "_con.tar.gz"},
		{"a device with blanks", "AUX .txt", "_AUX .txt"},
		{"a port", "com1", "_com1"},
		{"a port with a high digit", "LPT¹.txt", "_LPT¹.txt"},
		{"nearly a device", "COM10", "COM10"},
		{"nearly another", "Console", "Console"},
		{"a long one", long + ".txt", long[:maxName-4] + ".txt"},
		{"a long one without an extension", long, long[:maxName]},
		{"a long extension", "a." + long, ("a." + long)[:maxName]},
		{"long runes", strings.Repeat("é", 150), strings.Repeat("é", 100)},
		{"a cut that leaves a device", "CON" + strings.Repeat(" ", 300) + "x.txt", "_CON.txt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := cleanName(tt.in); got != tt.want {
				t.Errorf("cleanName(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestNumbered(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		want string
	}{
		{"a.txt", 1, "a.txt"},
		{"a.txt", 2, "a (2).txt"},
		{"a.tar.gz", 3, "a.tar (3).gz"},
		{"a", 999, "a (999)"},
	} {
		if got := numbered(tt.name, tt.n); got != tt.want {
			t.Errorf("numbered(%q, %d) = %q, want %q", tt.name, tt.n, got, tt.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "/x", "a\x00", "\xff", "NUL.txt", ". .", strings.Repeat("é. ", 120)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanName(s)
		switch {
		case !filepath.IsLocal(got) || filepath.Base(got) != got || strings.ContainsAny(got, `/\:`):
			t.Errorf("cleanName(%q) = %q leads elsewhere", s, got)
		case got == "" || got[0] == '.' || len(got) > maxName+1 || !utf8.ValidString(got):
			t.Errorf("cleanName(%q) = %q", s, got)
		case strings.TrimRight(got, ". ") != got || isDevice(got):
			t.Errorf("cleanName(%q) = %q, which means something else on Windows", s, got)
		case len(numbered(got, 999)) > 255:
			t.Errorf("cleanName(%q) = %q has no room for a number", s, got)
		case len(got) <= maxName && cleanName(got) != got:
			t.Errorf("cleanName(%q) = %q, and that is made %q", s, got, cleanName(got))
		}
	})
}
