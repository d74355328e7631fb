// Program bench measures how fast, and in how little memory, the Timesheets
// API takes in a million rows, and holds the figures against what was promised.
//
//	go run ./test/bench              all of it, about half an hour
//	go run ./test/bench -rows 20000 -pairs 1 -existing 50000 -span 2s   a smoke run, whose figures mean nothing
//
// It measures what is shipped: the API as its own process, a real PostgreSQL
// with its default settings (fsync and synchronous_commit are on), real tokens
// of an issuer on loopback, HTTP as the importer speaks it: 5,000 rows a
// request, two in flight, as parts of one run. What is compared is measured in
// turn, pair by pair, and medians are taken of the ratios of the pairs: so a
// machine that does other work moves both sides. After each measurement the
// database is asked whether everything is there.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the choices of one run.
type options struct {
	rows     int           // of an import
	pairs    int           // how often the two sides of a ratio are measured
	everyday int           // rows of an import by the everyday program
	existing int           // entries that are there when the cost of growth is measured
	block    int           // rows of an import into the two databases that show it
	span     time.Duration // of one measurement at a given pace
	only     string        // the parts to run, by name, with commas; "" is all
	keep     string        // a folder for the logs of the programs; "" for none
}

// part is something to measure.
type part struct {
	name, says string
	do         func(context.Context, *stage, options, *table) error
}

var parts = []part{
	{"imports", "new, unchanged and changed rows against \\copy; memory of the API", measureImports},
	{"everyday", "new and unchanged rows against a statement a row", measureEveryday},
	{"importer", "memory of the importer", measureImporter},
	{"growth", "CPU a row with many entries there", measureGrowth},
	{"reads", "lists, weeks, reports and the feed with many entries there", measureReads},
	{"creates", "single creates during an import", measureCreates},
	{"counter", "writes of one organisation with and without the feed's counter", measureCounter},
	{"tokens", "what a token costs", measureTokens},
}

// run is the program; its exit code is 0 when every must is reached.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// The servers that the API is compared with are this program too.
	if len(args) > 0 && args[0] == "everyday" {
		return ended(serveEveryday(ctx, args[1:]), stderr)
	}
	if len(args) > 0 && args[0] == "routes" {
		return ended(serveRoutes(ctx, args[1:]), stderr)
	}
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.rows, "rows", 1_000_000, "rows of an import")
	flags.IntVar(&o.pairs, "pairs", 5, "measurements of each side, in turn")
	flags.IntVar(&o.everyday, "everyday", 200_000, "rows of an import by the everyday program, at most -rows; its cost is linear")
	flags.IntVar(&o.existing, "existing", 5_000_000, "entries that are there when the cost of growth is measured")
	flags.IntVar(&o.block, "block", 200_000, "rows of the imports that show the cost of growth, at most -rows")
	flags.DurationVar(&o.span, "span", 10*time.Second, "length of a measurement at a given pace")
	flags.StringVar(&o.only, "only", "", "the parts to run, with commas: "+names())
	flags.StringVar(&o.keep, "keep", "", "a folder to keep the programs' logs in")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	o.everyday, o.block = min(o.everyday, o.rows), min(o.block, o.rows)
	if o.rows < 1 || o.pairs < 1 || o.existing < 1 || o.everyday < 1 || o.block < 1 || o.span <= 0 {
		fmt.Fprintln(stderr, "bench: every number is positive.")
		return 2
	}
	return ended(measure(ctx, o, args, stdout, stderr), stderr)
}

func ended(err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

func names() string {
	var all []string
	for _, p := range parts {
		all = append(all, p.name)
	}
	return strings.Join(all, ",")
}

// measure builds the stage, runs the parts that are wanted, and prints what
// came of them, also when one fails.
func measure(ctx context.Context, o options, args []string, stdout, stderr io.Writer) (err error) {
	began := time.Now()
	s, err := newStage(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer func() {
		if down := s.strike(); err == nil {
			err = down
		}
	}()
	t := &table{}
	t.fact("Command", "go run ./test/bench "+strings.Join(args, " "))
	t.fact("Machine", machine())
	t.fact("Database", s.describe(ctx))
	t.fact("Import", fmt.Sprintf("%d rows of %d bytes, %d a request, %d in flight; medians of %d pairs (smallest and largest in brackets)",
		o.rows, len(newRows(o.rows, 0).json(nil, o.rows/2)), rowsARequest, inFlight, o.pairs))
	for _, p := range parts {
		if o.only != "" && !strings.Contains(","+o.only+",", ","+p.name+",") {
			continue
		}
		fmt.Fprintf(stderr, "%s  %s: %s\n", time.Since(began).Round(time.Second), p.name, p.says)
		if err = p.do(ctx, s, o, t); err != nil {
			err = fmt.Errorf("%s: %w", p.name, err)
			break
		}
	}
	t.fact("Took", time.Since(began).Round(time.Second).String()+", load average at the end "+load())
	t.print(stdout)
	if err == nil {
		err = t.missed()
	}
	return err
}
