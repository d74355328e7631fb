package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

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
	if n, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE a (n int)", "CREATE TABLE b (n int)"), patience); err != nil || n != 1 {
		t.Errorf("once repaired: got %d, %v", n, err)
	}
}

// inUse makes a database with a table a, and a report that reads it for long.
func inUse(t *testing.T) (url string, report pgx.Tx) {
	t.Helper()
	url = pgtest.Empty(t)
	if _, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE a (n int)"), patience); err != nil {
		t.Fatal(err)
	}
	report, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Exec(t.Context(), "LOCK TABLE a IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	return url, report
}

func TestAMigrationThatWaitsForATableLetsTrafficThrough(t *testing.T) {
	t.Parallel()
	url, report := inUse(t)
	migrated := make(chan error, 1)
	go func() {
		n, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE a (n int)", "ALTER TABLE a ADD COLUMN m int"), patience)
		if err == nil && n != 1 {
			err = errors.New("it applied nothing")
		}
		migrated <- err
	}()
	// Each try is a connection of its own, so two of them are two tries.
	monitor := connect(t, url)
	tries := map[int]bool{}
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(tries) < 2 {
		pids, err := migrationsThatWait(deadline, monitor)
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			tries[pid] = true
		}
	}
	// A reader comes in between, though the migration is still at it.
	if _, err := monitor.Exec(deadline, "SELECT count(*) FROM a"); err != nil {
		t.Errorf("a reader was kept waiting: %v", err)
	}
	select {
	case err := <-migrated:
		t.Fatalf("the migration ended while the table was in use: %v", err)
	default:
	}
	if err := report.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

func TestAMigrationGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	steps := files("CREATE TABLE a (n int)", "DROP TABLE a")
	t.Run("while it waits for the table", func(t *testing.T) {
		t.Parallel()
		url, _ := inUse(t)
		ctx, over := context.WithCancel(t.Context())
		defer over()
		monitor := connect(t, url)
		var watch sync.WaitGroup
		defer watch.Wait()
		watch.Go(func() {
			defer over()
			for ctx.Err() == nil {
				if pids, err := migrationsThatWait(ctx, monitor); err != nil || len(pids) > 0 {
					return
				}
			}
		})
		n, err := postgres.Migrate(ctx, url, steps, patience)
		wantFault(t, err, fault.Unavailable, "migration_out_of_time")
		if n != 0 {
			t.Errorf("got %d applied", n)
		}
		over()
	})
	t.Run("or its patience with the table", func(t *testing.T) {
		t.Parallel()
		url, _ := inUse(t)
		n, err := postgres.Migrate(t.Context(), url, steps, time.Second)
		wantFault(t, err, fault.Unavailable, "migration_out_of_time")
		if n != 0 {
			t.Errorf("got %d applied", n)
		}
	})
	t.Run("while it connects for the next try", func(t *testing.T) {
		t.Parallel()
		url, _ := inUse(t)
		ctx, over := context.WithCancel(t.Context())
		defer over()
		n, err := postgres.Migrate(ctx, letsOneIn(t, url, over), steps, patience)
		wantFault(t, err, fault.Unavailable, "migration_out_of_time")
		if n != 0 {
			t.Errorf("got %d applied", n)
		}
	})
}

func TestAMigrationThatIsUnderWayIsLeftItsTime(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	// It goes on until somebody says enough.
	steps := files("CREATE TABLE enough (n int)",
		"DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM enough) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$")
	monitor := connect(t, url)
	waiting, over := context.WithCancel(t.Context())
	defer over()
	migrated := make(chan error, 1)
	go func() {
		n, err := postgres.MigrateWhile(t.Context(), waiting, url, steps)
		if err == nil && n != 2 {
			err = fmt.Errorf("%d were applied", n)
		}
		migrated <- err
	}()
	for underWay := false; !underWay; {
		err := monitor.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')").Scan(&underWay)
		if err != nil || len(migrated) > 0 {
			t.Fatal(err, len(migrated))
		}
	}
	over()
	if _, err := monitor.Exec(t.Context(), "INSERT INTO enough VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

func TestAMigrationThatIsGivenUpIsOverInTheDatabaseToo(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	monitor := connect(t, url)
	sessions := func(that string) (n int) {
		err := monitor.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "+
			"AND application_name = 'timesheets migrate' AND "+that).Scan(&n)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	given := make(chan error, 1)
	go func() {
		_, err := postgres.Migrate(ctx, url, files("CREATE TABLE a (n int); SELECT pg_sleep(600)"), patience)
		given <- err
	}()
	for sessions("wait_event = 'PgSleep'") == 0 && !t.Failed() && len(given) == 0 {
	}
	giveUp()
	wantFault(t, <-given, fault.Unavailable, "migration_out_of_time")
	if sessions("true") > 0 {
		t.Error("the database is still at it")
	}
}

// migrationsThatWait are the sessions of migrations of this database that wait for a lock.
func migrationsThatWait(ctx context.Context, monitor *pgx.Conn) (pids []int, err error) {
	rows, err := monitor.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "+
		"AND application_name = 'timesheets migrate' AND wait_event_type = 'Lock'")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// letsOneIn stands before a server and carries one connection to it; when the
// next one comes it calls second, and never answers.
func letsOneIn(t *testing.T, url string, second func()) (through string) {
	t.Helper()
	server, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort(server.Host, strconv.Itoa(int(server.Port)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		first, err := listener.Accept()
		if err != nil {
			return
		}
		defer first.Close()
		database, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer database.Close()
		all.Go(func() { _, _ = io.Copy(first, database) })
		all.Go(func() { _, _ = io.Copy(database, first) })
		if next, err := listener.Accept(); err == nil {
			defer next.Close()
			second()
			_, _ = io.Copy(io.Discard, next)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return strings.Replace(url, address, listener.Addr().String(), 1)
}

func TestEveryMigrationWaitsAShortTimeForItsLocks(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	record := "INSERT INTO waits SELECT current_setting('lock_timeout')"
	if _, err := postgres.Migrate(t.Context(), url, files("CREATE TABLE waits (t text)", record, "SET lock_timeout = '1h'", record), patience); err != nil {
		t.Fatal(err)
	}
	var waits string
	if err := connect(t, url).QueryRow(t.Context(), "SELECT string_agg(t, ' ') FROM waits").Scan(&waits); err != nil {
		t.Fatal(err)
	}
	if waits != "2s 2s" {
		t.Errorf("got %q, want 2s in each", waits)
	}
}

// PostgreSQL cancels an autovacuum that is in the way of others, though not at
// once. What anybody else runs it leaves alone.
func TestAMigrationGetsPastAnAutovacuum(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	super := connect(t, server.SuperuserURL())
	do := func(conn *pgx.Conn, statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do(super, "ALTER SYSTEM SET autovacuum_naptime = '1s'")
	do(super, "SELECT pg_reload_conf()")
	// The table takes an autovacuum a tenth of a second a page at least.
	owner := connect(t, server.URL())
	do(owner, `DROP TABLE schema_version; CREATE TABLE a (n int, t text) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
		autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`)
	do(owner, "INSERT INTO a SELECT n, repeat('a', 1000) FROM generate_series(1, 3000) n")
	do(owner, "DELETE FROM a WHERE n % 2 = 0")
	do(owner, "SELECT pg_stat_force_next_flush()")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for working := false; !working; {
		err := super.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%public.a%')").Scan(&working)
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if n, err := postgres.Migrate(ctx, server.URL(), files("ALTER TABLE a ADD COLUMN m int"), patience); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
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

	_, err = postgres.Migrate(t.Context(), pooler(t), steps, patience)
	wantFault(t, err, fault.Invalid, "migration_through_pooler")
}

// pooler is a server that knows no startup parameters, as PgBouncer does not.
func pooler(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			backend := pgproto3.NewBackend(conn, conn)
			if _, err := backend.ReceiveStartupMessage(); err == nil {
				backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: lock_timeout"})
				_ = backend.Flush()
			}
			conn.Close()
		}
	}()
	return "postgres://u@" + listener.Addr().String() + "/d?sslmode=disable"
}
