package admit

import (
	"errors"
	"testing"
	"time"
)

//
func TestRatesAreWrittenAsTheyAreRead(t *testing.T) {
	for text, want := range map[string]Rate{
		"":                {},
		"none":            {},
		"20/1m":           {Count: 20, Per: time.Minute},
		"20/m":            {Count: 20, Per: time.Minute},
		"5/s":             {Count: 5, Per: time.Second},
		"1/1h30m burst 3": {Count: 1, Per: 90 * time.Minute, Burst: 3},
	} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		again, err := ParseRate(got.String())
		if err != nil || again.bucket() != got.bucket() {
			t.Errorf("ParseRate(%q) = %+v, %v; want %+v", got.String(), again, err, got)
		}
	}
	for _, text := range []string{
		"20", "20/", "/1m", "-1/1m", "0/1m", "20/-1m", "20/1x", "x/1m", "20/1m burst", "20/1m burst 0", "20/1m burst -1",
		"20/1m  burst 5", "20/1m burst 5 ", "10/1ns", " 20/1m", "20 / 1m",
	} {
		if r, err := ParseRate(text); !errors.Is(err, ErrRate) {
			t.Errorf("ParseRate(%q) = %+v, %v; want ErrRate", text, r, err)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	f.Add("20/1m burst 5")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			return
		}
		if again, err := ParseRate(r.String()); err != nil || again.bucket() != r.bucket() {
			t.Fatalf("ParseRate(%q) = %+v, written as %q: %+v, %v", s, r, r.String(), again, err)
		}
	})
}
