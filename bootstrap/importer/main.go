// Command importer brings the entries of another time-tracking tool into the
// Timesheets API: once, and then it ends. A scheduler, such as a Kubernetes
// CronJob, starts it as often as it likes. It is configured by environment
// variables, which the README lists.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // an image from scratch has no time zones

	_ "golang.org/x/crypto/x509roots/fallback" // nor certificates

	"timesheets/application/importing"
	"timesheets/bootstrap/assembly"
	"timesheets/bootstrap/assembly/job"
	"timesheets/domain/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the command line.
type commands struct {
	Run      order    `cmd:"" help:"Import once."`
	Plan     order    `cmd:"" help:"Show what an import would change, and change nothing."`
	Check    struct{} `cmd:"" help:"Say of configuration, token, API and tracker whether they are in order, a line each."`
	Trackers struct{} `cmd:"" help:"Say which trackers there are, and which settings each takes."`
}

// run is the program. It begins when main does and gives its exit code; those
// of importing.ExitCode are the only ones.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var line commands
	command, ended, err := assembly.ParseCommandLine(&line, "importer", "Imports time entries from another tool.", args, stdout, stderr)
	switch {
	case err != nil:
		return importing.ExitMisconfigured
	case ended:
		return importing.ExitDone
	}
	if command == "trackers" {
		job.PrintTrackers(stdout)
		return importing.ExitDone
	}
	config, err := job.ReadConfig(environ)
	if err != nil {
		return unusable(stderr, err)
	}
	log, err := assembly.NewLog(config.Log, config.Traces, stderr)
	if err != nil {
		return unusable(stderr, err)
	}
	assembled, cleanup, err := assemble(config, stdin, log)
	if err != nil {
		return unusable(stderr, err)
	}
	defer cleanup()
	switch command {
	case "check":
		return assembled.Check(ctx, stdout)
	case "plan":
		return carryOut(ctx, assembled, config, line.Plan, true, log, stdout, stderr)
	default:
		return carryOut(ctx, assembled, config, line.Run, false, log, stdout, stderr)
	}
}

func unusable(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "The configuration is not usable:\n%v\nThe README explains each variable; importer trackers lists those of trackers.\n", err)
	return importing.ExitMisconfigured
}

// carryOut imports, and shows it: to a person on a terminal, else to the log.
// A plan is for people wherever it goes.
func carryOut(ctx context.Context, j *job.Job, config job.Config, o order, dryRun bool, log *slog.Logger, stdout, stderr io.Writer) int {
	window, options, err := o.read(config.Mode)
	if err != nil {
		fmt.Fprintf(stderr, "importer: %s\n", fault.Of(err).Text)
		return importing.ExitMisconfigured
	}
	ctx, end := j.Trace(ctx)
	finish := func() {}
	options.DryRun, options.Watch = dryRun, job.LogWaits(ctx, log)
	if assembly.IsTerminal(stderr) {
		options.Watch, finish = job.Bar(stderr)
	}
	summary, err := j.Import(ctx, window, options, o.Timeout)
	finish()
	end(summary, err)
	if dryRun || assembly.IsTerminal(stdout) {
		job.Print(stdout, summary, err)
	} else {
		job.Log(ctx, log, summary, err)
	}
	return importing.ExitCode(summary, err)
}
