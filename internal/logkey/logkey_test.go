package logkey

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table reads the constants of this package with their comments.
func table(t *testing.T) (names map[string]string, means map[string]string, order []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "logkey.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	names, means = make(map[string]string), make(map[string]string)
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		key, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if _, twice := means[key]; twice {
			t.Errorf("the key %q is there twice", key)
		}
		names[v.Names[0].Name], means[key] = key, strings.TrimSpace(v.Comment.Text())
		order = append(order, key)
		return true
	})
	return names, means, order
}

// logging are the methods that write a line, and where their keys begin.
var logging = map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0, "warn": 1}

// O-01: every line of the module has its keys from the table, so that they are the same
// everywhere.
func TestEveryLineHasItsKeysFromTheTable(t *testing.T) {
	names, means, _ := table(t)
	lines := 0
	walk(t, func(at string, call *ast.CallExpr, from int) {
		lines++
		for i := from; i < len(call.Args); i += 2 {
			switch key := call.Args[i].(type) {
			case *ast.BasicLit:
				if text, _ := strconv.Unquote(key.Value); means[text] == "" {
					t.Errorf("%s: the key %s is not in the table", at, key.Value)
				}
			case *ast.SelectorExpr:
				if names[key.Sel.Name] == "" {
					t.Errorf("%s: the key %s is not in the table", at, key.Sel.Name)
				}
			default:
				if call.Ellipsis == token.NoPos {
					t.Errorf("%s: a key is neither text nor of the table", at)
				}
			}
		}
	})
	if lines < 30 {
		t.Errorf("only %d lines were found", lines)
	}
}

// walk calls see for each call that writes a line in code that is not for tests.
func walk(t *testing.T, see func(at string, call *ast.CallExpr, from int)) {
	t.Helper()
	skip := []string{"bench", "tools", "test", "examples", ".git", ".build", ".ci", "testdata"}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && slices.Contains(skip, d.Name()) {
				return filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := logging[sel.Sel.Name]
			if !ok || !isLogger(path, sel) || len(call.Args) <= from {
				return true
			}
			see(fmt.Sprint(set.Position(call.Pos())), call, from)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isLogger tells a call of a logger by the name of what it is called on.
func isLogger(path string, sel *ast.SelectorExpr) bool {
	if sel.Sel.Name == "warn" {
		return strings.Contains(filepath.ToSlash(path), "/hosts/") && isNamed(sel.X, "id", "c", "r")
	}
	return isNamed(sel.X, "log", "logger", "Logger", "slog")
}

func isNamed(e ast.Expr, names ...string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return slices.Contains(names, e.Name)
	case *ast.SelectorExpr:
		return slices.Contains(names, e.Sel.Name)
	}
	return false
}

// The table of the page is that of the code: ICSWS_UPDATE=1 go test ./internal/logkey.
func TestPageHasTheKeys(t *testing.T) {
	const page, begin, end = "../../docs/operation.md", "<!-- keys: made by ICSWS_UPDATE=1 go test ./internal/logkey -->\n", "<!-- end of keys -->"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	before, rest, found := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the keys", page)
	}
	_, means, order := table(t)
	var b strings.Builder
	b.WriteString("\n| key | value |\n| --- | --- |\n")
	for _, key := range order {
		fmt.Fprintf(&b, "| `%s` | %s |\n", key, means[key])
	}
	b.WriteString("\n")
	want := before + begin + b.String() + end + after
	if want == text {
		return
	}
	if os.Getenv("ICSWS_UPDATE") == "" {
		t.Errorf("the keys in %s are not up to date", page)
	} else if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
