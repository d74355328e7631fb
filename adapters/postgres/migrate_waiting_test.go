package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/adapters/postgres"
	"timesheets/domain/fault"
	"timesheets/test/pgtest"
)

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

func TestAMigrationThatLosesADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	steps := []string{"CREATE TABLE a (n int)", "CREATE TABLE b (n int)", "LOCK TABLE a; LOCK TABLE b; ALTER TABLE b ADD COLUMN m int"}
	if _, err := postgres.Migrate(t.Context(), url, files(steps[:2]...), patience); err != nil {
		t.Fatal(err)
	}
	writer, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Exec(t.Context(), "LOCK TABLE b"); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		_, err := postgres.Migrate(t.Context(), url, files(steps...), patience)
		migrated <- err
	}()
	monitor := connect(t, url)
	for {
		if pids, err := migrationsThatWait(t.Context(), monitor); err != nil {
			t.Fatal(err)
		} else if len(pids) > 0 {
			break
		}
	}
	// Who waits first looks first whether it is a deadlock, and loses it; on a busy
	// machine that may be the writer.
	_, _ = writer.Exec(t.Context(), "LOCK TABLE a")
	if err := writer.Rollback(t.Context()); err != nil {
		t.Error(err)
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
		n, err := postgres.Migrate(ctx, letsIn(t, url, 2, over), steps, patience)
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
