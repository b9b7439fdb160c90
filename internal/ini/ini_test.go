package ini

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func all(string) bool { return true }

// get returns the value of a key, and whether it is there.
func (f File) get(section, key string) (string, bool) {
	for _, s := range f.Sections {
		for _, k := range s.Keys {
			if s.Name == section && k.Name == key {
				return k.Value, true
			}
		}
	}
	return "", false
}

func TestValuesAreReadAsWindowsReadsThem(t *testing.T) { // H-51
	for _, tt := range []struct{ name, line, key, value string }{
		{"plain", "Key=value", "Key", "value"},
		{"blanks are no part of it", "  Key \t=  two words\t ", "Key", "two words"},
		{"empty", "Key=", "Key", ""},
		{"quotes keep blanks", `Key=" a "`, "Key", " a "},
		{"single quotes too", `Key=' a '`, "Key", " a "},
		{"one pair of quotes goes", `Key="'a'"`, "Key", "'a'"},
		{"a quote alone stays", `Key="`, "Key", `"`},
		{"quotes of two kinds stay", `Key="a'`, "Key", `"a'`},
		{"quotes inside stay", `Key=a "b" c`, "Key", `a "b" c`},
		{"the first = counts", "Key=a=b", "Key", "a=b"},
		{"no comments behind a value", "Key=a ; b # c", "Key", "a ; b # c"},
		{"backslashes are not escapes", `Key=c:\new\table`, "Key", `c:\new\table`},
		{"not only ASCII", "Schlüssel=grüße", "Schlüssel", "grüße"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, end := range []string{"", "\n", "\r\n"} {
				f, errs := Read(strings.NewReader("\ufeff; c\r\n\r\n # d\n[ S ]\r\n"+tt.line+end), all)
				if value, ok := f.get("S", tt.key); !ok || value != tt.value || len(errs) > 0 {
					t.Errorf("Read = %q, %v, %v; want %q", value, ok, errs, tt.value)
				}
			}
		})
	}
}

func TestWhatIsNotINIIsAnErrorWithItsLine(t *testing.T) { // H-51
	for _, tt := range []struct {
		name, text string
		line       int
		want       error
	}{
		{"text before the first section", "\nKey=1\n", 2, ErrSyntax},
		{"no equals sign", "[S]\nKey\n", 2, ErrSyntax},
		{"no key", "[S]\n=1\n", 2, ErrSyntax},
		{"section without end", "[S\nKey=1\n", 1, ErrSyntax},
		{"section with text behind", "[S] x\n", 1, ErrSyntax},
		{"section without a name", "[ ]\n", 1, ErrSyntax},
		{"half a section", "[\n", 1, ErrSyntax},
		{"control character", "[S]\nKey=a\x00b\n", 2, ErrSyntax},
		{"carriage return inside", "[S]\nKey=a\rb\n", 2, ErrSyntax},
		{"Latin-1", "[S]\nKey=gr\xfc\xdfe\n", 2, ErrSyntax},
		{"UTF-16", "\xff\xfe[\x00S\x00]\x00", 0, ErrSyntax},
		{"key twice", "[S]\nKey=1\nB=2\nKEY=1\n", 4, ErrDuplicate},
		{"section twice", "[S]\nKey=1\n[s]\nB=2\n", 3, ErrDuplicate},
		{"a line too long", "[S]\nKey=" + strings.Repeat("x", MaxLine), 2, ErrTooLarge},
		{"a file too long", strings.Repeat(";\n", MaxFile/2) + ";", 0, ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errs := Read(strings.NewReader(tt.text), all)
			if len(errs) != 1 || errs[0].Line != tt.line || !errors.Is(errs[0], tt.want) {
				t.Fatalf("Read = %v, want one %v on line %d", errs, tt.want, tt.line)
			}
		})
	}
}

func TestForeignSectionsAreLeftAlone(t *testing.T) {
	text := "[Gr\xfc\xdfe]\n[Window]\nno key\nGröße=\xfc\n[Window]\n[S]\nKey=1\n[Window]\n" + strings.Repeat("x", MaxLine+1)
	f, errs := Read(strings.NewReader(text), func(s string) bool { return s == "S" })
	if v, _ := f.get("S", "Key"); v != "1" || len(errs) > 0 || len(f.Sections) != 5 {
		t.Errorf("Read = %q, %d sections, %v", v, len(f.Sections), errs)
	}
}

func TestErrorsAreBounded(t *testing.T) {
	_, errs := Read(strings.NewReader("[S]\n"+strings.Repeat("x\n", 10*maxErrors)), all)
	if len(errs) != maxErrors+1 {
		t.Errorf("%d errors, want %d", len(errs), maxErrors+1)
	}
}

func TestPartsOfPrivateKeysAreNotRepeated(t *testing.T) { // H-17
	secret := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
	_, errs := Read(strings.NewReader("[S]\n"+secret+"\n"+secret+"=\n"+secret+"=\n"), all)
	for _, e := range errs {
		if strings.Contains(e.Error()+e.Key, secret) {
			t.Errorf("%v repeats it", e)
		}
	}
	if len(errs) != 2 {
		t.Errorf("%d errors, want 2", len(errs))
	}
	for _, k := range []Key{{Name: secret, Value: "x"}, {Name: "ab/cd+ef", Value: "x"}, {Name: "abcd"}, {Name: "abcd", Value: "="}} {
		if got := k.Shown(); got != "" {
			t.Errorf("%v is shown as %q", k, got)
		}
	}
	if got := (Key{Name: "Meta.My key_1-2", Value: "x"}).Shown(); got != "Meta.My key_1-2" {
		t.Errorf("Shown = %q", got)
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	for _, value := range []string{"", "a", " a ", "\ta", `"a"`, `'a'`, `"`, `""`, `"a' `, "a=b", "; a", "[x]", "grüße", `c:\x\`} {
		var w Writer
		w.Section("S")
		if err := w.Set("Key", value); err != nil {
			t.Errorf("Set(%q) = %v", value, err)
		}
		f, errs := Read(strings.NewReader(w.String()), all)
		if got, ok := f.get("S", "Key"); got != value || !ok || len(errs) > 0 {
			t.Errorf("%q came back as %q, %v", value, got, errs)
		}
	}
	var w Writer
	for _, value := range []string{"a\nb", "a\rb", "a\x00", "\xff", "\x7f", strings.Repeat("x", MaxLine)} {
		if err := w.Set("Key", value); !errors.Is(err, ErrValue) {
			t.Errorf("Set(%.10q) = %v, want ErrValue", value, err)
		}
	}
	for _, key := range []string{"", "a=b", " a", "[a", ";a", "#a", "a\nb"} {
		if err := w.Set(key, "x"); !errors.Is(err, ErrValue) {
			t.Errorf("Set of the key %q = %v, want ErrValue", key, err)
		}
	}
	if w.String() != "" {
		t.Errorf("refused values left %q", w.String())
	}
}

func TestWriterStopsWhereTheReaderDoes(t *testing.T) {
	var w Writer
	w.Section("S")
	var err error
	for n := 0; err == nil && n < 100; n++ {
		err = w.Set(strings.Repeat("k", n+1), strings.Repeat("x", MaxLine-200))
	}
	if !errors.Is(err, ErrTooLarge) || len(w.String()) > MaxFile {
		t.Errorf("Set = %v at %d bytes", err, len(w.String()))
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"[S]\nKey=1\n", "\ufeff;c\r\n[A]\nb='c'\n[x]\nz", "[", "=", "[S]\n=\n", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, errs := Read(strings.NewReader(text), func(s string) bool { return !strings.HasPrefix(s, "x") })
		for _, e := range errs {
			if e.Line < 1 && !errors.Is(e, ErrTooLarge) && !errors.Is(e, ErrSyntax) {
				t.Errorf("%v has no line", e)
			}
		}
		if len(errs) > 0 {
			return
		}
		var w Writer
		for _, s := range file.Sections {
			w.Section(s.Name)
			for _, k := range s.Keys {
				if err := w.Set(k.Name, k.Value); err != nil && len(text) < MaxLine {
					t.Errorf("Set(%q, %q) = %v", k.Name, k.Value, err)
				}
			}
		}
	})
}
