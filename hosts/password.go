package hosts

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/icsws/icsws/internal/event"
)

const maxPassword = 4 << 10 // bytes of a password file

// PasswordText returns a Host.KeyPassword that is the text itself (H-19). The empty
// text is no password. Source code and configuration files are poor places for it:
// see [PasswordFile].
func PasswordText(password string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(password), nil }
}

// PasswordEnv returns a Host.KeyPassword that reads an environment variable each time
// (H-19). It is an error if the variable is not set.
func PasswordEnv(name string) func() ([]byte, error) {
	return func() ([]byte, error) {
		password, ok := os.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("environment variable %q is not set", name)
		}
		return []byte(password), nil
	}
}

// PasswordFile returns a Host.KeyPassword that reads a file each time, such as a
// secret that a container is given (H-19). One newline at its end is taken away, LF or
// CR LF. The file should be readable by the server's user only; that is not checked. It
// has at most 4096 bytes.
func PasswordFile(path string) func() ([]byte, error) {
	return func() ([]byte, error) {
		password, err := readFile(path, maxPassword)
		if err != nil {
			return nil, fileError(path, err)
		}
		if rest, ok := bytes.CutSuffix(password, []byte("\n")); ok {
			password = bytes.TrimSuffix(rest, []byte("\r"))
		}
		return password, nil
	}
}

// askPassword calls f, which may be nil. The caller overwrites the result.
func askPassword(f func() ([]byte, error)) (password []byte, err error) {
	if f == nil {
		return nil, nil
	}
	panicked := event.Call(func() { password, err = f() })
	if panicked != nil {
		// What was given to panic may have the password in it.
		err = errors.New("the function panicked")
	}
	if err != nil {
		clear(password)
		return nil, &fieldError{"KeyPassword", fmt.Errorf("%w: %w", ErrPassword, err)}
	}
	return password, nil
}
