package config

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// Every key that the library finds has a place, whatever the way in which it is written.
func TestEveryKeyOfTOMLHasAPlace(t *testing.T) {
	const doc = `a = 1 # [not.a.table]
"b c" = "x # \" \\" # y
'd"e' = 'x\' # z
f.g."h.i" = [ 1, [2, "]"], { j = '}', k = [ ] } ] # c
m = """
[n]
o = 1 \""" """"
p = '''
[q] '' '''''
r = 2020-01-01T00:00:00Z
s = {}
"\u00e9\tü" = true

[t]
u = -1.5e3
  [ t . "v.w" ]
  x=1

[[y]]
z = 1
[y.a]
b = 1
[[y.c]]
d = 1
[[y.c]]
d = 2
[y.c.e]
f = 1
[[y]]
z = 2
[y.a]
b = 2
[last]
`
	var root map[string]any
	if _, err := toml.Decode(doc, &root); err != nil {
		t.Fatal(err)
	}
	places, tooDeep := locate(doc)
	if tooDeep != nil {
		t.Fatal(tooDeep)
	}
	lines := strings.Split(doc, "\n")
	var check func(x any, path string)
	check = func(x any, path string) {
		at, ok := places[path]
		switch {
		case path == "":
		case !ok:
			t.Errorf("no place for %q", path)
		case at.line < 1 || at.line > len(lines) || at.column < 1 || at.column > len(lines[at.line-1]):
			t.Errorf("%q is at %v, outside", path, at)
		}
		switch x := x.(type) {
		case map[string]any:
			for name, inner := range x {
				check(inner, key1(path, name))
			}
		case []any:
			for i, inner := range x {
				check(inner, item1(path, i))
			}
		case []map[string]any:
			for i, inner := range x {
				check(inner, item1(path, i))
			}
		}
	}
	check(root, "")

	path := func(parts ...string) string {
		p := ""
		for _, s := range parts {
			if s[0] == '#' {
				p = item1(p, int(s[1]-'0'))
			} else {
				p = key1(p, s)
			}
		}
		return p
	}
	for p, want := range map[string]place{
		path("a"):                            {1, 1},
		path("f", "g", "h.i"):                {4, 5},
		path("f", "g", "h.i", "#1", "#1"):    {4, 22},
		path("f", "g", "h.i", "#2", "k"):     {4, 39},
		path("r"):                            {10, 1},
		path("t", "v.w", "x"):                {17, 3},
		path("y", "#0", "a", "b"):            {22, 1},
		path("y", "#0", "c", "#1", "d"):      {26, 1},
		path("y", "#0", "c", "#1", "e", "f"): {28, 1},
		path("y", "#1", "a", "b"):            {32, 1},
		path("last"):                         {33, 2},
		path("y", "#1"):                      {29, 1},
	} {
		if got := places[p]; got != want {
			t.Errorf("%q is at %v, want %v", p, got, want)
		}
	}
}

// What the locator can not read it leaves to the library.
func TestTheLocatorEndsAtWhatIsNoTOML(t *testing.T) {
	for _, doc := range []string{"=", "a", "a=", "[", "[a", "[a]b", "[[a]", "a=[", "a=[1", "a={", "a={b", `a="`, `a="\`, `"a`, `a="""`, "a='''x", "a.", "a. =1", "a=1 b=2", "\x00"} {
		if _, err := locate(doc); err != nil {
			t.Errorf("%q: %v", doc, err)
		}
		if _, err := Read(strings.NewReader(doc), TOML); err == nil && doc != "a=1 b=2" {
			t.Errorf("%q is read", doc)
		}
	}
}
