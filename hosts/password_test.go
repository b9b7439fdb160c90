package hosts

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// H-19, H-54
func TestPasswordsComeFromTextVariableAndFile(t *testing.T) {
	t.Setenv("ICSWS_TEST_PASSWORD", "pässword ")
	t.Setenv("ICSWS_TEST_EMPTY", "")
	for name, tt := range map[string]struct {
		f    func() ([]byte, error)
		want string
		err  error
	}{
		"text":               {PasswordText("secret\n"), "secret\n", nil},
		"variable":           {PasswordEnv("ICSWS_TEST_PASSWORD"), "pässword ", nil},
		"empty variable":     {PasswordEnv("ICSWS_TEST_EMPTY"), "", nil},
		"no variable":        {PasswordEnv("ICSWS_TEST_NONE"), "", ErrPassword},
		"file":               {PasswordFile(file(t, "a", " secret ")), " secret ", nil},
		"file with LF":       {PasswordFile(file(t, "a", "secret\n")), "secret", nil},
		"file with CR LF":    {PasswordFile(file(t, "a", "secret\r\n")), "secret", nil},
		"file with two LF":   {PasswordFile(file(t, "a", "secret\n\n")), "secret\n", nil},
		"file with CR":       {PasswordFile(file(t, "a", "secret\r")), "secret\r", nil},
		"empty file":         {PasswordFile(file(t, "a", "")), "", nil},
		"no file":            {PasswordFile("no/such.txt"), "", fs.ErrNotExist},
		"directory":          {PasswordFile(t.TempDir()), "", ErrFormat},
		"large file":         {PasswordFile(file(t, "a", strings.Repeat("x", maxPassword+1))), "", ErrFormat},
		"none":               {nil, "", nil},
		"the program's":      {func() ([]byte, error) { return []byte("hunter2"), io.ErrNoProgress }, "", io.ErrNoProgress},
		"one that panics":    {func() ([]byte, error) { panic("hunter2") }, "", ErrPassword},
		"text of any length": {PasswordText(strings.Repeat("x", 10_000)), strings.Repeat("x", 10_000), nil},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // each loading asks again
				got, err := askPassword(tt.f)
				if !errors.Is(err, tt.err) || string(got) != tt.want {
					t.Fatalf("askPassword = %q, %v; want %q, %v", got, err, tt.want, tt.err)
				}
				if fe, ok := errors.AsType[*fieldError](err); err != nil && (!ok || fe.field != "KeyPassword" || !errors.Is(err, ErrPassword)) {
					t.Errorf("error = %v; want an ErrPassword of KeyPassword", err)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error has the password in it: %v", err)
				}
				clear(got)
			}
		})
	}
}

// H-19
func TestPasswordIsAskedForOnceAndOverwritten(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	var given [][]byte
	ask := func() ([]byte, error) {
		given = append(given, []byte("secret"))
		return given[len(given)-1], nil
	}
	for _, p := range packed(t, inter, leaf) {
		if p.name == emptyPassword {
			continue
		}
		for _, broken := range []bool{false, true} {
			given = nil
			s := BytesSource{Cert: p.cert, Key: p.key, Intermediates: p.inter, Password: ask}
			if broken {
				s.Intermediates = []byte("broken")
			}
			if _, err := s.Load(t.Context()); (err != nil) != broken {
				t.Errorf("%s: Load = %v", p.name, err)
			}
			if len(given) != 1 || slices.ContainsFunc(given[0], func(b byte) bool { return b != 0 }) {
				t.Errorf("%s: password asked for %d times, left as %q", p.name, len(given), given)
			}
		}
	}
	given = nil
	if _, err := (FileSource{Cert: "no/such.pem", Password: ask}).Load(t.Context()); err == nil || len(given) != 0 {
		t.Errorf("Load = %v; asked %d times for a password that opens nothing", err, len(given))
	}
	failing := []byte("secret")
	if _, err := askPassword(func() ([]byte, error) { return failing, io.ErrNoProgress }); err == nil || string(failing) == "secret" {
		t.Errorf("askPassword = %v, and leaves %q", err, failing)
	}
}

// H-19: the password of a host is said in one way.
func TestPasswordIsSaidInOneWay(t *testing.T) {
	t.Setenv("HOSTS_TEST_PASSWORD", "secret")
	path := file(t, "password", "secret\n")
	for _, tt := range []struct {
		host Host
		want string // field that is wrong, "" for none
	}{
		{Host{KeyPassword: PasswordText("secret")}, ""},
		{Host{KeyPasswordEnv: "HOSTS_TEST_PASSWORD"}, ""},
		{Host{KeyPasswordFile: path}, ""},
		{Host{KeyPassword: PasswordText("secret"), KeyPasswordFile: path}, "KeyPasswordFile"},
		{Host{KeyPasswordEnv: "HOSTS_TEST_PASSWORD", KeyPasswordFile: path}, "KeyPasswordFile"},
		{Host{KeyPassword: PasswordText("secret"), KeyPasswordEnv: "HOSTS_TEST_PASSWORD"}, "KeyPasswordEnv"},
	} {
		f, err := tt.host.password()
		if tt.want != "" {
			if fe, ok := errors.AsType[*fieldError](err); !ok || fe.field != tt.want || !errors.Is(err, ErrPassword) {
				t.Errorf("%v; want an error of %s", err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if p, err := f(); err != nil || string(p) != "secret" {
			t.Errorf("password %q, %v", p, err)
		}
	}
}
