package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/icsws/icsws/wsserver"
)

// driving is a way in which the server waits for input, and how it is made to: with another
// text in place of one in its source.
type driving struct {
	driver         wsserver.Driver
	file, old, new string
}

// driver is that of the servers of this process.
var driver wsserver.Driver

// drivings are those of this system that differ. The example has no flag for what its users
// should not have to think about.
func drivings() []driving {
	const config = "wsserver.Config{"
	list := []driving{{driver: wsserver.DriverGoroutine, file: "examples/echo/main.go", old: config, new: config + "Driver: wsserver.DriverGoroutine,"}}
	if runtime.GOOS == "linux" {
		list = append(list,
			// The dormant driver lets no reader wait, as if there were thousands.
			driving{driver: wsserver.DriverDormant, file: "internal/transport/doze.go", old: "const crowd = 256", new: "const crowd = -1"},
			driving{driver: wsserver.DriverInline, file: "examples/echo/main.go", old: config, new: config + "Driver: wsserver.DriverInline,"})
	}
	return list
}

// overlay writes what go build wants to know of the other text to dir, and returns its flags.
func (d driving) overlay(dir string) ([]string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(root, filepath.FromSlash(d.file))
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if strings.Count(string(text), d.old) != 1 {
		return nil, fmt.Errorf("driver %v: %s does not have %q once", d.driver, d.file, d.old)
	}
	other := filepath.Join(dir, d.driver.String()+".go")
	if err := os.WriteFile(other, []byte(strings.Replace(string(text), d.old, d.new, 1)), 0o600); err != nil {
		return nil, err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: other}})
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, d.driver.String()+".json")
	return []string{"-overlay", name}, os.WriteFile(name, list, 0o600)
}
