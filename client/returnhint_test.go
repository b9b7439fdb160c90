package client_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
)

// hints are the vectors that implementations in other languages share.
type hints struct {
	Read []struct {
		Reason string
		MS     *int64
	}
	Write []struct {
		Reason, Want string
		MS           int64
	}
}

func readHints(t testing.TB) (h hints) {
	t.Helper()
	data, err := os.ReadFile("testdata/returnhint.json")
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil || len(h.Read) < 30 || len(h.Write) < 10 {
		t.Fatalf("testdata/returnhint.json: %v, %d and %d vectors", err, len(h.Read), len(h.Write))
	}
	return h
}

func TestReturnHintIsReadStrictly(t *testing.T) {
	for _, v := range readHints(t).Read {
		d, ok := client.ReturnHint(v.Reason)
		switch {
		case v.MS == nil && ok:
			t.Errorf("ReturnHint(%q) = %v, want none", v.Reason, d)
		case v.MS != nil && (!ok || d != time.Duration(*v.MS)*time.Millisecond):
			t.Errorf("ReturnHint(%q) = %v, %v, want %d ms", v.Reason, d, ok, *v.MS)
		}
	}
}

func TestReturnHintIsWrittenBehindTheReason(t *testing.T) {
	for _, v := range readHints(t).Write {
		if got := client.WithReturnHint(v.Reason, time.Duration(v.MS)*time.Millisecond); got != v.Want {
			t.Errorf("WithReturnHint(%q, %d ms) = %q, want %q", v.Reason, v.MS, got, v.Want)
		}
	}
	if got := client.WithReturnHint("", 1_499_400*time.Microsecond); got != "retry-after=1.499" {
		t.Errorf("1.4994 s are %q", got)
	}
	if got := client.WithReturnHint("", 86399*time.Second+999600*time.Microsecond); got != "retry-after=86400" {
		t.Errorf("what is rounded up to a day is %q", got)
	}
}

func FuzzReturnHint(f *testing.F) {
	for _, v := range readHints(f).Read {
		f.Add(v.Reason, int64(12_345_678_901))
	}
	f.Fuzz(func(t *testing.T, reason string, ns int64) {
		if d, ok := client.ReturnHint(reason); ok && (d < 0 || d > client.MaxReturnHint || d%time.Millisecond != 0) {
			t.Errorf("ReturnHint(%q) = %v", reason, d)
		}
		want := time.Duration(ns)
		got := client.WithReturnHint(reason, want)
		if len(got) > client.MaxReason || utf8.ValidString(reason) && !utf8.ValidString(got) {
			t.Errorf("WithReturnHint(%q, %v) = %q", reason, want, got)
		}
		d, ok := client.ReturnHint(got)
		if want < 0 && ok {
			t.Errorf("WithReturnHint(%q, %v) = %q, which has a hint", reason, want, got)
		}
		if want >= 0 && (!ok || d != min(want.Round(time.Millisecond), client.MaxReturnHint)) {
			t.Errorf("WithReturnHint(%q, %v) = %q, which is read as %v, %v", reason, want, got, d, ok)
		}
	})
}
