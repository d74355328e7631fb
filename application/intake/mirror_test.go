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

// live names the keys of Source that are not deleted, sorted.
func live(t *testing.T, o *office.Office) string {
	t.Helper()
	var keys string
	if err := o.Pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(external_id, ' ' ORDER BY external_id), '') FROM entries
		WHERE org_id = 'default' AND source = $1 AND deleted_at IS NULL`, office.Source).Scan(&keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

func limits(count, percent int) func(*intake.Completion) {
	return func(c *intake.Completion) { c.MaxDeleteCount, c.MaxDeletePercent = count, percent }
}

func distinct(keys int) func(*intake.Completion) {
	return func(c *intake.Completion) { c.DistinctKeys = &keys }
}

func allowEmpty(c *intake.Completion) { c.AllowEmpty = true }

func days(from, to string) func(*intake.Declaration) {
	return func(d *intake.Declaration) { d.Scope.From, d.Scope.To = fixture.Day(from), fixture.Day(to) }
}

func workers(ids ...string) func(*intake.Declaration) {
	return func(d *intake.Declaration) { d.Scope.UserIDs = ids }
}

func TestAMirrorDeletesWhatWasNotBrought(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("kept"), office.Row("gone", office.On("2026-11-19")), office.Row("changed", office.On("2026-11-18")), office.Row("rejected", office.On("2026-11-17")))
	if _, err := o.Decider.Reject(t.Context(), fixture.Approver("bob"), o.Held(t, "rejected").ID(), "no", nil); err != nil {
		t.Fatal(err)
	}
	o.Clock.Forward(time.Hour)
	run := begin(t, o, mirror)
	bring(t, o, run, 1, office.Row("kept"), office.Row("changed", office.On("2026-11-18"), office.Hours("7")))
	bring(t, o, run, 2, office.Row("new", office.On("2026-11-16")))
	wrote := o.Count(t, `SELECT number FROM write_counters`)
	ended := complete(t, o, run, distinct(3))
	want := intake.Counts{Received: 3, Created: 1, Updated: 1, Unchanged: 1, Deleted: 2}
	if ended.State != intake.Completed || ended.Counts != want || ended.DeletionsSkipped != "" || look(t, o, run.ID).Counts != want {
		t.Errorf("ended %+v", ended)
	}
	if got := live(t, o); got != "changed kept new" {
		t.Errorf("left are %q", got)
	}
	for _, key := range []string{"gone", "rejected"} {
		s := o.Held(t, key).Snapshot()
		if s.Deletion != timesheet.ByMirror || s.Change != timesheet.WasDeleted || s.ImportID != run.ID || s.UpdatedBy != "import-job" || !s.DeletedAt.Equal(o.Clock.Now()) || s.HandBy != "" {
			t.Errorf("%s is %+v", key, s)
		}
	}
	if n := o.Count(t, `SELECT number FROM write_counters`); n != wrote+1 {
		t.Errorf("%d writes for what was deleted together", n-wrote)
	}
	if left := o.Footprint(t)["import_keys"]; left != 0 {
		t.Errorf("%d keys of the manifest are left", left)
	}
}

func TestAMirrorStaysWithinItsDaysAndWorkers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		scope []func(*intake.Declaration)
		want  string
	}{
		{"days, both inclusive", []func(*intake.Declaration){days("2026-11-10", "2026-11-12")}, "ann-09 ann-13 bob-09 bob-13"},
		{"one day", []func(*intake.Declaration){days("2026-11-10", "2026-11-10")}, "ann-09 ann-11 ann-12 ann-13 bob-09 bob-11 bob-12 bob-13"},
		{"workers", []func(*intake.Declaration){workers("bob")}, "ann-09 ann-10 ann-11 ann-12 ann-13"},
		{"both", []func(*intake.Declaration){days("2026-11-10", "2026-11-12"), workers("bob", "eve")}, "ann-09 ann-10 ann-11 ann-12 ann-13 bob-09 bob-13"},
		{"nobody who is here", []func(*intake.Declaration){workers("eve")}, "ann-09 ann-10 ann-11 ann-12 ann-13 bob-09 bob-10 bob-11 bob-12 bob-13"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			var rows []intake.Row
			for _, user := range []string{"ann", "bob"} {
				for day := 9; day <= 13; day++ {
					rows = append(rows, office.Row(fmt.Sprintf("%s-%02d", user, day), office.Of(user), office.On(fmt.Sprintf("2026-11-%02d", day))))
				}
			}
			o.Receive(t, rows...)
			for _, other := range []string{"toggl", "upload"} {
				if _, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: other, Rows: []intake.Row{office.Row("x", office.On("2026-11-11"), tiny)}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := o.Receiver.Receive(t.Context(), fixture.Of("other", fixture.Job()), intake.Upload{Source: office.Source, Rows: rows}); err != nil {
				t.Fatal(err)
			}
			before := o.Count(t, `SELECT count(*) FROM entries WHERE deleted_at IS NULL AND (org_id <> 'default' OR source <> $1)`, office.Source)
			ended := complete(t, o, begin(t, o, append(tt.scope, mirror)...), allowEmpty)
			if got := live(t, o); got != tt.want || ended.Deleted != len(rows)-len(strings.Fields(tt.want)) {
				t.Errorf("%d deleted, left are %q, want %q", ended.Deleted, got, tt.want)
			}
			if n := o.Count(t, `SELECT count(*) FROM entries WHERE deleted_at IS NULL AND (org_id <> 'default' OR source <> $1)`, office.Source); n != before {
				t.Error("it deleted what is another's")
			}
		})
	}
}

// Brought is every key received, whatever its verdict, wherever it lies.
func TestWhatIsBroughtIsNotDeleted(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{LockBefore: "2026-10-01"})
	keys := []string{"refused", "unreadable", "conflict", "moved away", "unchanged", "unknown", "stale", "twice"}
	var rows []intake.Row
	for i, key := range keys {
		rows = append(rows, office.Row(key, office.On(fmt.Sprintf("2026-11-%02d", i+1)), office.Stamped(5)))
	}
	o.Receive(t, append(rows, office.Row("absent", office.On("2026-11-20")))...)
	handEdit(t, o, "conflict", "6")
	run := begin(t, o, mirror)
	r := bring(t, o, run, 1,
		office.Row("refused", office.Project("")), office.Row("unreadable", office.Unreadable("not_a_date")),
		office.Row("conflict", office.On("2026-11-03"), office.Hours("5")), office.Row("moved away", office.On("2026-10-04")),
		office.Row("unchanged", office.On("2026-11-05")), office.Row("unknown", office.By(intake.WorkerRef{Email: "x@y"})),
		office.Row("stale", office.On("2026-11-07"), office.Hours("3"), office.Stamped(1)),
		office.Row("twice", office.On("2026-11-08"), office.Hours("2")), office.Row("twice", office.Project("")),
		office.Row("out of scope", office.On("2026-10-20")), office.Row("never there", office.On("2026-09-01")))
	want := "rejected:required rejected:not_a_date conflict:edited_by_hand updated unchanged rejected:unknown_worker unchanged:stale updated rejected:required created rejected:period_closed"
	if got := office.Outcomes(r); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	if ended := complete(t, o, run, distinct(10)); ended.Deleted != 1 || ended.DeletionsSkipped != "" {
		t.Errorf("ended %+v", ended)
	}
	if got, want := live(t, o), "conflict moved away out of scope refused stale twice unchanged unknown unreadable"; got != want {
		t.Errorf("left are %q, want %q", got, want)
	}
}

// A row without an external id has one that the server makes: it is a key.
func TestAMadeKeyIsBrought(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	r := o.Receive(t, office.Row(""), office.Row("", office.On("2026-11-19")))
	run := begin(t, o, mirror)
	bring(t, o, run, 1, office.Row(""))
	if ended := complete(t, o, run, distinct(1)); ended.Deleted != 1 || ended.DeletionsSkipped != "" || live(t, o) != r.Results[0].ExternalID {
		t.Errorf("ended %+v, left are %q", ended, live(t, o))
	}
}

func TestWhatWasTouchedSinceTheRunBeganStays(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("untouched"), office.Row("edited", office.On("2026-11-19")), office.Row("uploaded", office.On("2026-11-18")), office.Row("approved", office.On("2026-11-17")),
		office.Row("object", office.On("2026-11-13")), office.Row("moved", office.On("2026-11-12")), office.Row("gone and back", office.On("2026-11-11")),
		office.Row("stamped", office.On("2026-11-10")), office.Row("stamped before", office.On("2026-11-09")))
	o.Receive(t, office.Row("stamped before", office.On("2026-11-09"), office.Stamped(1)))
	run := begin(t, o, mirror)
	handEdit(t, o, "edited", "6")
	o.Receive(t, office.Row("uploaded", office.On("2026-11-18"), office.Hours("7")), office.Row("created", office.On("2026-11-16")), office.Row("moved", office.On("2026-11-12"), office.Of("bob")))
	if _, _, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("object", office.On("2026-11-13"), office.Hours("7")), false); err != nil {
		t.Fatal(err)
	}
	approve(t, o, "approved")
	handDelete(t, o, "gone and back")
	o.Receive(t, office.Row("stamped", office.On("2026-11-10"), office.Stamped(1)))
	bring(t, o, run, 1, office.Row("brought", office.On("2026-11-15")))
	if ended := complete(t, o, run); ended.Deleted != 2 {
		t.Errorf("ended %+v", ended)
	}
	if got := live(t, o); got != "approved brought created edited moved object stamped uploaded" {
		t.Errorf("left are %q", got)
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections`); n != 0 {
		t.Errorf("%d corrections for what was touched", n)
	}
	// They are old by now: the next mirror may have them.
	run = begin(t, o, mirror)
	bring(t, o, run, 1, office.Row("brought", office.On("2026-11-15")))
	if ended := complete(t, o, run, limits(10, 0)); ended.Deleted != 5 || live(t, o) != "approved brought edited" {
		t.Errorf("ended %+v, left are %q", ended, live(t, o))
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE deletion AND state = 'open'`); n != 2 {
		t.Errorf("%d corrections", n)
	}
}

// openCorrection gives id, reason and whether a deletion is proposed, of the
// open correction of a key.
func openCorrection(t *testing.T, o *office.Office, key string) string {
	t.Helper()
	var s string
	if err := o.Pool.QueryRow(t.Context(), `SELECT coalesce((SELECT concat(id, ' ', why, ' ', CASE WHEN deletion THEN 'delete' ELSE 'change' END) FROM corrections
		WHERE org_id = 'default' AND source = $1 AND external_id = $2 AND state = 'open'), '')`, office.Source, key).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatPeopleDecidedIsProposedForDeletion(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("approved"), office.Row("edited", office.On("2026-11-19")), office.Row("plain", office.On("2026-11-18")))
	approve(t, o, "approved")
	handEdit(t, o, "edited", "6")
	sweep := func(rows ...intake.Row) intake.Ending {
		t.Helper()
		run := begin(t, o, mirror)
		bring(t, o, run, 1, append(rows, office.Row("brought", office.On("2026-11-15")))...)
		return complete(t, o, run)
	}
	if ended := sweep(); ended.Deleted != 1 || ended.Conflicts != 0 {
		t.Errorf("ended %+v", ended)
	}
	first := map[string]string{"approved": openCorrection(t, o, "approved"), "edited": openCorrection(t, o, "edited")}
	if !strings.HasSuffix(first["approved"], " entry_approved delete") || !strings.HasSuffix(first["edited"], " edited_by_hand delete") {
		t.Errorf("proposed: %v", first)
	}
	wrote := o.Footprint(t)["writes"]
	sweep()
	for key, was := range first {
		if got := openCorrection(t, o, key); got != was {
			t.Errorf("%s: proposed again: %q, then %q", key, was, got)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections`); n != 2 {
		t.Errorf("%d corrections", n)
	}
	if got := live(t, o); got != "approved brought edited" || o.Footprint(t)["writes"] != wrote {
		t.Errorf("left are %q", got)
	}

	// The source has one of them again, as it was, and another with a change.
	if ended := sweep(office.Row("approved"), office.Row("edited", office.On("2026-11-19"), office.Hours("5"))); ended.Unchanged != 2 || ended.Conflicts != 1 {
		t.Errorf("ended %+v", ended)
	}
	if got := openCorrection(t, o, "approved"); got != "" {
		t.Errorf("the source has it again, and %q is open", got)
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'obsolete'`); n != 1 {
		t.Errorf("%d obsolete corrections", n)
	}
	changed := strings.Replace(first["edited"], "delete", "change", 1)
	if got := openCorrection(t, o, "edited"); got != changed {
		t.Errorf("a change in place of the deletion: %q, want %q", got, changed)
	}
	// And now it is gone again.
	sweep(office.Row("approved"))
	if got := openCorrection(t, o, "edited"); got != first["edited"] {
		t.Errorf("a deletion in place of the change: %q, want %q", got, first["edited"])
	}
}

// The received content is cleared and the stamp kept: whatever is not older
// brings the entry back under its id.
func TestWhatAMirrorDeletedComesBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		row  intake.Row
		want string
	}{
		{"an older stamp", office.Row("1", office.Hours("7"), office.Stamped(4)), "unchanged:stale"},
		{"an older stamp with the same content", office.Row("1", office.Stamped(4)), "unchanged:stale"},
		{"an equal stamp with the same content", office.Row("1", office.Stamped(5)), "created"},
		{"an equal stamp with another content", office.Row("1", office.Hours("7"), office.Stamped(5)), "created"},
		{"a newer stamp", office.Row("1", office.Stamped(6)), "created"},
		{"no stamp", office.Row("1"), "created"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			o.Receive(t, office.Row("1", office.Stamped(5)))
			complete(t, o, begin(t, o, mirror), allowEmpty)
			was := o.Held(t, "1").Snapshot()
			if was.Version != 2 || !was.Received.Digest.IsZero() || !was.Received.SourceUpdatedAt.Equal(office.Stamp(5)) {
				t.Errorf("deleted: %+v", was)
			}
			r := o.Receive(t, tt.row)
			is := o.Held(t, "1").Snapshot()
			if got := office.Outcomes(r); got != tt.want || r.Results[0].ID != was.ID || is.ID != was.ID {
				t.Errorf("got %s of %s, want %s of %s", got, r.Results[0].ID, tt.want, was.ID)
			}
			stamp := tt.row.SourceUpdatedAt
			switch {
			case tt.want != "created":
				if is.Version != 2 || is.Deletion != timesheet.ByMirror {
					t.Errorf("it is %+v", is)
				}
			case is.Version != 3 || is.Deletion != "" || !is.DeletedAt.IsZero() || is.Change != timesheet.WasRestored || is.Status != timesheet.Pending || !is.Content.Same(tt.row.Content) || !is.CreatedAt.Equal(was.CreatedAt):
				t.Errorf("it is %+v", is)
			case stamp.IsZero() && !is.Received.SourceUpdatedAt.Equal(office.Stamp(5)), !stamp.IsZero() && !is.Received.SourceUpdatedAt.Equal(stamp):
				t.Errorf("the stamp is %s", is.Received.SourceUpdatedAt)
			}
			again := o.Receive(t, tt.row)
			if got := office.Outcomes(again); got != "unchanged" && got != "unchanged:stale" {
				t.Errorf("again: %s", got)
			}
		})
	}
}

func TestADryRunOfAMirrorDeletesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("approved"), office.Row("gone", office.On("2026-11-19")), office.Row("gone too", office.On("2026-11-18")), office.Row("refused", office.On("2026-11-17"), office.Project("")))
	approve(t, o, "approved")
	run := begin(t, o, mirror, dry)
	bring(t, o, run, 1, office.Row("brought", office.On("2026-11-15")))
	before := o.Footprint(t)
	if _, err := o.Runner.Complete(t.Context(), fixture.Job(), ref(run), completion(limits(1, 10))); codeOf(err) != "too_many_deletions" {
		t.Errorf("a guard: %v", err)
	}
	ended := complete(t, o, run, cursor("no"))
	if ended.Deleted != 2 || !ended.DryRun || look(t, o, run.ID).Counts != ended.Counts {
		t.Errorf("ended %+v", ended)
	}
	delete(before, "import_keys")
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if got := live(t, o); got != "approved gone gone too" || o.Count(t, `SELECT count(*) FROM refused_keys WHERE outdated`) != 0 {
		t.Errorf("left are %q", got)
	}
	real := begin(t, o, mirror)
	bring(t, o, real, 1, office.Row("brought", office.On("2026-11-15")))
	if done := complete(t, o, real); done.Counts != ended.Counts {
		t.Errorf("the real run counts %+v, the dry one %+v", done.Counts, ended.Counts)
	}
}
