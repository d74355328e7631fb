package postgres_test

import (
	"fmt"
	"testing"

	"timesheets/application/intake"
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
