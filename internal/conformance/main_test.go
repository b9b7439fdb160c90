package conformance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	// The server is another process, of which the cache of go test knows nothing.
	// With this import a change of the library makes the suite run again.
	_ "github.com/icsws/icsws/wsserver"
)

var (
	echoPath   = flag.String("echo", "", "a built server with the flags of examples/echo; empty builds that")
	buildFlags []string // race_test.go adds -race
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("conformance: not run in short mode")
		return
	}
	goleak.VerifyTestMain(suite{m})
}

// suite is the tests with what comes before and after them.
type suite struct{ m *testing.M }

// Run builds the server and runs the tests, once under each driver.
func (s suite) Run() (code int) {
	if *echoPath != "" {
		return s.run()
	}
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	for _, d := range drivings() {
		flags, err := d.overlay(dir)
		if err != nil {
			return failed(err)
		}
		*echoPath = filepath.Join(dir, "echo-"+d.driver.String())
		if err := build(*echoPath, flags); err != nil {
			return failed(err)
		}
		fmt.Println("conformance: driver", d.driver)
		driver = d.driver
		code = max(code, s.run())
	}
	return code
}

// run runs the tests and stops what they have started. A server that does not end well
// fails the suite.
func (s suite) run() int {
	for _, v := range variants {
		*v = variant{name: v.name, args: v.args}
	}
	code := s.m.Run()
	for _, v := range variants {
		if err := v.stop(); err != nil {
			code = failed(fmt.Errorf("server %q: %w", v.name, err))
		}
	}
	return code
}

// build builds the server. It looks at the source so that the cache of go test
// takes it for an input.
func build(path string, flags []string) error {
	sources, err := filepath.Glob("../../examples/echo/*.go")
	if err != nil || len(sources) == 0 {
		return fmt.Errorf("looking for examples/echo: %d files, %v", len(sources), err)
	}
	for _, source := range sources {
		if _, err := os.Stat(source); err != nil {
			return err
		}
	}
	args := slices.Concat([]string{"build", "-o", path}, buildFlags, flags)
	out, err := exec.Command("go", append(args, "github.com/icsws/icsws/examples/echo")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building examples/echo: %w\n%s", err, out)
	}
	return nil
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "conformance:", err)
	return 1
}
