package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// During a first import nobody has analyzed the table yet, and the planner knows
// nothing of it. The sums of days must be read by worker even then: by day, every
// worker's sum would read what all others worked.
func TestSumsOfDaysAreReadByWorkerInATableThatWasNeverAnalyzed(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	notes := &notebook{}
	o := office.Open(t, office.Settings{Tracer: notes})
	o.Exec(t, `ALTER TABLE entries SET (autovacuum_enabled = false)`)
	batch := func(n int) []intake.Row {
		return office.Rows(5000, func(i int, r *intake.Row) {
			r.ExternalID = fmt.Sprintf("%06d", n*5000+i)
			r.Content.UserID, r.Content.Day, r.Content.Duration = fmt.Sprint("worker ", i%500), fixture.Friday.Add(-n), fixture.Seconds(1)
		})
	}
	for n := range 4 {
		o.Receive(t, batch(n)...)
	}
	sums := 0
	for _, s := range notes.during(func() { o.Receive(t, batch(4)...) }) {
		root, text := explain(t, o, s)
		for _, scan := range root.scans() {
			if scan.Relation != "entries" {
				continue
			}
			switch scan.Index {
			case "entries_by_worker":
				sums++
			case "entries_origin", "entries_by_write":
			default:
				t.Errorf("reads entries by %q:\n%s\n%s", scan.Index, s.sql, text)
			}
		}
	}
	if sums == 0 {
		t.Error("no statement has read sums of days")
	}
}

// However many late changes wait for a week, and for others: when it is reopened
// each is read a few times, and all end by one statement.
func TestAReopenedWeekReadsItsCorrectionsOnceInATableThatWasNeverAnalyzed(t *testing.T) {
	t.Parallel()
	notes := &notebook{}
	o := office.Open(t, office.Settings{Tracer: notes})
	o.Exec(t, `ALTER TABLE corrections SET (autovacuum_enabled = false)`)
	o.Exec(t, `ALTER TABLE entries SET (autovacuum_enabled = false)`)
	bob := fixture.Approver("bob")
	of := func(userID string) timesheet.WorkerWeek {
		return timesheet.WorkerWeek{UserID: userID, Week: fixture.Friday.Week()}
	}
	const each = 500 // late changes of a worker: half of entries, half of new keys
	for _, userID := range []string{"ann", "ben", "cid"} {
		late := office.Rows(each, func(i int, r *intake.Row) {
			r.ExternalID = fmt.Sprint(userID, i)
			r.Content.UserID, r.Content.Duration = userID, fixture.Seconds(1)
		})
		o.Receive(t, late[:each/2]...)
		if _, err := o.Mover.Approve(t.Context(), bob, of(userID), nil); err != nil {
			t.Fatal(err)
		}
		for i := range late {
			late[i].Content.Duration = fixture.Seconds(2)
		}
		if r := o.Receive(t, late...); r.Conflicts != each {
			t.Fatal(r.Counts)
		}
	}
	notes.during(func() {
		if _, err := o.Mover.Reopen(t.Context(), bob, of("ann"), "late hours", nil); err != nil {
			t.Fatal(err)
		}
	})
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE user_id = 'ann' AND state = 'obsolete'`); n != each {
		t.Fatalf("%d have ended", n)
	}
	var about []statement
	for _, s := range notes.ran {
		if strings.Contains(s.sql, "corrections") {
			about = append(about, s)
		}
	}
	if len(about) != 2 {
		t.Fatalf("%d statements about corrections, want one that reads and one that writes", len(about))
	}
	// As it was, so that each reads what it has read.
	o.Exec(t, `UPDATE corrections SET state = 'open', closed_at = NULL WHERE state = 'obsolete'`)
	for _, s := range about {
		tx, err := o.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `SET LOCAL enable_seqscan = off`); err != nil {
			t.Fatal(err)
		}
		root, text := explainAs(t, tx, s, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ")
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if read, most := root.read("corrections"), float64(3*3*each); read > most {
			t.Errorf("reads %.0f rows of corrections, want %.0f at most:\n%s\n%s", read, most, s.sql, text)
		}
	}
}
