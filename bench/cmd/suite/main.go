//go:build linux

// suite measures the servers against each other: it builds them and the load
// generator, runs every case on every server, and prints Markdown tables with the
// ratio of each server to raw gws in the same round.
//
//	go run ./cmd/suite                      # everything, three rounds
//	go run ./cmd/suite -quick -rounds 1     # a look, in about three minutes
//	go run ./cmd/suite -cases tls -peers icsws,gws
//	go run ./cmd/suite -soak                # full sizes, this project alone
//
// It is started in the folder of the bench module. The README there says what the
// figures mean. The exit status is 1 when this project's server failed a case, or
// with -soak broke a promise.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/icsws/icsws/bench/internal/proc"
)

// options are the flags.
type options struct {
	cases    *regexp.Regexp
	peers    []contender
	rounds   int
	quick    bool
	soaks    bool
	conns    int // of the idle cases
	most     int // connections of any case
	rate     int // echoes a second that the base can do; 0 is to be measured
	out      string
	report   string
	document string
	plots    string
	from     []string
	cpus     [2]int // of the server and of the generator
}

func init() {
	// Children die with the thread that started them (Pdeathsig): all are started
	// by main, whose thread lives as long as the process.
	runtime.LockOSThread()
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("suite: ")
	o, err := parse()
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	run := o.compare
	if o.soaks {
		run = o.soak
	}
	if !run(ctx) {
		os.Exit(1)
	}
}

// compare prints the tables and reports whether this project's server did all.
func (o options) compare(ctx context.Context) bool {
	runs, err := o.runs(ctx)
	if err != nil {
		log.Print(err)
	}
	good := err == nil
	for _, records := range runs {
		if len(records) > 0 {
			good = o.print(records) && good
		}
	}
	if o.document == "" || err != nil { // half a run is not published
		return good
	}
	if err := o.publish(runs); err != nil {
		log.Print(err)
		return false
	}
	return good
}

// print prints the tables of a run and reports whether this project's server did all.
func (o options) print(records []record) bool {
	text := markdown(records)
	fmt.Print(text)
	if o.report != "" {
		if err := os.WriteFile(o.report, []byte(text), 0o644); err != nil {
			log.Print(err)
			return false
		}
	}
	return len(o.from) > 0 || !failed(records, project)
}

// runs measures, or reads what was measured.
func (o options) runs(ctx context.Context) ([][]record, error) {
	if o.from == nil {
		records, err := o.measure(ctx)
		return [][]record{records}, err
	}
	var runs [][]record
	for _, name := range o.from {
		records, err := readLast(name)
		if err != nil {
			return nil, err
		}
		runs = append(runs, records)
	}
	return runs, nil
}

func parse() (options, error) {
	var o options
	cases := flag.String("cases", "", "only cases whose name matches this `regexp`")
	peers := flag.String("peers", strings.Join(usual, ","), "comma-separated `names` out of "+strings.Join(names(), ", "))
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; each runs every case on every server once")
	flag.BoolVar(&o.quick, "quick", false, "shorter runs and fewer cases")
	flag.BoolVar(&o.soaks, "soak", false, "this project's server alone, at full sizes, held to what it promises; with -quick smaller")
	flag.IntVar(&o.conns, "conns", 0, "connections of the idle cases (default 10000, with -quick 2000)")
	flag.IntVar(&o.rate, "capacity", 0, "echoes a second that the open loops take a share of (default: what raw gws can do, measured)")
	flag.StringVar(&o.out, "out", "out/results.jsonl", "append every result to this `file`; empty for none")
	flag.StringVar(&o.report, "report", "", "write the tables to this `file` too")
	flag.StringVar(&o.document, "document", "", "fill in the generated blocks of this `file`, from this run and from what is published")
	flag.StringVar(&o.plots, "plots", "", "`folder` of the document's plots and of what is published (default: named as the document, without .md)")
	from := flag.String("from", "", "measure nothing, take the last run in each of these comma-separated `files` of results; the word none is no file: only the document is written again")
	flag.Parse()
	o.setFiles(*from)
	var err error
	if o.cases, err = regexp.Compile(*cases); err != nil {
		return o, err
	}
	if o.peers, err = choose(*peers); err != nil {
		return o, err
	}
	if o.rounds < 1 || flag.NArg() > 0 {
		return o, fmt.Errorf("-rounds %d, arguments %q", o.rounds, flag.Args())
	}
	if o.from != nil {
		return o, nil
	}
	return o, o.fit()
}

// setFiles takes the flags that name files. -from none writes the document again
// without any new run.
func (o *options) setFiles(from string) {
	if from == "none" {
		o.from = []string{}
	} else if from != "" {
		o.from = strings.Split(from, ",")
	}
	if o.plots == "" {
		o.plots = strings.TrimSuffix(o.document, ".md")
	}
}

// fit adapts to the machine, saying so when that changes what is measured.
func (o *options) fit() error {
	cpus, err := proc.CPUs()
	if err != nil {
		return err
	}
	o.cpus = [2]int{cpus[0], cpus[len(cpus)-1]}
	if len(cpus) > 1 {
		o.cpus[1] = cpus[1]
	} else {
		log.Print("note: one CPU only, server and generator share it; no figure is worth much")
	}
	if o.conns == 0 {
		o.conns = 10_000
		if o.quick {
			o.conns = 2_000
		}
	}
	files, err := proc.RaiseFiles()
	if err != nil {
		return err
	}
	const spare, largest = 200, 15_000
	o.most = files - spare
	if o.conns > o.most {
		log.Printf("note: the hard limit of open files is %d: idle cases have %d connections instead of %d", files, o.most, o.conns)
		o.conns = o.most
	}
	if o.most < largest && !o.quick {
		log.Printf("note: the hard limit of open files is %d: no case has more than %d connections", files, o.most)
	}
	if o.conns < 1 {
		return fmt.Errorf("%d idle connections", o.conns)
	}
	return nil
}

// timing is how long one run takes.
type timing struct {
	warm, measure, limit time.Duration
}

func (o options) timing() timing {
	if o.quick {
		return timing{40 * time.Millisecond, 120 * time.Millisecond, 30 * time.Second}
	}
	return timing{300 * time.Millisecond, 1500 * time.Millisecond, time.Minute}
}
