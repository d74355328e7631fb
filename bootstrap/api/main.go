// Command api is the Timesheets API: the only door to the central database.
// It is configured by environment variables, which the README lists.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // an image from scratch has no time zones

	_ "golang.org/x/crypto/x509roots/fallback" // nor certificates

	"timesheets/bootstrap/assembly"
	"timesheets/bootstrap/assembly/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	done          = 0
	failed        = 1 // worth another try
	misconfigured = 2 // no use trying again
)

// commands is the command line.
type commands struct {
	Serve   struct{} `cmd:"" default:"1" help:"Serve the API until SIGTERM (the default). Migrates the database first."`
	Migrate struct{} `cmd:"" help:"Bring the database's schema up to date, and end."`
	Check   struct{} `cmd:"" help:"Say of everything the API depends on whether it is there, a line each, and end."`
}

// run is the program. It begins when main does and gives its exit code.
func run(ctx context.Context, args []string, environ []string, stdout, stderr io.Writer) int {
	var line commands
	command, ended, err := assembly.ParseCommandLine(&line, "api", "The Timesheets API.", args, stdout, stderr)
	switch {
	case err != nil:
		return misconfigured
	case ended:
		return done
	}
	config, err := service.ReadConfig(environ)
	if err != nil {
		fmt.Fprintf(stderr, "The configuration is not usable:\n%v\nThe README explains each variable.\n", err)
		return misconfigured
	}
	log, err := assembly.NewLog(config.Log, config.Traces, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return misconfigured
	}
	switch command {
	case "migrate":
		err = service.Migrate(ctx, config, log)
	case "check":
		return exitCode(service.Check(ctx, config, stdout))
	default:
		var api *service.Service
		var cleanup func()
		if api, cleanup, err = assemble(ctx, config, log); err == nil {
			err = api.Run(ctx)
			cleanup()
		}
	}
	if err != nil {
		log.Error("the API ends", "error", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	if err != nil {
		return failed
	}
	return done
}
