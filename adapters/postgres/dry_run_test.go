package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/adapters/postgres"
	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/domain/identity"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
	"timesheets/test/pgtest"
)

func TestTheRecordOfADryRunIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	way := precedence.New(time.Now)
	receiver := intake.NewReceiver(postgres.NewLedger(pool, way, fixture.Clock), way, identity.UserIDsBy(""), intake.LockBefore{}, fixture.NewID, fixture.Clock)
	upload := func(dryRun bool) {
		t.Helper()
		// A row without hours is refused, and kept.
		_, err := receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: "kimai", DryRun: dryRun, Rows: []intake.Row{{ExternalID: "1", Text: []byte(`{}`)}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	upload(true)
	upload(false)
	if _, err := pool.Exec(t.Context(), `UPDATE imports SET started_at = $1`, fixture.Now.Add(-24*time.Hour-time.Second)); err != nil {
		t.Fatal(err)
	}
	upload(true)
	if got := tally(t, pool, `SELECT count(*) FROM imports`); got != 2 {
		t.Errorf("%d imports are remembered, want the real one and the new dry run", got)
	}
	if got := tally(t, pool, `SELECT count(*) FROM import_rows`); got != 2 {
		t.Errorf("%d rows are remembered, want 2", got)
	}
	if got := tally(t, pool, `SELECT count(*) FROM imports WHERE NOT dry_run`); got != 1 {
		t.Error("the real import was forgotten too")
	}
}

// Who comes after a dry run that brought millions of keys is not kept waiting
// while all of them are deleted: it forgets a part, and the next ones the rest.
func TestALargeDryRunIsForgottenInParts(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	plan := func() intake.Import {
		t.Helper()
		run, err := o.Runner.Start(t.Context(), fixture.Job(), intake.Declaration{
			Source: office.Source, Mode: intake.Mirror, Scope: intake.Scope{From: fixture.Day("2026-11-01"), To: fixture.Day("2026-11-30")}, DryRun: true,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	o.Exec(t, `INSERT INTO import_keys SELECT 'default', $1, i::text FROM generate_series(1, 150000) AS i`, plan().ID)
	o.Clock.Forward(intake.DryRunKept + time.Second)
	for _, left := range []struct{ keys, runs int }{{50_000, 2}, {0, 2}} {
		plan()
		if keys, runs := o.Count(t, `SELECT count(*) FROM import_keys`), o.Count(t, `SELECT count(*) FROM imports`); keys != left.keys || runs != left.runs {
			t.Errorf("%d keys and %d runs are left, want %d and %d", keys, runs, left.keys, left.runs)
		}
	}
}

func tally(t *testing.T, pool *pgxpool.Pool, sql string) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
