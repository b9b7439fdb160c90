package conformance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
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

// Run builds the server, runs the tests, and stops what they have started. A
// server that does not end well fails the suite.
func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	if *echoPath == "" {
		*echoPath = filepath.Join(dir, "echo")
		if err := build(*echoPath); err != nil {
			return failed(err)
		}
	}
	code := s.m.Run()
	for _, v := range variants {
		if err := v.stop(); err != nil {
			code = failed(fmt.Errorf("server %q: %w", v.name, err))
		}
	}
	return code
}

func build(path string) error {
	args := append([]string{"build", "-o", path}, buildFlags...)
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
