//go:build unix

package multilisten

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// role is this program in a role. It is ended with the test.
func role(t testing.TB, name string, env ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, testProgram(t))
	cmd.Env = append(os.Environ(), append(env, envRole+"="+name)...)
	cmd.Stderr = os.Stderr
	return cmd
}

func testProgram(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
