package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestShelfShowsTheNewestFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range mostShown + 2 {
		name := filepath.Join(dir, fmt.Sprintf("%03d", i))
		if err := os.WriteFile(name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1e9+i/2*2), 0) // in pairs
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := OpenShelf(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list := s.Files()
	if len(list) != mostShown || list[0].Name != "500" || list[1].Name != "501" || list[2].Name != "498" {
		t.Errorf("%d files are shown, first %v", len(list), list[:3])
	}
}

func TestShelfRemovesWhatWasNotFinished(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{partial + "X", ".other", "a"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := OpenShelf(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if files := s.Files(); len(files) != 1 || files[0].Name != "a" {
		t.Errorf("the shelf has %v", files)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 1 {
		t.Errorf("hidden files are %v, %v", left, err)
	}
}

func TestShelfGivesNoFileOfWhichItKnowsTooLittle(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenShelf(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Open("a"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Open before Hash = %v", err)
	}
	s.Hash(t.Context())
	select {
	case <-s.Changed:
	default:
		t.Error("Hash has told nobody")
	}
	f, file, err := s.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if file.SHA256 != sum([]byte("a")) {
		t.Errorf("Open = %+v", file)
	}
}

func TestNamesCanRunOut(t *testing.T) {
	s, err := OpenShelf(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 999 {
		if _, err := s.reserve("a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Begin("a", 1); !errors.Is(err, ErrNoName) {
		t.Errorf("Begin = %v", err)
	}
}
