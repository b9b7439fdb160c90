package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string // empty: the event is the package's
	Output  string
}

// key names a test, or with an empty test a package.
type key struct{ pkg, test string }

// summary collects what tests print until it is known how they end.
type summary struct {
	count
	out       io.Writer
	held      map[key][]string // of tests and packages that have not ended
	failedPkg map[string]bool  // packages of which a test failed
}

// summarize reads events until the end of in and prints to out. Lines that are
// no events pass through. Tests that began and never ended count as failed.
func summarize(in io.Reader, out io.Writer) (count, error) {
	s := &summary{out: out, held: map[key][]string{}, failedPkg: map[string]bool{}}
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				out.Write(line)
			} else {
				s.take(e)
			}
		}
		if errors.Is(err, io.EOF) {
			s.unfinished()
			return s.count, nil
		}
		if err != nil {
			return s.count, err
		}
	}
}

func (s *summary) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "start", "run":
		s.held[k] = nil
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		s.held[k] = append(s.held[k], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(k, e.Action)
		} else {
			s.endTest(k, e.Action)
		}
		delete(s.held, k)
	}
}

func (s *summary) endTest(k key, how string) {
	switch how {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
	case "fail":
		s.failed++
		s.failedPkg[k.pkg] = true
		s.print(k)
	}
}

func (s *summary) endPackage(k key, how string) {
	if how == "fail" {
		if !s.failedPkg[k.pkg] {
			s.failed++ // did not build, TestMain failed, leaked goroutines, crashed
		}
		s.print(k)
		return
	}
	// The last line is "ok package time" or "? package [no test files]".
	if held := s.held[k]; len(held) > 0 {
		fmt.Fprint(s.out, held[len(held)-1])
	}
}

// unfinished reports the tests that were running when the stream was cut.
func (s *summary) unfinished() {
	keys := make([]key, 0, len(s.held))
	for k := range s.held {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return strings.Compare(a.pkg+" "+a.test, b.pkg+" "+b.test)
	})
	for _, k := range keys {
		s.failed++
		s.print(k)
		fmt.Fprintf(s.out, "--- CUT OFF: %s %s\n", k.pkg, k.test)
	}
}

// print shows what the test or package said, without the progress marks.
func (s *summary) print(k key) {
	for _, line := range s.held[k] {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(s.out, line)
		}
	}
}
