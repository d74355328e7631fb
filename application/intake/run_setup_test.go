package intake_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// declaration is an upsert of Source over November 2026.
func declaration(edits ...func(*intake.Declaration)) intake.Declaration {
	d := intake.Declaration{Source: office.Source, Mode: intake.Upsert, Scope: intake.Scope{From: fixture.Day("2026-11-01"), To: fixture.Day("2026-11-30")}}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func mirror(d *intake.Declaration) { d.Mode = intake.Mirror }

func dry(d *intake.Declaration) { d.DryRun = true }

func source(name string) func(*intake.Declaration) {
	return func(d *intake.Declaration) { d.Source = name }
}

// begin starts a run as the import job.
func begin(t *testing.T, o *office.Office, edits ...func(*intake.Declaration)) intake.Import {
	t.Helper()
	run, err := o.Runner.Start(t.Context(), fixture.Job(), declaration(edits...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func ref(run intake.Import) intake.RunRef { return intake.RunRef{ID: run.ID, Fence: run.Fence} }

// body stands for the body in which the rows come.
func body(rows []intake.Row) [32]byte {
	h := sha256.New()
	for _, r := range rows {
		fmt.Fprintf(h, "%q %q %x %d %v\n", r.ExternalID, r.Text, r.Content.Digest(), r.SourceUpdatedAt.UnixMicro(), r.Problem == nil)
	}
	return [32]byte(h.Sum(nil))
}

func upload(ctx context.Context, o *office.Office, run intake.Import, part int, rows ...intake.Row) (intake.Report, error) {
	return o.Receiver.ReceivePart(ctx, fixture.Job(), ref(run), part, body(rows), intake.Upload{Rows: rows})
}

// bring uploads a part of a run.
func bring(t *testing.T, o *office.Office, run intake.Import, part int, rows ...intake.Row) intake.Report {
	t.Helper()
	r, err := upload(t.Context(), o, run, part, rows...)
	if err != nil {
		t.Fatal(err)
	}
	office.Balanced(t, r)
	if r.ImportID != run.ID || r.DryRun != run.DryRun {
		t.Errorf("the report is of the run %s, dry: %v", r.ImportID, r.DryRun)
	}
	return r
}

// completion has the defaults.
func completion(edits ...func(*intake.Completion)) intake.Completion {
	c := intake.Completion{MaxDeleteCount: intake.DefaultMaxDeleteCount, MaxDeletePercent: intake.DefaultMaxDeletePercent}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

func cursor(to string) func(*intake.Completion) {
	return func(c *intake.Completion) { c.Cursor = to }
}

// complete ends a run.
func complete(t *testing.T, o *office.Office, run intake.Import, edits ...func(*intake.Completion)) intake.Ending {
	t.Helper()
	ended, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(edits...))
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

// endLease puts a run where it is when its process has been silent for long.
func endLease(t *testing.T, o *office.Office, run intake.Import) {
	t.Helper()
	o.Exec(t, `UPDATE imports SET lease_until = now() - interval '1 millisecond' WHERE id = $1`, run.ID)
}

// leaseOf gives the seconds that are left of a run's lease.
func leaseOf(t *testing.T, o *office.Office, run intake.Import) int {
	t.Helper()
	return o.Count(t, `SELECT ceil(extract(epoch FROM lease_until - clock_timestamp()))::int FROM imports WHERE id = $1`, run.ID)
}

// look gives an import as it is looked up, which is the same in the list.
func look(t *testing.T, o *office.Office, id timesheet.ID) intake.Import {
	t.Helper()
	one, err := o.Lookback.Import(t.Context(), fixture.Job(), id)
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := o.Lookback.Imports(t.Context(), fixture.Job(), "", intake.ImportPlace{}, intake.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range all {
		if listed.ID != id {
			continue
		}
		if diff := cmp.Diff(one, listed, plain); diff != "" {
			t.Errorf("alone and in the list (-alone +listed)\n%s", diff)
		}
		return one
	}
	t.Errorf("the import %s is not in the list", id)
	return one
}

// tiny gives a row a second, so that any number of them fits into a day.
func tiny(r *intake.Row) { r.Content.Duration = fixture.Seconds(1) }

// neverDeadlocked fails the test if PostgreSQL had to end a circle of waiting.
// It closes the office: connections report what they met when they end.
func neverDeadlocked(t *testing.T, o *office.Office) {
	t.Helper()
	config := o.Pool.Config().ConnConfig
	o.Pool.Close()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for others := 1; others > 0; {
		if err := conn.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := conn.QueryRow(t.Context(), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d deadlocks, %v", n, err)
	}
}
