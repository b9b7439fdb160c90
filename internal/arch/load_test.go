package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/icsws/icsws"

// pkg is what "go list -json" says of a package.
type pkg struct {
	ImportPath, Dir, Export            string
	Standard                           bool
	Module                             *struct{ Path string }
	Imports, TestImports, XTestImports []string
	GoFiles, IgnoredGoFiles            []string
}

// name is the path inside of the module.
func (p *pkg) name() string { return short(p.ImportPath) }

func short(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

// sources are the files of the package, those for other systems included, without
// the tests.
func (p *pkg) sources() []string {
	return slices.DeleteFunc(slices.Concat(p.GoFiles, p.IgnoredGoFiles), func(name string) bool {
		return strings.HasSuffix(name, "_test.go")
	})
}

// public reports whether other modules may import the package.
func (p *pkg) public() bool { return isPublic(p.ImportPath) }

func isPublic(importPath string) bool {
	n, ours := strings.CutPrefix(importPath, module+"/")
	return ours && !matches(n, "internal/*") && !matches(n, "examples/*") && !matches(n, "cmd/*")
}

// matches is path.Match, save that the star at the end takes any depth.
func matches(name, pattern string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(name, dir+"/")
	}
	ok, _ := path.Match(pattern, name)
	return ok
}

// list runs "go list" in the module's root for an operating system.
func list(t *testing.T, goos string, args ...string) []*pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &complaints)
	}
	var all []*pkg
	for d := json.NewDecoder(&out); ; {
		p := new(pkg)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// systems are those whose files differ.
var systems = []string{"linux", "darwin", "windows"}

// ours are the packages of the module on Linux, listed once.
func ours(t *testing.T) []*pkg {
	t.Helper()
	once.Do(func() { onLinux = list(t, "linux", "./...") })
	if len(onLinux) == 0 {
		t.Fatal("no packages")
	}
	return onLinux
}

var (
	once    sync.Once
	onLinux []*pkg
)
