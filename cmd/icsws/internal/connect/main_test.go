package connect

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// asProgram has this test binary be the tool.
const asProgram = "ICSWS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit((&cli.App{Name: "icsws", Commands: []*cli.Command{Command()}}).Main())
	}
	goleak.VerifyTestMain(m)
}
