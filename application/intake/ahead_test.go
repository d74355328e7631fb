package intake_test

import (
	"slices"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// New rows are inserted before anybody is locked. Whatever others do between
// that and the locks is judged as if it had come first, and nothing is left of
// what was inserted.
func TestWhatOthersDoBeforeNewRowsAreLockedComesFirst(t *testing.T) {
	t.Parallel()
	mine := []intake.Row{office.Row("new", office.Hours("20")), office.Row("neighbour", office.Of("zoe"), office.Hours("1"))}
	week := timesheet.WorkerWeek{UserID: "ann", Week: fixture.Friday.Week()}
	by := fixture.Approver("bob")
	for name, tt := range map[string]struct {
		rows   []intake.Row
		before func(t *testing.T, o *office.Office)
		others func(t *testing.T, o *office.Office)
		want   string
	}{
		"hours on the same day": {mine, func(t *testing.T, o *office.Office) { o.Receive(t, office.Row("seen", office.On("2026-11-10"))) }, func(t *testing.T, o *office.Office) {
			content := fixture.Content()
			content.Duration = fixture.Hours("5")
			if _, err := o.Recorder.Record(t.Context(), fixture.Person("ann"), content, nil); err != nil {
				t.Error(err)
			}
		}, "rejected:day_over_24h created"},
		"the week's approval": {mine, func(t *testing.T, o *office.Office) { o.Receive(t, office.Row("old", office.Hours("1"))) }, func(t *testing.T, o *office.Office) {
			if _, err := o.Mover.Approve(t.Context(), by, week, nil); err != nil {
				t.Error(err)
			}
		}, "conflict:week_approved created"},
		"room on the same day": {append(mine[:2:2], office.Row("old", office.Hours("4"))),
			func(t *testing.T, o *office.Office) {
				o.Receive(t, office.Row("old", office.Hours("3")), office.Row("moves", office.Hours("1")))
			},
			func(t *testing.T, o *office.Office) {
				if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, "moves").ID(), nil); err != nil {
					t.Error(err)
				}
			}, "created created updated"},
		"the same keys": {mine, nil, func(t *testing.T, o *office.Office) { o.Receive(t, mine...) }, "unchanged unchanged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := "FOR NO KEY UPDATE"
			if name == "the same keys" {
				words = "pg_advisory_xact_lock_shared" // once they are inserted, who brings them too has to wait
			}
			o, p, slow := paused(t, words)
			if tt.before != nil {
				tt.before(t, o)
			}
			var r intake.Report
			var err error
			atOnce(func() {
				r, err = o.Receiver.Receive(slow, fixture.Job(), intake.Upload{Source: office.Source, Rows: slices.Clone(tt.rows)})
			}, func() {
				defer p.goOn()
				<-p.reached
				tt.others(t, o)
			})
			if err != nil || office.Outcomes(r) != tt.want {
				t.Errorf("got %s, %v, want %s", office.Outcomes(r), err, tt.want)
			}
			live := r.Created + r.Updated + r.Unchanged
			if n := o.Count(t, `SELECT count(*) FROM entries WHERE external_id IN ('new', 'neighbour') OR external_id = 'old' AND $1 > 2`, live); n != live {
				t.Errorf("%d entries, want %d", n, live)
			}
			if n := o.Count(t, `SELECT count(*) FROM (SELECT sum(seconds) FROM entries WHERE deleted_at IS NULL AND status <> 'rejected' GROUP BY user_id, day HAVING sum(seconds) > 86400) AS over`); n != 0 {
				t.Error("a day has more than 24 hours")
			}
		})
	}
}
