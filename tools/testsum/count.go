package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// count is how many tests ended how. Sub-tests, examples and fuzz seeds count as
// tests; a package that failed without a failing test counts as one failure.
type count struct{ passed, failed, skipped int }

// String is the closing line: "3 passed, 0 failed", and ", 1 skipped" if any.
func (c count) String() string {
	s := fmt.Sprintf("%d passed, %d failed", c.passed, c.failed)
	if c.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", c.skipped)
	}
	return s
}

// good says that tests ran and none failed.
func (c count) good() bool { return c.passed > 0 && c.failed == 0 }

// appendTo writes the count as a line of three numbers.
func (c count) appendTo(name string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, c.passed, c.failed, c.skipped)
	return errors.Join(err, f.Close())
}

// readCounts sums the lines that appendTo wrote. A missing file is an empty one:
// the run stopped before its first test.
func readCounts(name string) (count, error) {
	var sum count
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return sum, err
	}
	for line := range strings.Lines(string(b)) {
		var c count
		if _, err := fmt.Sscanln(line, &c.passed, &c.failed, &c.skipped); err != nil {
			return sum, fmt.Errorf("%s: bad line %q: %w", name, line, err)
		}
		sum.passed += c.passed
		sum.failed += c.failed
		sum.skipped += c.skipped
	}
	return sum, nil
}
