package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// longest is how many lines a file may have; tests may have more.
const longest = 450

func TestFilesAreOneIdea(t *testing.T) {
	for _, p := range ours(t) {
		for _, name := range p.sources() {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte("\n")); n > longest {
				t.Errorf("%s/%s has %d lines, at most %d: it is two ideas", p.name(), name, n, longest)
			}
		}
	}
}

// Importing a package does nothing, save that client ties itself to internal/link.
func TestImportingHasNoEffect(t *testing.T) {
	for _, p := range ours(t) {
		if !p.public() {
			continue
		}
		for _, name := range p.sources() {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" && !(p.name() == "client" && onlyBinds(fn)) {
					t.Errorf("%s/%s has an init", p.name(), name)
				}
			}
		}
	}
}

// onlyBinds reports whether a function only assigns to variables of package link.
func onlyBinds(fn *ast.FuncDecl) bool {
	for _, s := range fn.Body.List {
		assign, ok := s.(*ast.AssignStmt)
		if !ok || assign.Tok != token.ASSIGN || len(assign.Lhs) != 1 {
			return false
		}
		sel, ok := assign.Lhs[0].(*ast.SelectorExpr)
		if !ok {
			return false
		}
		if id, ok := sel.X.(*ast.Ident); !ok || id.Name != "link" {
			return false
		}
	}
	return true
}
