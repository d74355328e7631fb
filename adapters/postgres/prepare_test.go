package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/adapters/postgres"
	"timesheets/application/precedence"
	"timesheets/application/timekeeping"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/pgtest"
)

// record records an entry by hand.
func record(t *testing.T, pool *pgxpool.Pool) error {
	t.Helper()
	entries := postgres.NewEntries(pool, precedence.New(time.Now), fixture.Clock)
	recorder := timekeeping.NewRecorder(entries, identity.UserIDsBy(""), timesheet.Day{}, fixture.NewID, fixture.Clock)
	content := fixture.Content()
	content.Duration = fixture.Hours("0.01")
	_, err := recorder.Record(t.Context(), fixture.Person("ann"), content, nil)
	return err
}

// kept counts the statements that the server keeps, and those of them that ran.
func kept(t *testing.T, pool *pgxpool.Pool) (all, ran int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE generic_plans + custom_plans > 0) FROM pg_prepared_statements`).
		Scan(&all, &ran); err != nil {
		t.Fatal(err)
	}
	return all, ran
}

func TestTheServerKeepsTheStatementsOfASingleEntry(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Database(t), MaxConnections: 1})
	for range 2 {
		if err := record(t, pool); err != nil {
			t.Fatal(err)
		}
	}
	want := len(postgres.AtHand)
	if all, ran := kept(t, pool); all != want || ran != want {
		t.Errorf("of %d statements %d are kept and %d ran", want, all, ran)
	}
}

func TestAKeptStatementOutlivesAMigration(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Database(t)})
	for range 2 { // the second changes back what the first did
		var connected []*pgxpool.Conn
		for range 5 { // more than there are attempts
			conn, err := pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			connected = append(connected, conn)
		}
		for _, conn := range connected {
			conn.Release()
		}
		for _, kind := range []string{"varchar(40)", "text"} {
			if err := record(t, pool); err != nil {
				t.Fatal(err)
			}
			if _, err := pool.Exec(t.Context(), `ALTER TABLE weeks ALTER COLUMN state TYPE `+kind); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := record(t, pool); err != nil {
		t.Error(err)
	}
}

func TestADatabaseWithoutASchemaCanBeReached(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Empty(t), MaxConnections: 1})
	if err := pool.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if all, _ := kept(t, pool); all > 1 { // the limits name no table
		t.Errorf("%d statements are kept", all)
	}
}
