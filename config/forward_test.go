package config

import (
	"strings"
	"testing"
)

// F-01, H-11, H-51: a target is a table or a URL, and one that can not be is an error with
// its place.
func TestTargetIsATableOrAURL(t *testing.T) {
	f, err := Read(strings.NewReader("forward = \"tls://mail.example:993\"\n[forward_by_host]\na = \"ws://a.example/x\"\nb = {host = \"b.example\", port = 7, text = true}\nc = \"\"\n"), TOML)
	if err != nil {
		t.Fatal(err)
	}
	by := f.Server.ForwardByHost
	if g := f.Server.Forward; g == nil || g.String() != "tls://mail.example:993" || len(by) != 3 || by["a"].URL != "ws://a.example/x" || by["b"].Port != 7 || !by["b"].Text || by["c"] != nil {
		t.Errorf("read %+v", f.Server)
	}
	for _, text := range []string{"forward = \"http://a.example\"", "forward = 7", "[forward]\nhots = \"a\"", "forward_by_host = \"x\""} {
		if _, err := Read(strings.NewReader(text), TOML); err == nil || !strings.Contains(err.Error(), "forward") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
