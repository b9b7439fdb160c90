package explain

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var commands = []*cli.Command{Command()}

// O-24: every code of RFC 6455 and of the library has a meaning.
func TestEveryCodeIsExplained(t *testing.T) {
	seen := make(map[string]bool)
	for _, e := range All() {
		if seen[e.Code] || e.Kind == "" || !strings.HasSuffix(e.Text, ".") || e.Advice != "" && !strings.HasSuffix(e.Advice, ".") {
			t.Errorf("%+v is there twice, or has no sentences", e)
		}
		seen[e.Code] = true
		if found := Find(e.Code); len(found) == 0 || found[0] != e {
			t.Errorf("Find(%q) = %+v", e.Code, found)
		}
	}
	for n := 1000; n < 5000; n++ {
		if e, ok := Close(n); !ok || e.Text == "" || e.Code != strconv.Itoa(n) {
			t.Errorf("close code %d: %+v", n, e)
		}
		if sendable := client.StatusCode(n).Sendable(); n < 1015 && sendable != (n != 1004 && n != 1005 && n != 1006) {
			t.Errorf("%d is sendable: %v", n, sendable)
		}
	}
	for n := 100; n < 600; n++ {
		if e, ok := Status(n); !ok || e.Text == "" {
			t.Errorf("status %d: %+v", n, e)
		}
	}
	for _, row := range statuses() {
		if name := http.StatusText(row.n); name != "" && name != row.name {
			t.Errorf("%d is %q, want %q", row.n, row.name, name)
		}
	}
	for _, e := range wsserver.Explanations() {
		if !seen[e.Code] {
			t.Errorf("%s is not explained", e.Code)
		}
	}
}

func TestUnknownNumbers(t *testing.T) {
	for _, code := range []string{"0", "99", "600", "999", "5000", "-1", "10060", ""} {
		if found := Find(code); len(found) != 0 {
			t.Errorf("Find(%q) = %+v", code, found)
		}
	}
}

func TestExplainCommand(t *testing.T) {
	for _, tt := range []struct {
		line string
		code cli.Code
		want []string
	}{
		{"explain 1006", cli.OK, []string{"1006  close code: abnormal closure\n", "icsws check"}},
		{"explain 403 1008", cli.OK, []string{"403  HTTP status: Forbidden\n", "\n\n1008  close code: policy violation\n"}},
		{"explain reject/origin", cli.OK, []string{"reject/origin  refusal of this library's server: origin\n", "setting: AllowedOrigins\n", "HTTP status: 403\n"}},
		{"explain ORIGIN", cli.OK, []string{"reject/origin  "}},
		{"explain too-busy", cli.OK, []string{"reject/too-busy  ", "close/too-busy  "}},
		{"explain timeout", cli.OK, []string{"timeout  reason of a dialling client\n", "\n\nreject/timeout  "}},
		{"explain cert-expired", cli.OK, []string{"the certificate of the server has expired."}},
		{"explain 4711", cli.OK, []string{"4711  close code\n", "applications"}},
		{"explain rejct/origin", cli.Failed, []string{"rejct/origin: not known; did you mean reject/origin?\n"}},
		{"explain 1000 77", cli.Failed, []string{"1000  close code", "77: not known\n"}},
		{"explain --list", cli.OK, []string{"1000 ", "404 ", "reject/origin ", "error/accept "}},
	} {
		r := clitest.Run(t, commands, strings.Fields(tt.line)...)
		for _, want := range tt.want {
			if r.Code != tt.code || !strings.Contains(r.Stdout, want) {
				t.Errorf("%s: exit %d, no %q in\n%s%s", tt.line, r.Code, want, r.Stdout, r.Stderr)
			}
		}
		for line := range strings.Lines(r.Stdout) {
			if len(line) > 81 {
				t.Errorf("longer than 80: %s", line)
			}
		}
	}
	for _, line := range []string{"explain", "explain --list 1006"} {
		if r := clitest.Run(t, commands, strings.Fields(line)...); r.Code != cli.Usage {
			t.Errorf("%s: exit %d", line, r.Code)
		}
	}
}

func TestExplainAsJSON(t *testing.T) {
	var got []answer
	clitest.Run(t, commands, "explain", "--json", "reject/origin", "orgin", "1013").JSON(t, &got)
	if len(got) != 3 || len(got[0].Found) != 1 || got[0].Found[0].Status != 403 || got[0].Found[0].Setting != "AllowedOrigins" ||
		got[1].Hint != "origin" || len(got[1].Found) != 0 || got[2].Found[0].Name != "try again later" {
		t.Errorf("%+v", got)
	}
	var all []Entry
	clitest.Run(t, commands, "explain", "--json", "--list").JSON(t, &all)
	if len(all) != len(All()) {
		t.Errorf("%d entries, want %d", len(all), len(All()))
	}
}
