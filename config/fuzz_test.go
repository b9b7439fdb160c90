package config

import (
	"errors"
	"strings"
	"testing"
)

// fuzzRead checks that nothing panics, that each error has a place, and that what is
// read can be written and read again.
func fuzzRead(f *testing.F, format Format, seeds ...string) {
	var all strings.Builder
	if err := Save(&all, fullFor(format), format); err != nil {
		f.Fatal(err)
	}
	f.Add(all.String())
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Read(strings.NewReader(text), format)
		if err != nil {
			for _, e := range joined(err) {
				ce, ok := errors.AsType[*Error](e)
				if !ok || ce.Line < 1 && ce.File == "" && !wholeFile(e) {
					t.Errorf("an error without a line: %v", e)
				}
			}
			return
		}
		for i := range file.Server.Hosts {
			file.Server.Hosts[i].KeyPassword = nil // in clear text it is not written
		}
		var out strings.Builder
		if err := Save(&out, file, format); err != nil {
			t.Fatalf("Save = %v of what was read from\n%s", err, text)
		}
		again, err := Read(strings.NewReader(out.String()), format)
		if err != nil {
			t.Fatalf("Read = %v of\n%s", err, out.String())
		}
		same(t, again, file)
	})
}

// wholeFile says whether an error is about no single line.
func wholeFile(err error) bool {
	return errors.Is(err, ErrTooLarge) || strings.Contains(err.Error(), "too many errors") ||
		strings.Contains(err.Error(), "can not be read") || strings.Contains(err.Error(), "UTF-16")
}

func FuzzReadTOML(f *testing.F) {
	fuzzRead(f, TOML, handTOML, "a=[[[[1]]]]", "[[hosts]]\n[hosts.meta]\n'a b'=''\n", "[banner_by_host.\"\"]\n", "hosts=[{names=[]}]", "level='default'", "[acme]\nkey_type=''")
}

func FuzzReadYAML(f *testing.F) {
	fuzzRead(f, YAML, handYAML, "", "---\n", "a: &b [*b]", "? a\n: b", "hosts:\n- {}\n", "banner: {}\n", "{\"addr\": 'x'}", "memory_budget: 0x10")
}

func FuzzReadJSON(f *testing.F) {
	fuzzRead(f, JSON, handJSON, "{}", "[[[[", `{"hosts":[{}]}`, `{"addr":"\ud83d\ude00\ud800"}`, `{"max_pending":1e3}`)
}

func FuzzReadINI(f *testing.F) {
	fuzzRead(f, INI, handINI, "[Server]\n", "[Acme]\n", "[Server]\nbanner_by_host.a.mode=http\nbindings.7.addr=x\nallowed_origins=\n", "[IcsHost1]\nHosts=a\nSslPassword=x\n")
}
