// Package pgtest gives tests real PostgreSQL databases.
//
// A test asks for a database and has it to itself: empty, migrated, and gone
// when the test ends. Behind it is one server for all the test binaries that
// run at the same time (see keeper), started by the first that asks and ended
// when the last is gone, also when they are killed. There is nothing to set up:
// a package needs no TestMain for it.
//
// A machine without a PostgreSQL makes the test fail and says how to get one;
// it is never skipped. TEST_DATABASE_URL names a server to use, whose role must
// be allowed to create databases. Else Docker runs TEST_POSTGRES_IMAGE, by
// default postgres:17-alpine; else the server programs on this machine do.
//
// Tests inside package adapters/postgres cannot import this package, which
// migrates with theirs: they stand in package postgres_test.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/adapters/localpostgres"
	"timesheets/adapters/postgres"
	"timesheets/migrations"
)

// statementTimeout bounds what a test waits for a database to be made or dropped.
const statementTimeout = time.Minute

// Database gives the test an empty, migrated database of its own and returns
// its URL. Close what connects to it before the test ends, or be cut off.
func Database(t testing.TB) string {
	t.Helper()
	s := server(t)
	return create(t, s, s.Template)
}

// Empty gives the test a database of its own in which there is nothing, not
// even a migration.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, server(t), "template0")
}

// Server gives the test a server of its own, to halt and resume as it likes,
// with a migrated database at its URL.
func Server(t testing.TB) *localpostgres.Server {
	t.Helper()
	s, err := localpostgres.Start(t.Context(), localpostgres.Options{
		Order:      order,
		Image:      os.Getenv(imageVariable),
		Disposable: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop the server of this test: %v", err)
		}
	})
	if _, err := postgres.Migrate(t.Context(), s.URL(), migrations.Files, statementTimeout); err != nil {
		t.Fatal(err)
	}
	t.Logf("a server of its own: %s", s.Description())
	return s
}

var announce sync.Once

// server is the one that all test binaries share.
func server(t testing.TB) membership {
	t.Helper()
	m, err := join()
	if err != nil {
		t.Fatal(err)
	}
	announce.Do(func() { t.Logf("pgtest uses %s", m.Description) })
	return m
}

func create(t testing.TB, m membership, template string) string {
	t.Helper()
	name := m.Prefix + strings.ToLower(rand.Text())
	// A copy of the files is the fast way here: nothing is written to the log,
	// and the checkpoint that it takes instead has little to do.
	if err := run(m.URL, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, template)); err != nil {
		t.Fatalf("make the database of this test: %v", err)
	}
	t.Cleanup(func() {
		if err := localpostgres.DropDatabase(m.URL, name); err != nil {
			t.Errorf("drop the database of this test: %v", err)
		}
	})
	return localpostgres.WithDatabase(m.URL, name)
}

// run executes statements, each by itself, on a connection of their own.
func run(databaseURL string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
