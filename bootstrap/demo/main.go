// Command demo runs the whole system on this machine, with nothing to install
// or set but a PostgreSQL that it finds by itself (or that DATABASE_URL names,
// where it makes a database of its own, and drops it): a database, an issuer of
// tokens, the real API, a stand-in for a tracker with recorded answers, and the
// real import job, twice. It prints what happened, says whether that is what
// should happen by its exit status, and leaves nothing running.
//
// With --serve it stays, and prints addresses, tokens and commands to try.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the stand-in's people live in several time zones

	"timesheets/bootstrap/assembly"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It begins when main does and gives its exit code: 0 when
// everything was as it should be, 1 when it was not, 2 for a wrong command line.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (code int) {
	var line struct {
		Serve bool `help:"Stay up until interrupted, and print addresses, tokens and commands to try."`
	}
	_, ended, err := assembly.ParseCommandLine(&line, "demo", "The whole of Timesheets on this machine, once.", args, stdout, stderr)
	switch {
	case err != nil:
		return 2
	case ended:
		return 0
	}
	s := newStage(environ, stdout, stderr)
	defer func() {
		if err := s.strike(); err != nil {
			fmt.Fprintf(stderr, "\nNot everything could be taken down: %v\n", err)
			code = 1
		}
	}()
	if err := s.set(ctx); err != nil {
		fmt.Fprintf(stderr, "\n%v\n", err)
		return 1
	}
	err = s.play(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "\nInterrupted.")
	case err != nil:
		fmt.Fprintf(stdout, "\nThis is not as it should be:\n%v\n", err)
	default:
		fmt.Fprintln(stdout, "\nAll of this is as it should be.")
	}
	if line.Serve && ctx.Err() == nil {
		s.serve(ctx)
	}
	if err != nil {
		return 1
	}
	return 0
}
