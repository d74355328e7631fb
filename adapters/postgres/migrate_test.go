package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/adapters/postgres"
	"timesheets/domain/fault"
	"timesheets/migrations"
	"timesheets/test/pgtest"
)

// patience is more than any migration here needs.
const patience = time.Minute

// files makes migrations of statements, numbered from 1.
func files(statements ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for i, statement := range statements {
		all["000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(statement)}
	}
	return all
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func schemaOf(t *testing.T, url string, files fstest.MapFS) postgres.Schema {
	t.Helper()
	schema, err := postgres.ReadSchema(t.Context(), openPool(t, postgres.Config{URL: url}), files)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != kind || f.Code != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

func TestOfEightThatStartAtOnceOneMigrates(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	steps := files("CREATE TABLE a (n int)", "CREATE TABLE b (n int)", "ALTER TABLE a ADD COLUMN m int")
	var applied atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			n, err := postgres.Migrate(t.Context(), url, steps, patience)
			if err != nil {
				t.Error(err)
			}
			applied.Add(int32(n))
		})
	}
	all.Wait()
	if applied.Load() != 3 {
		t.Errorf("got %d applied by all, want each of 3 once", applied.Load())
	}
	if got := schemaOf(t, url, steps); got != (postgres.Schema{Database: 3, Program: 3}) {
		t.Errorf("got %+v", got)
	}
}

func TestTheProductsOwnMigrationsApplyOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	pool := openPool(t, postgres.Config{URL: url})
	before, err := postgres.ReadSchema(t.Context(), pool, migrations.Files)
	if err != nil || !before.Behind() || before.Database != 0 {
		t.Errorf("an empty database: got %+v, %v", before, err)
	}
	if n, err := postgres.Migrate(t.Context(), url, migrations.Files, patience); err != nil || n != before.Program {
		t.Errorf("got %d, %v, want %d", n, err, before.Program)
	}
	if n, err := postgres.Migrate(t.Context(), url, migrations.Files, patience); err != nil || n != 0 {
		t.Errorf("the second time: got %d, %v, want nothing to do", n, err)
	}
	after, err := postgres.ReadSchema(t.Context(), pool, migrations.Files)
	if err != nil || after.Behind() || after.Ahead() {
		t.Errorf("a migrated database: got %+v, %v", after, err)
	}
}

func TestADatabaseOfANewerProgramIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if _, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE a (n int)", "CREATE TABLE b (n int)"), patience); err != nil {
		t.Fatal(err)
	}
	old := files("CREATE TABLE a (n int)")
	if n, err := postgres.Migrate(t.Context(), url, old, patience); err != nil || n != 0 {
		t.Errorf("got %d, %v, want nothing to do", n, err)
	}
	if got := schemaOf(t, url, old); !got.Ahead() || got.Behind() || got.Database != 2 {
		t.Errorf("got %+v, want it ahead", got)
	}
}

func TestAMigrationThatFailsIsUndoneAndTheOnesBeforeItStand(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	broken := files("CREATE TABLE a (n int)", "CREATE TABLE b (n int); SELECT 1/0", "CREATE TABLE c (n int)")
	n, err := postgres.Migrate(t.Context(), url, broken, patience)
	wantFault(t, err, fault.Internal, "migration_failed")
	if n != 1 || err == nil || !strings.Contains(err.Error(), "0002_step.sql") || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("got %d, %v, want 1 and an error that names file and reason", n, err)
	}
	var tables string
	if err := connect(t, url).QueryRow(t.Context(), "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != "a schema_version" {
		t.Errorf("got the tables %s", tables)
	}
	for _, statement := range []string{"DROP TABLE c", "ALTER TABLE a DROP COLUMN o"} {
		_, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE a (n int)", statement), patience)
		wantFault(t, err, fault.Internal, "migration_failed")
	}
	if n, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE a (n int)", "CREATE TABLE b (n int)"), patience); err != nil || n != 1 {
		t.Errorf("once repaired: got %d, %v", n, err)
	}
}

func TestWhoMayNotMigrateIsToldWhy(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	notOurs := strings.Replace(server.URL(), "/timesheets?", "/postgres?", 1)
	steps := files("CREATE TABLE a (n int)")
	_, err := postgres.Migrate(t.Context(), notOurs, steps, patience)
	wantFault(t, err, fault.Invalid, "migration_not_allowed")

	_, err = postgres.Migrate(t.Context(), "postgres://u:s3cret@127.0.0.1:1/d", steps, patience)
	wantFault(t, err, fault.Unavailable, "database_unavailable")

	_, err = postgres.Migrate(t.Context(), "s3cret", steps, patience)
	wantFault(t, err, fault.Invalid, "database_url_unreadable")

	_, err = postgres.Migrate(t.Context(), pooler(t, pgtest.Empty(t)), steps, patience)
	wantFault(t, err, fault.Invalid, "migration_through_pooler")
}

func TestASchemaWithNothingToMigrateMayBeBehindAPooler(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	steps := files("CREATE TABLE a (n int)")
	if _, err := postgres.Migrate(t.Context(), url, steps, patience); err != nil {
		t.Fatal(err)
	}
	through := pooler(t, url)
	if n, err := postgres.Migrate(t.Context(), through, steps, patience); err != nil || n != 0 {
		t.Errorf("got %d, %v, want nothing to do", n, err)
	}
	_, err := postgres.Migrate(t.Context(), through, files("CREATE TABLE a (n int)", "DROP TABLE a"), patience)
	wantFault(t, err, fault.Invalid, "migration_through_pooler")
}
