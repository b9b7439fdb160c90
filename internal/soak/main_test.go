package soak

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childDriver is set for a child process: it is the server of a test.
const childDriver = "ICSWS_SOAK_CHILD_DRIVER"

func TestMain(m *testing.M) {
	if driver := os.Getenv(childDriver); driver != "" {
		if err := runChild(driver); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
