package arch

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
	"testing"
)

// compiled returns an importer that knows the packages that the patterns need.
func compiled(t *testing.T, patterns ...string) types.Importer {
	t.Helper()
	files := make(map[string]string)
	for _, p := range list(t, "linux", append([]string{"-deps", "-export"}, patterns...)...) {
		files[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
}

// surface walks over all types in the exported signatures of a package.
type surface struct {
	seen  map[types.Type]bool
	where string
	found func(where string, obj *types.TypeName)
}

func (s *surface) pkg(p *types.Package) {
	for _, name := range p.Scope().Names() {
		obj := p.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		s.where, s.seen = p.Name()+"."+name, make(map[types.Type]bool)
		named, isNamed := obj.Type().(*types.Named)
		if _, isType := obj.(*types.TypeName); !isType || !isNamed || named.Obj() != obj {
			s.walk(obj.Type())
			continue
		}
		s.params(named.TypeParams())
		s.walk(named.Underlying())
		s.methods(named)
	}
}

// methods walks over the methods of a type, those that embedding promotes
// included.
func (s *surface) methods(named *types.Named) {
	where := s.where
	set := types.NewMethodSet(types.NewPointer(named))
	for m := range set.Methods() {
		if m.Obj().Exported() {
			s.where, s.seen = where+"."+m.Obj().Name(), make(map[types.Type]bool)
			s.walk(m.Obj().Type())
		}
	}
	s.where = where
}

func (s *surface) walk(t types.Type) {
	if s.seen[t] {
		return
	}
	s.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		s.walk(types.Unalias(t))
	case *types.Named:
		s.found(s.where, t.Obj())
		for arg := range t.TypeArgs().Types() {
			s.walk(arg)
		}
	case *types.TypeParam:
		s.walk(t.Constraint())
	case *types.Signature:
		s.params(t.TypeParams())
		s.walk(t.Params())
		s.walk(t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			s.walk(v.Type())
		}
	case *types.Struct:
		s.fields(t)
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			if m.Exported() {
				s.walk(m.Type())
			}
		}
		for e := range t.EmbeddedTypes() {
			s.walk(e)
		}
	case *types.Map:
		s.walk(t.Key())
		s.walk(t.Elem())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		s.walk(t.Elem())
	}
}

func (s *surface) params(list *types.TypeParamList) {
	for p := range list.TypeParams() {
		s.walk(p)
	}
}

// fields walks over the exported fields, those of embedded structs included.
func (s *surface) fields(t *types.Struct) {
	for f := range t.Fields() {
		switch {
		case f.Exported():
			s.walk(f.Type())
		case f.Embedded():
			if inner, ok := f.Type().Underlying().(*types.Struct); ok {
				s.fields(inner)
			}
		}
	}
}

// prometheus has types that only package metrics shows: it is made of them.
const prometheus = "github.com/prometheus/client_golang/prometheus"

// Users see the types of this module's public packages, of the standard library,
// and UUIDs.
func TestPublicSignaturesShowNoOtherTypes(t *testing.T) {
	var paths []string
	for _, p := range ours(t) {
		if p.public() {
			paths = append(paths, p.ImportPath)
		}
	}
	imp := compiled(t, paths...)
	s := surface{found: func(where string, obj *types.TypeName) {
		if p := obj.Pkg(); p != nil && foreign(p.Path()) && !isPublic(p.Path()) && p.Path() != uuid && !(p.Path() == prometheus && strings.HasPrefix(where, "metrics.")) {
			t.Errorf("%s shows %s.%s", where, p.Path(), obj.Name())
		}
	}}
	for _, path := range paths {
		p, err := imp.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		s.pkg(p)
	}
}
