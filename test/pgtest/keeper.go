package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"timesheets/adapters/localpostgres"
	"timesheets/adapters/postgres"
	"timesheets/migrations"
)

// keeperVariable turns a test binary into a keeper; its value is the meeting place.
const keeperVariable = "TIMESHEETS_PGTEST_KEEPER"

// inherited is the first file beside standard input, output and error.
const inherited = 3

// maxConnections is for all test binaries together.
const maxConnections = 300

// A test binary that imports this package is also the program of the keeper,
// so that a keeper outlives the binary that started it and yet needs no build.
func init() {
	if folder := os.Getenv(keeperVariable); folder != "" {
		if err := keep(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// keep runs the shared server for as long as it has users. Each user holds a
// shared lock on the file users, which the kernel takes back when the user
// ends, however it ends. The keeper asks for the exclusive lock, and gets it
// when the last user is gone. If the keeper itself is killed, the server goes
// with it, and the lock on the file keeper, by which the next user knows.
func keep(folder string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// Whoever started us locked this file and gave it to us alone.
	syscall.CloseOnExec(inherited)
	place := os.NewFile(inherited, "keeper")
	defer place.Close()
	fmt.Fprintln(place, os.Getpid()) // for people who look

	p, clear := prepare(ctx)
	if err := publish(folder, p); err != nil {
		return errors.Join(err, clear())
	}
	alone := make(chan error, 1)
	var users *os.File // its lock keeps newcomers out until the folder has moved
	go func() {
		var err error
		users, err = lock(filepath.Join(folder, "users"), syscall.LOCK_EX)
		alone <- err
	}()
	var err error
	select {
	case err = <-alone:
		defer users.Close()
	case <-ctx.Done():
	}
	// Under another name first: who comes now starts afresh instead of waiting.
	retired := folder + ".retired-" + rand.Text()
	if renamed := os.Rename(folder, retired); renamed != nil {
		return errors.Join(err, renamed, clear())
	}
	return errors.Join(err, clear(), os.RemoveAll(retired))
}

// prepare starts a server and migrates the template. A failure is published
// like a success: the binaries that come later need not repeat it.
func prepare(ctx context.Context) (p published, clear func() error) {
	server, err := localpostgres.Start(ctx, localpostgres.Options{
		URL:            os.Getenv(urlVariable),
		URLName:        urlVariable,
		Order:          order,
		Image:          os.Getenv(imageVariable),
		Disposable:     true,
		MaxConnections: maxConnections,
	})
	if err != nil {
		return published{Failure: err.Error()}, func() error { return nil }
	}
	p.URL = server.URL()
	p.Description = server.Description()
	p.Prefix = "timesheets_test_" + strings.ToLower(rand.Text()[:8]) + "_"
	p.Template = p.Prefix + "template"
	clear = func() error { return errors.Join(dropAll(server.URL(), p.Prefix), server.Stop()) }
	if os.Getenv(urlVariable) == "" {
		clear = server.Stop
	}
	err = run(p.URL, "CREATE DATABASE "+p.Template+" TEMPLATE template0")
	if err == nil {
		_, err = postgres.Migrate(ctx, localpostgres.WithDatabase(p.URL, p.Template), migrations.Files, statementTimeout)
	}
	if err == nil {
		// Nobody, autovacuum included, is to be in the way of a copy.
		err = run(p.URL, "ALTER DATABASE "+p.Template+" ALLOW_CONNECTIONS false")
	}
	if err != nil {
		p.Failure = fmt.Sprintf("prepare %s: %v", p.Description, err)
	}
	return p, clear
}

// publish makes p known, all at once.
func publish(folder string, p published) error {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	draft := filepath.Join(folder, "server.draft")
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(folder, "server"))
}

// dropAll removes what is left of our databases on a server that stays.
func dropAll(databaseURL, prefix string) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		_, dropped := conn.Exec(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name))
		err = errors.Join(err, dropped)
	}
	return err
}
