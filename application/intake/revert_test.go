package intake_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// revert takes an import back as the import job.
func revert(t *testing.T, o *office.Office, id timesheet.ID) intake.Report {
	t.Helper()
	r, err := o.Reverter.Revert(t.Context(), fixture.Job(), id)
	if err != nil {
		t.Fatal(err)
	}
	if r.Received != r.Created+r.Updated+r.Unchanged+r.Conflicts+r.Rejected || len(r.Results) != r.Rejected {
		t.Errorf("the counts are %+v, with %d results", r.Counts, len(r.Results))
	}
	for i, result := range r.Results {
		if result.Index != i || result.Outcome != timesheet.OutcomeRejected || result.ID.IsZero() || result.Problem == nil || result.Problem.Code != result.Code || result.Problem.Detail == "" {
			t.Errorf("result %d is %+v", i, result)
		}
	}
	if got := look(t, o, r.ImportID); got.Kind != intake.KindRevert || got.State != intake.Completed || got.Reverts != id || got.Counts != r.Counts || !got.LeaseEnd.IsZero() {
		t.Errorf("the revert is %+v", got)
	}
	if got := look(t, o, id); got.State != intake.Reverted {
		t.Errorf("the import is %s", got.State)
	}
	return r
}

// state is what of an entry a revert brings back.
func state(e timesheet.Entry) string {
	s := e.Snapshot()
	received := "nothing"
	if !s.Received.Digest.IsZero() {
		received = "another content"
		if s.Received.Digest == s.Content.Digest() {
			received = "this"
		}
	}
	if !s.Received.SourceUpdatedAt.IsZero() {
		received += fmt.Sprintf("@%d", int(s.Received.SourceUpdatedAt.Sub(fixture.Now).Minutes()))
	}
	deletion := ""
	if s.Deletion != "" {
		deletion = ", deleted by " + string(s.Deletion)
	}
	return fmt.Sprintf("%s %sh %s of %s on %s%s, received %s", s.Status, s.Content.Duration.Hours(), s.Content.Project, s.Content.UserID, s.Content.Day, deletion, received)
}

// states gives the state of every key of Source.
func states(t *testing.T, o *office.Office) map[string]string {
	t.Helper()
	rows, err := o.Pool.Query(t.Context(), `SELECT external_id FROM entries WHERE org_id = 'default' AND source = $1`, office.Source)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	all := make(map[string]string)
	for _, key := range keys {
		all[key] = state(o.Held(t, key))
	}
	return all
}

// versions tells how often each key has changed, so that versions only grow.
func versions(t *testing.T, o *office.Office) int {
	t.Helper()
	return o.Count(t, `SELECT coalesce(sum(version), 0) FROM entries`)
}

func TestARevertTakesBackEverythingThatARunDid(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("updated", office.Stamped(1)), office.Row("moved", office.On("2026-11-19"), office.Stamped(1)), office.Row("stamp only", office.On("2026-11-18"), office.Stamped(1)),
		office.Row("stamp and more", office.On("2026-11-17"), office.Stamped(1)), office.Row("more and stamp", office.On("2026-11-16"), office.Stamped(1)), office.Row("deleted", office.On("2026-11-15"), office.Stamped(1)),
		office.Row("rejected", office.On("2026-11-14")), office.Row("conflict", office.On("2026-11-12")), office.Row("untouched", office.On("2026-11-11")), office.Row("first stamp", office.On("2026-11-10")))
	complete(t, o, begin(t, o, mirror, days("2026-11-01", "2026-11-09")), allowEmpty)
	o.Receive(t, office.Row("tombstone", office.On("2026-11-09"), office.Stamped(1)))
	complete(t, o, begin(t, o, mirror, days("2026-11-09", "2026-11-09")), allowEmpty)
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "rejected").ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	approve(t, o, "conflict")
	before := states(t, o)
	o.Clock.Forward(time.Hour)

	run := begin(t, o, mirror, days("2026-11-09", "2026-11-30"))
	bring(t, o, run, 1, office.Row("created", office.On("2026-11-20"), office.Of("bob")), office.Row("updated", office.Hours("7"), office.Stamped(2)), office.Row("moved", office.On("2026-11-02"), office.Of("bob"), office.Stamped(2)),
		office.Row("stamp only", office.On("2026-11-18"), office.Stamped(2)), office.Row("stamp and more", office.On("2026-11-17"), office.Stamped(2)),
		office.Row("more and stamp", office.On("2026-11-16"), office.Hours("7"), office.Stamped(2)), office.Row("rejected", office.On("2026-11-14"), office.Hours("5")),
		office.Row("conflict", office.On("2026-11-12"), office.Hours("5")), office.Row("untouched", office.On("2026-11-11")), office.Row("first stamp", office.On("2026-11-10"), office.Stamped(1)),
		office.Row("tombstone", office.On("2026-11-09"), office.Hours("3"), office.Stamped(2)))
	bring(t, o, run, 2, office.Row("created", office.On("2026-11-20"), office.Of("bob"), office.Hours("2")), office.Row("updated", office.Hours("6"), office.Stamped(3)), office.Row("stamp only", office.On("2026-11-18"), office.Stamped(3)),
		office.Row("stamp and more", office.On("2026-11-17"), office.Hours("7"), office.Stamped(3)), office.Row("more and stamp", office.On("2026-11-16"), office.Hours("7"), office.Stamped(3)))
	if ended := complete(t, o, run); ended.Deleted != 1 || ended.Counts.Created != 2 || ended.Counts.Updated != 7 || ended.Conflicts != 1 {
		t.Fatalf("the run did %+v", ended.Counts)
	}
	was := versions(t, o)
	o.Clock.Forward(time.Hour)
	r, err := o.Reverter.Revert(t.Context(), fixture.Approver("carl"), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	// created and tombstone go, deleted returns, the other five are as they were.
	if want := (intake.Counts{Received: 6, Created: 1, Updated: 5, Deleted: 2}); r.Counts != want || len(r.Results) != 0 {
		t.Errorf("it did %+v, want %+v; left are %s", r.Counts, want, told(r))
	}
	after := states(t, o)
	if got, want := after["created"], "pending 2h Website of bob on 2026-11-20, deleted by revert, received nothing"; got != want {
		t.Errorf("what was created is %s, want %s", got, want)
	}
	delete(after, "created")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if n := versions(t, o); n != was+8 {
		t.Errorf("%d changes for 8 entries", n-was)
	}
	if s := o.Held(t, "updated").Snapshot(); s.ImportID != r.ImportID || s.UpdatedBy != "carl" || !s.UpdatedAt.Equal(o.Clock.Now()) || s.HandBy != "" {
		t.Errorf("the revert's doing is %+v", s)
	}
	if n := o.Count(t, `SELECT count(*) FROM writes WHERE import_id = $1 AND principal = 'carl'`, r.ImportID); n != 1 {
		t.Errorf("%d writes", n)
	}
	if open, obsolete := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open'`), o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'obsolete' AND closed_by = 'carl'`); open != 0 || obsolete != 1 {
		t.Errorf("%d corrections are open, %d obsolete", open, obsolete)
	}
	if left := o.Footprint(t)["received_before"]; left != 0 {
		t.Errorf("%d earlier receipts are left", left)
	}

	// What was reverted may be imported again, to the same end.
	again := o.Receive(t, office.Row("created", office.On("2026-11-20"), office.Of("bob"), office.Hours("2")), office.Row("updated", office.Hours("6"), office.Stamped(3)), office.Row("tombstone", office.On("2026-11-09"), office.Hours("3"), office.Stamped(2)),
		office.Row("stamp only", office.On("2026-11-18"), office.Hours("1"), office.Stamped(2)), office.Row("deleted", office.On("2026-11-15"), office.Stamped(1)))
	if got := office.Outcomes(again); got != "created updated created updated unchanged" {
		t.Errorf("imported again: %s", got)
	}
	if s := o.Held(t, "created").Snapshot(); s.Version != 4 || s.Deletion != "" || again.Results[0].ID != s.ID {
		t.Errorf("created again: %+v", s)
	}
}

// What was received since another revert gave an entry back was received before the
// run, too.
func TestARevertKeepsWhatWasReceivedSinceAnother(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("key", office.Stamped(1)))
	revert(t, o, o.Receive(t, office.Row("key", office.Hours("7"), office.Stamped(2))).ImportID)
	o.Receive(t, office.Row("key", office.Stamped(3)))
	before := states(t, o)
	run := o.Receive(t, office.Row("key", office.Hours("6"), office.Stamped(4))).ImportID
	revert(t, o, run)
	if diff := cmp.Diff(before, states(t, o)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if got := office.Outcomes(o.Receive(t, office.Row("key", office.Hours("7"), office.Stamped(2)))); got != "unchanged:stale" {
		t.Errorf("an older revision: %s", got)
	}
}

// What a run proposed stays proposed when a later one, which sent the same again,
// is taken back; and goes with the run itself.
func TestARevertLeavesWhatEarlierRunsProposed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		then func(o *office.Office) intake.Import
	}{
		{"the same", func(o *office.Office) intake.Import { return brought(t, o, office.Hours("7"), office.Stamped(5)) }},
		{"the same with a newer stamp", func(o *office.Office) intake.Import { return brought(t, o, office.Hours("7"), office.Stamped(6)) }},
		{"the same for another reason", func(o *office.Office) intake.Import {
			approve(t, o, "key")
			return brought(t, o, office.Hours("7"), office.Stamped(5))
		}},
	} {
		o := office.Open(t, office.Settings{})
		o.Receive(t, office.Row("key", office.Stamped(4)))
		handEdit(t, o, "key", "6")
		first := brought(t, o, office.Hours("7"), office.Stamped(5))
		proposed, _, _ := strings.Cut(openCorrection(t, o, "key"), " ")
		revert(t, o, tt.then(o).ID)
		if got := openCorrection(t, o, "key"); !strings.HasPrefix(got, proposed+" ") || !strings.HasSuffix(got, " change") {
			t.Errorf("%s: %q became %q", tt.name, proposed, got)
		}
		revert(t, o, first.ID)
		if got := openCorrection(t, o, "key"); got != "" {
			t.Errorf("%s: without the run that proposed it there is %q", tt.name, got)
		}
	}
}

// brought is a run that brings the row "key".
func brought(t *testing.T, o *office.Office, edits ...func(*intake.Row)) intake.Import {
	t.Helper()
	run := begin(t, o)
	bring(t, o, run, 1, office.Row("key", edits...))
	return complete(t, o, run).Import
}

// Several imports are taken back, the last first: each finds what it did as it
// left it, since what was taken back has never been.
func TestRevertsOneAfterAnother(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	var after []map[string]string // the states after each import
	var runs []timesheet.ID
	note := func(run timesheet.ID) {
		runs, after = append(runs, run), append(after, states(t, o))
		o.Clock.Forward(time.Minute)
	}
	row := func(key, hours string, stamp int) intake.Row {
		return office.Row(key, office.Hours(hours), office.Stamped(stamp), office.On(map[string]string{"a": "2026-11-02", "b": "2026-11-03", "c": "2026-11-04"}[key]))
	}
	note(o.Receive(t, row("a", "8", 1)).ImportID)
	note(o.Receive(t, row("a", "7", 2), row("b", "8", 2)).ImportID)
	both := begin(t, o)
	bring(t, o, both, 1, row("a", "6", 3), row("b", "7", 3), row("c", "8", 3))
	bring(t, o, both, 2, row("a", "5", 4))
	complete(t, o, both)
	note(both.ID)
	swept := begin(t, o, mirror)
	bring(t, o, swept, 1, row("a", "4", 5))
	complete(t, o, swept)
	note(swept.ID)
	note(o.Receive(t, row("b", "3", 6), row("a", "4", 6)).ImportID)
	for n := len(runs) - 1; n > 0; n-- {
		// An import between two reverts, taken back as well.
		revert(t, o, o.Receive(t, row("a", "1", 9), row("c", "1", 9)).ImportID)
		if r := revert(t, o, runs[n]); r.Rejected != 0 {
			t.Errorf("the import %d: left are %s", n, told(r))
		}
		got := states(t, o)
		for key, is := range got {
			if after[n-1][key] == "" {
				if !strings.Contains(is, "deleted by revert, received nothing") {
					t.Errorf("without the import %d %s is %s", n, key, is)
				}
				delete(got, key)
			}
		}
		if diff := cmp.Diff(after[n-1], got); diff != "" {
			t.Errorf("without the import %d (-before it +now)\n%s", n, diff)
		}
		if again := revert(t, o, runs[n]); again.Counts != (intake.Counts{}) {
			t.Errorf("the import %d once more: %+v, %s", n, again.Counts, told(again))
		}
	}
	handEdit(t, o, "a", "2")
	if r := revert(t, o, runs[0]); told(r) != "a=rejected:touched_since" {
		t.Errorf("what was edited after all reverts: %+v, %s", r.Counts, told(r))
	}
}
