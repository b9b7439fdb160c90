package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const compatibility = "docs/compatibility.md"

// areas are the letters of the ids, each with the number of its rows: 358 in all.
// A row that comes later is added at the end of its area.
var areas = map[string]int{
	"L": 38, "H": 58, "A": 27, "C": 23, "S": 29, "R": 13, "X": 20,
	"E": 30, "K": 12, "T": 35, "D": 43, "O": 25, "F": 5,
}

// row is a line of one of the tables: id, older systems, here, test, state.
type row struct {
	id    string
	here  string
	tests []string
	state string
}

var (
	rowID    = regexp.MustCompile(`^[A-Z]-\d\d$`)
	quoted   = regexp.MustCompile("`([^`]*)`")
	goTest   = regexp.MustCompile(`^([a-z0-9/]+)\.((?:Test|Example|Fuzz)\w*)(?:/(.+))?$`)
	nodeTest = regexp.MustCompile(`^test/browser ([\w-]+) "(.+)"$`)
	covered  = regexp.MustCompile(`^covered by ([A-Z]-\d\d)$`)
	missing  = regexp.MustCompile(`^partly: \S`)
)

// rows are the lines of the page that begin with an id.
func rows(t *testing.T, page string) []row {
	t.Helper()
	var all []row
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "¦"), "|")
		if len(cells) < 3 || !rowID.MatchString(strings.TrimSpace(cells[1])) {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 7 {
			t.Errorf("%s: %d cells, want 5: %s", cells[1], len(cells)-2, line)
			continue
		}
		r := row{id: cells[1], here: cells[3], state: cells[5]}
		for _, m := range quoted.FindAllStringSubmatch(cells[4], -1) {
			r.tests = append(r.tests, m[1])
		}
		all = append(all, r)
	}
	return all
}

// Every id of the older systems has one row, with a state that holds.
func TestCompatibilityIsComplete(t *testing.T) {
	all := rows(t, text(t, compatibility))
	seen := make(map[string]row)
	for _, r := range all {
		if _, twice := seen[r.id]; twice {
			t.Errorf("%s is there twice", r.id)
		}
		seen[r.id] = r
		if r.here == "" {
			t.Errorf("%s does not say what it is here", r.id)
		}
	}
	for area, n := range areas {
		for i := range n {
			id := fmt.Sprintf("%s-%02d", area, i+1)
			if _, ok := seen[id]; !ok {
				t.Errorf("%s is missing", id)
			}
			delete(seen, id)
		}
	}
	for id := range seen {
		t.Errorf("%s is no id", id)
	}
	checkStates(t, all)
}

func checkStates(t *testing.T, all []row) {
	t.Helper()
	state := make(map[string]string)
	for _, r := range all {
		state[r.id] = r.state
	}
	for _, r := range all {
		by := covered.FindStringSubmatch(r.state)
		switch {
		case r.state == "done":
			if len(r.tests) == 0 {
				t.Errorf("%s is done, and no test says so", r.id)
			}
		case r.state == "planned", r.state == "not in Go", missing.MatchString(r.state):
		case by == nil:
			t.Errorf("%s has the unknown state %q", r.id, r.state)
		case by[1] == r.id || state[by[1]] == "" || covered.MatchString(state[by[1]]):
			t.Errorf("%s is covered by %s, which is no row of its own", r.id, by[1])
		}
	}
}

// Every test that the page names exists, and those of a row that is done know the
// row by its id.
func TestCompatibilityNamesRealTests(t *testing.T) {
	found := tests{byPackage: make(map[string]map[string]string)}
	for _, r := range rows(t, text(t, compatibility)) {
		mentioned := false
		for _, name := range r.tests {
			source, err := found.source(name)
			if err != nil {
				t.Errorf("%s: %v", r.id, err)
			}
			mentioned = mentioned || mentions(source, r.id) || nodeTest.MatchString(name)
		}
		if r.state == "done" && len(r.tests) > 0 && !mentioned {
			t.Errorf("%s: none of %s has its id in a comment", r.id, strings.Join(r.tests, ", "))
		}
	}
}

// The checks themselves find what they are for.
func TestCompatibilityChecks(t *testing.T) {
	found := tests{byPackage: make(map[string]map[string]string)}
	for _, name := range []string{
		"wsserver.TestNobody", "nowhere.TestLookup", "hosts.Lookup", "TestLookup", "hosts.TestLookup/nowhere",
		`test/browser ws-client "no such title"`, `test/browser nowhere "x"`,
	} {
		if _, err := found.source(name); err == nil {
			t.Errorf("%s is found", name)
		}
	}
	for _, name := range []string{"internal/arch.TestCompatibilityChecks", "hosts.TestLookup", "internal/arch.TestCompatibilityChecks/hosts.Lookup"} {
		if _, err := found.source(name); err != nil {
			t.Error(err)
		}
	}
	for source, want := range map[string]bool{
		"// L-12": true, "L-10 to L-13": true, "L-10..L-13": true, "L-11, L-13": false, "L-10 to A-13": false, "L-120": false, "L-13 to L-15": false,
	} {
		if mentions(source, "L-12") != want {
			t.Errorf("%q mentions L-12: %v", source, !want)
		}
	}
}

// tests are the sources of test functions, read when first asked for.
type tests struct {
	byPackage map[string]map[string]string
}

// source returns the text of a test with its comment, or why there is none.
func (s tests) source(name string) (string, error) {
	if m := nodeTest.FindStringSubmatch(name); m != nil {
		b, err := os.ReadFile("../../test/browser/" + m[1] + ".test.mjs")
		if err == nil && !strings.Contains(string(b), "test('"+m[2]+"'") {
			err = fmt.Errorf("test/browser/%s.test.mjs has no test %q", m[1], m[2])
		}
		return "", err
	}
	m := goTest.FindStringSubmatch(name)
	if m == nil {
		return "", fmt.Errorf("%q is not the name of a test", name)
	}
	folder, function, sub := m[1], m[2], m[3]
	if s.byPackage[folder] == nil {
		functions, err := parseTests("../../" + folder)
		if err != nil {
			return "", err
		}
		s.byPackage[folder] = functions
	}
	source, ok := s.byPackage[folder][function]
	if !ok {
		return "", fmt.Errorf("%s has no %s", folder, function)
	}
	if sub != "" && !strings.Contains(source, strconv.Quote(sub)) {
		return "", fmt.Errorf("%s.%s has no sub-test %q", folder, function, sub)
	}
	return source, nil
}

// parseTests reads the functions of the test files in a folder, whatever system
// they are for.
func parseTests(folder string) (map[string]string, error) {
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil {
		return nil, err
	}
	functions := make(map[string]string)
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, b, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			begin := fn.Pos()
			if fn.Doc != nil {
				begin = fn.Doc.Pos()
			}
			functions[fn.Name.Name] = string(b[fset.Position(begin).Offset:fset.Position(fn.End()).Offset])
		}
	}
	return functions, nil
}

var span = regexp.MustCompile(`\b([A-Z])-(\d\d)(?:(?:\.\.| to )([A-Z])-(\d\d))?\b`)

// mentions reports whether source has the id, alone or within a range.
func mentions(source, id string) bool {
	for _, m := range span.FindAllStringSubmatch(source, -1) {
		if m[1] != id[:1] {
			continue
		}
		if id[2:] == m[2] || m[3] == m[1] && m[2] <= id[2:] && id[2:] <= m[4] {
			return true
		}
	}
	return false
}
