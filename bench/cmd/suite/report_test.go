//go:build linux

package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/icsws/icsws/bench/internal/figures"
)

// echoed is a record of an echo case.
func echoed(round int, peer string, cpu float64) record {
	return record{Round: round, Case: "echo", Title: "an echo", Unit: "message", Peer: peer,
		Figures: figures.Figures{CPU: cpu, PerSecond: 1e6 / cpu, Busy: 0.5}}
}

func failure(round int, peer string) record {
	r := echoed(round, peer, 1)
	r.Figures = figures.Figures{Error: "load: read:\nEOF"}
	return r
}

func lack(peer string) record {
	return record{Case: "echo", Title: "an echo", Unit: "message", Peer: peer, Lacks: true}
}

// mustContain fails for every line that the text does not have.
func mustContain(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

func TestReportComparesWithinRounds(t *testing.T) {
	text := markdown([]record{
		echoed(0, "gws", 4), echoed(0, "icsws", 1),
		echoed(1, "icsws", 3), echoed(1, "gws", 6), // a slower round, the ratio doubles
		echoed(2, "gws", 5), echoed(2, "icsws", 1.25),
	})
	mustContain(t, text,
		"| case | gws | icsws |",
		"| echo | 5 µs | 0.25 |",
		"| server | n | CPU µs per message | min–max | × gws | min–max | per second | server busy |",
		"| icsws | 3 | 1.25 | 1–3 | 0.25 | 0.25–0.5 | 800000 | 0.5 |",
		"| gws | 3 | 5 | 4–6 | 1 | 1–1 | 200000 | 0.5 |",
	)
	if strings.Index(text, "| icsws | 3") > strings.Index(text, "| gws | 3") {
		t.Error("the cheaper one does not come first")
	}
}

func TestReportKeepsWhoFails(t *testing.T) {
	text := markdown([]record{
		echoed(0, "gws", 4), failure(0, "melody"), failure(0, "gorilla"), lack("gobwas"),
		echoed(1, "gws", 4), echoed(1, "melody", 8), failure(1, "gorilla"), lack("gobwas"),
	})
	mustContain(t, text,
		"| case | gws | gorilla | gobwas | melody |",
		"| echo | 4 µs | failed | not offered | 2 (1 of 2 failed) |",
		"| melody (1 of 2 failed) | 1 | 8 | 8–8 | 2 | 2–2 | 125000 | 0.5 |",
		"| gorilla | 0 | failed | – | – | – | – | – |",
		"| gobwas | 0 | not offered | – | – | – | – | – |",
		"melody failed in round 1: load: read: EOF",
		"gorilla failed in round 2: load: read: EOF",
	)
}

func TestReportWithoutBaseHasCosts(t *testing.T) {
	text := markdown([]record{echoed(0, "icsws", 2), failure(0, "gws"), echoed(0, "coder", 3)})
	mustContain(t, text, "| echo | failed | 2 µs | 3 µs |",
		"| icsws | 1 | 2 | 2–2 | – | – | 500000 | 0.5 |")
}

func TestReportOfMemory(t *testing.T) {
	rss := func(peer string, bytes float64) record {
		return record{Case: "idle", Title: "memory", Unit: bytesPerConnection, Peer: peer,
			Figures: figures.Figures{MessagedGC: bytes, Messaged: bytes + 1, OpenGC: bytes - 1, Open: bytes}}
	}
	text := markdown([]record{rss("gws", 12000), rss("icsws", 1500)})
	mustContain(t, text,
		"| idle | 12000 B | 0.125 |",
		"| icsws | 1 | 1500 | 1500–1500 | 0.125 | 0.125–0.125 | 1501 | 1499 | 1500 |")
}

func TestReportOfLargeMessages(t *testing.T) {
	moved := func(peer string, cpu float64, peak int64) record {
		return record{Case: "file-send", Title: "a file", Unit: gib, Peer: peer,
			Figures: figures.Figures{CPU: cpu, ClientCPU: 2000, PerSecond: 1.5, Peak: &peak}}
	}
	text := markdown([]record{moved("gws", 400_000, 8<<20), echoed(0, "gws", 4), moved("icsws", 100_000, 0)})
	mustContain(t, text,
		"| file-send | 400 ms | 0.25 |",
		"## Peak memory above that before, MiB",
		"| case | icsws | gws |",
		"| file-send | 0 | 8 |",
		"| server | n | CPU ms per GiB | min–max | × gws | min–max | peak MiB | per second | generator ms |",
		"| icsws | 1 | 100 | 100–100 | 0.25 | 0.25–0.25 | 0 | 1.5 | 2 |")
	if strings.Contains(text, "| echo | – |") {
		t.Error("a case without peaks is among the peaks")
	}
}

func TestVariantsAreShownOnlyWhereTheyWereMeasured(t *testing.T) {
	text := markdown([]record{
		echoed(0, "gws", 4), echoed(0, "icsws", 2),
		{Case: "slow", Title: "slow", Unit: "delivery", Peer: "gws", Figures: figures.Figures{CPU: 4}},
		{Case: "slow", Title: "slow", Unit: "delivery", Peer: "icsws-drop", Figures: figures.Figures{CPU: 3, Lost: 7}},
	})
	mustContain(t, text, "| case | gws | icsws | variants |",
		"| echo | 4 µs | 0.5 | – |", "| slow | 4 µs | not run | icsws-drop 0.75 |",
		"| server | n | CPU µs per delivery | min–max | × gws | min–max | lost |",
		"| icsws-drop | 1 | 3 | 3–3 | 0.75 | 0.75–0.75 | 7 |")
	if n := strings.Count(text, "icsws-drop"); n != 2 {
		t.Errorf("the variant is named %d times in\n%s", n, text)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.0412345: "0.0412", 0.25: "0.25", 1: "1", 3.14159: "3.14", 99.96: "100",
		100.4: "100", 12345.6: "12346", 1e9: "1000000000", -0.5: "-0.5",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestJournalGivesTheLastRunBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "deep", "results.jsonl")
	var last []record
	for _, start := range []string{"first", "second"} { // a run appends to those before
		j, err := openJournal(name)
		if err != nil {
			t.Fatal(err)
		}
		last = []record{echoed(0, "gws", 4), failure(0, "icsws")}
		for i := range last {
			last[i].Run.Start = start
			if err := j.write(last[i]); err != nil {
				t.Fatal(err)
			}
		}
		j.close()
	}
	got, err := readLast(name)
	if err != nil || !reflect.DeepEqual(got, last) {
		t.Errorf("readLast = %+v, %v; want %+v", got, err, last)
	}
	if !failed(got, "icsws") || failed(got, "gws") {
		t.Error("the failure is with the wrong server")
	}
}

func TestAJournalWithoutNameForgets(t *testing.T) {
	j, err := openJournal("")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.write(echoed(0, "gws", 1)); err != nil {
		t.Error(err)
	}
	j.close()
}

func TestReportSaysWhenTheGeneratorWasTheLimit(t *testing.T) {
	limited, late := echoed(0, "icsws", 1), echoed(0, "coder", 2)
	limited.Busy, limited.ClientBusy = 0.5, 0.99
	late.P99, late.Late = 100, 50
	text := markdown([]record{echoed(0, "gws", 4), limited, late})
	mustContain(t, text,
		"icsws: the generator was the limit; its rate and delays are not the server's.",
		"coder: the generator itself was often late; the delays contain that.")
	if n := strings.Count(text, "the generator"); n != 2 {
		t.Errorf("%d remarks in\n%s", n, text)
	}
}
