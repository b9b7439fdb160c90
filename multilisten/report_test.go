package multilisten

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestReportHasALineForEachBinding(t *testing.T) { // L-31
	busy, path := taken(t), t.TempDir()+"/s"
	g, err := Open(t.Context(), Options{Policy: BestEffort},
		Binding{Name: "public", Addr: "127.0.0.1:0", TLS: true},
		Binding{Addr: busy},
		Binding{Name: "two words\nand a line", Network: "unix", Addr: path},
		Binding{Addr: "127.0.0.1:0"},
		Binding{},
	)
	if g == nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.Listeners()[2].Close()
	want := []string{
		`0 public listening tcp4 127.0.0.1:0 ` + g.Bound()[0].String() + ` tls`,
		`1 ` + busy + ` closed tcp4 ` + busy + ` - plain`,
		`2 "two words\nand a line" listening unix ` + path + ` - plain`,
		`3 127.0.0.1:0 closed tcp4 127.0.0.1:0 - plain`,
		`4 - closed tcp - - plain`,
	}
	table := g.String()
	got := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for i := range got {
		got[i] = regexp.MustCompile(` {2,}`).ReplaceAllString(got[i], " ")
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("String =\n%s\nwant the cells\n%s", table, strings.Join(want, "\n"))
	}
}

func TestStatesSayWhatTheTableSays(t *testing.T) { // L-31
	busy := taken(t)
	g, _ := Open(t.Context(), Options{Policy: BestEffort}, Binding{Addr: busy, TLS: true}, Binding{Addr: "127.0.0.1:0"})
	defer g.Close()
	s := g.States()
	if len(s) != 2 {
		t.Fatalf("%d states, want 2", len(s))
	}
	if s[0].Index != 0 || s[0].State != StateClosed || !isInUse(s[0].Err) || !s[0].TLS || s[0].Bound.IsValid() {
		t.Errorf("state of the one in use = %+v", s[0])
	}
	l := g.Listeners()[0]
	want := fmt.Sprint(ListenerState{
		Index: 1, Name: "127.0.0.1:0", State: StateListening,
		Network: "tcp4", Requested: "127.0.0.1:0", Bound: l.Bound(),
	})
	if fmt.Sprint(s[1]) != want {
		t.Errorf("state = %v, want %v", s[1], want)
	}
}
