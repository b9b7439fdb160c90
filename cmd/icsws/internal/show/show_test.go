package show

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// O-24: findings for people, and for programs.
func TestFindings(t *testing.T) {
	var f Findings
	f.Add(OK, "a", "All 100% well.")
	f.Add(Note, "b", "Number %d.", 7).Do("Do %s.", "this")
	f.Add(Bad, "c", "It is bad in so many words that they do not fit on a line of eighty columns.").Do("Mend it.")
	f.Add(Warning, "d", "Careful.")
	if f.Worst() != Bad || (Findings{}).Worst() != OK {
		t.Errorf("worst is %v", f.Worst())
	}
	cmd := &cli.Command{Name: "show", Short: "show", Setup: func(*cli.Flags) cli.RunFunc {
		return func(_ context.Context, env *cli.Env, _ []string) error { Print(env, f); return nil }
	}}
	const want = `ok       All 100% well.
note     Number 7.
      -> Do this.
BAD      It is bad in so many words that they do not fit on a line of eighty
         columns.
      -> Mend it.
warning  Careful.
`
	if r := clitest.Run(t, []*cli.Command{cmd}, "show"); r.Stdout != want {
		t.Errorf("printed\n%swant\n%s", r.Stdout, want)
	}
	if r := clitest.Run(t, []*cli.Command{cmd}, "show", "--color", "always"); r.Stdout[:len("\x1b[32mok\x1b[0m       All")] != "\x1b[32mok\x1b[0m       All" {
		t.Errorf("printed %q", r.Stdout)
	}
	b, err := json.Marshal(f.In("x"))
	var back Findings
	if err != nil || json.Unmarshal(b, &back) != nil || len(back) != 4 || back[2] != (Finding{"x", Bad, "c", f[2].Text, "Mend it."}) {
		t.Errorf("JSON %s, %v, back %+v", b, err, back)
	}
	if err := json.Unmarshal([]byte(`"good"`), new(Level)); err == nil {
		t.Error("a level that is none is read")
	}
}

func TestSpans(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const hour = time.Hour
	for _, tt := range []struct {
		d    time.Duration
		days int
		want string
	}{
		{90 * 24 * hour, 90, "in 90 days"}, {48 * hour, 2, "in 2 days"}, {47 * hour, 1, "in 47 hours"}, {hour, 0, "in 1 hour"},
		{time.Minute, 0, "in less than an hour"}, {0, 0, "in less than an hour"}, {-time.Minute, -1, "less than a day ago"},
		{-25 * hour, -2, "1 day ago"}, {-50 * hour, -3, "2 days ago"},
	} {
		if at := now.Add(tt.d); Left(at, now) != tt.want || Days(at, now) != tt.days {
			t.Errorf("%v: %q, %d, want %q, %d", tt.d, Left(at, now), Days(at, now), tt.want, tt.days)
		}
	}
	for d, want := range map[time.Duration]string{0: "0.00 ms", 421 * time.Microsecond: "0.42 ms", 12345 * time.Microsecond: "12.3 ms", 123 * time.Millisecond: "123 ms", 1500 * time.Millisecond: "1.50 s"} {
		if got := Took(d); got != want {
			t.Errorf("Took(%v) = %q, want %q", d, got, want)
		}
	}
	if got := Millis(1234567 * time.Nanosecond); got != 1.235 {
		t.Errorf("Millis = %v", got)
	}
}
