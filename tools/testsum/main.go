// Testsum turns the event stream of go test -json into the output a person
// reads and a count a machine reads.
//
//	go test -json ./... | testsum -add counts   # print, append the count to the file
//	testsum -total counts                       # print the closing line of all runs
//
// Passing tests are not shown, failing ones are shown with all that they printed.
// It exits with 1 when a test or a package failed and when no test ran at all:
// a run that tests nothing is no success. The exit code of go test itself is
// kept by the shell's pipefail.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	add := flag.String("add", "", "append the count of this run to `file`")
	total := flag.String("total", "", "read no events, print the sum of the counts in `file`")
	flag.Parse()
	c, err := run(os.Stdin, os.Stdout, *add, *total)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if err != nil || !c.good() {
		os.Exit(1)
	}
}

// run prints what was asked for; the count is the last line.
func run(in io.Reader, out io.Writer, add, total string) (c count, err error) {
	if total != "" {
		c, err = readCounts(total)
	} else if c, err = summarize(in, out); err == nil && add != "" {
		err = c.appendTo(add)
	}
	fmt.Fprintln(out, c)
	return c, err
}
