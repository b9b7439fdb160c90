//go:build linux

package main

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
)

// reporting writes a file for each SIGUSR1 to this process, as a server does.
func reporting(t *testing.T, name, text string) {
	t.Helper()
	usr1, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(usr1, syscall.SIGUSR1)
	go func() {
		defer close(done)
		for range usr1 {
			if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
				t.Error(err)
			}
			if err := os.Rename(name+".new", name); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() { signal.Stop(usr1); close(usr1); <-done })
}

func TestPartsAreThoseOfThisCollection(t *testing.T) {
	g := newGenerator(target{})
	g.metrics = filepath.Join(t.TempDir(), "metrics")
	if err := os.WriteFile(g.metrics, []byte(`{"heap":99}`), 0o600); err != nil { // of an earlier one
		t.Fatal(err)
	}
	reporting(t, g.metrics, `{"heap":3,"stacks":2,"runtime":1}`)
	p, err := g.parts()
	if want := (figures.Parts{Heap: 3, Stacks: 2, Runtime: 1}); err != nil || p != want {
		t.Errorf("parts = %+v, %v; want %+v", p, err, want)
	}
}

func TestAServerThatWritesNothingIsAnError(t *testing.T) {
	g := newGenerator(target{})
	g.metrics, g.end = filepath.Join(t.TempDir(), "metrics"), now()+int64(20*time.Millisecond)
	reporting(t, filepath.Join(t.TempDir(), "elsewhere"), "{}")
	if p, err := g.parts(); !errors.Is(err, errLimit) {
		t.Errorf("parts = %+v, %v", p, err)
	}
}

func TestAConnectionIsSplitIntoParts(t *testing.T) {
	g := &generator{conns: make([]*conn, 10)}
	f := figures.Figures{MessagedGC: 1000}
	g.split(&f, figures.Parts{Heap: 100, Stacks: 50, Runtime: 7}, figures.Parts{Heap: 6100, Stacks: 2050, Runtime: 507})
	if f.Heap != 600 || f.Stacks != 200 || f.Runtime != 50 || f.Rest != 150 {
		t.Errorf("split = %+v", f)
	}
}
