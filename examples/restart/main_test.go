package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asProgram in the environment makes the test binary the program; activator makes it
// what a service manager is between fork and exec.
const (
	asProgram = "ICSWS_RESTART_TEST_MAIN"
	activator = "activator"
)

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "":
		goleak.VerifyTestMain(m)
	case activator:
		activate()
	default:
		main()
		os.Exit(0)
	}
}
