package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// What arrives while a mirror is under way is news to it, also where it is only
// proposed: the mirror does not take it for missing.
func TestAMirrorDoesNotReplaceWhatWasProposedSinceItBegan(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("approved"), office.Row("proposed before", office.On("2026-11-19")))
	approve(t, o, "approved")
	approve(t, o, "proposed before")
	o.Receive(t, office.Row("proposed before", office.On("2026-11-19"), office.Hours("7")))
	o.Clock.Forward(time.Minute)
	run := begin(t, o, mirror)
	o.Clock.Forward(time.Minute)
	row := office.Row("approved", office.Hours("5"))
	if _, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, row, false); outcome != timesheet.OutcomeConflict {
		t.Fatal(outcome, err)
	}
	proposed := openCorrection(t, o, "approved")
	o.Clock.Forward(time.Minute)
	complete(t, o, run, allowEmpty)
	if got := openCorrection(t, o, "approved"); got != proposed || !strings.HasSuffix(got, " entry_approved change") {
		t.Errorf("the newer proposal %q became %q", proposed, got)
	}
	if got := openCorrection(t, o, "proposed before"); !strings.HasSuffix(got, " entry_approved delete") {
		t.Errorf("the older proposal is %q", got)
	}
	// The next mirror that lacks it has heard nothing since.
	complete(t, o, begin(t, o, mirror), allowEmpty)
	if got := openCorrection(t, o, "approved"); !strings.HasSuffix(got, " entry_approved delete") {
		t.Errorf("after the next mirror it is %q", got)
	}
}

// The processes that start a run and receive a row need not agree about the time.
func TestWhatCameSinceAMirrorBeganIsNewsWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("approved"), office.Row("seen", office.On("2026-11-26"), office.Hours("1")))
	approve(t, o, "approved")
	approveWeek(t, o, "ann", "2026-11-26")
	o.Receive(t, byTracker("refused before", "42", 10))
	run := begin(t, o, mirror)
	o.Clock.Forward(-time.Minute)
	o.Receive(t, office.Row("approved", office.Hours("5")), office.Row("new", office.On("2026-11-27")), byTracker("refused", "42", 11))
	o.Clock.Forward(time.Minute)
	complete(t, o, run, allowEmpty)
	for key, want := range map[string]string{"approved": " entry_approved change", "new": " week_approved change"} {
		if got := openCorrection(t, o, key); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", key, got)
		}
	}
	knows(t, o, "ann", "42")
	if got := told(retry(t, o, "")); got != "refused before=unchanged:outdated refused=created" {
		t.Errorf("retried: %s", got)
	}
}

// What was only proposed, and the source no longer has, is not to be accepted any
// more: nobody's hours are made of it. The guards are those of entries.
func TestAMirrorEndsWhatIsProposedUnderAKeyThatItsSourceNoLongerHas(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	locked := o.With(office.Settings{LockBefore: "2026-11-16"})
	o.Receive(t, office.Row("there"), office.Row("deleted by hand", office.On("2026-11-05")))
	handDelete(t, o, "deleted by hand")
	for _, worker := range []string{"ann", "eve"} {
		o.Receive(t, office.Row("seen of "+worker, office.Of(worker), office.On("2026-11-17"), office.Hours("1")))
		for _, day := range []string{"2026-11-13", "2026-11-20", "2026-11-27"} {
			approveWeek(t, o, worker, day)
		}
	}
	all := []string{"gone", "deleted by hand", "brought", "of eve", "locked", "another day", "there", "proposed since"}
	rows := map[string]intake.Row{
		"gone": office.Row("gone", office.On("2026-11-19")), "deleted by hand": office.Row("deleted by hand", office.On("2026-11-18"), office.Hours("2")),
		"brought": office.Row("brought", office.On("2026-11-18"), office.Hours("3")), "of eve": office.Row("of eve", office.Of("eve"), office.On("2026-11-20")),
		"locked": office.Row("locked", office.On("2026-11-13")), "another day": office.Row("another day", office.On("2026-11-27")), "there": office.Row("there", office.Hours("7")),
		"proposed since": office.Row("proposed since", office.On("2026-11-17"), office.Hours("1")),
	}
	for _, key := range all {
		if got := office.Outcomes(o.Receive(t, rows[key])); !strings.HasPrefix(got, "conflict") {
			t.Fatalf("%s: %s", key, got)
		}
	}
	open := func() (keys []string) {
		for _, key := range all {
			if openCorrection(t, o, key) != "" {
				keys = append(keys, key)
			}
		}
		return keys
	}
	sweep := func(at *office.Office, end func(run intake.Import), more ...intake.Row) {
		t.Helper()
		o.Clock.Forward(time.Minute)
		run := begin(t, o, mirror, days("2026-11-09", "2026-11-22"), workers("ann"))
		bring(t, o, run, 1, append(more, rows["brought"])...)
		o.Clock.Forward(time.Minute)
		changed := rows["proposed since"]
		changed.Content.Project += "!"
		rows["proposed since"] = changed
		if _, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, changed, false); outcome != timesheet.OutcomeConflict {
			t.Fatal(outcome, err)
		}
		end(run)
	}
	sweep(o, func(run intake.Import) {
		if _, err := o.Runner.Abort(t.Context(), fixture.Job(), ref(run)); err != nil {
			t.Fatal(err)
		}
	})
	sweep(o, func(run intake.Import) {
		if got := complete(t, o, run); got.DeletionsSkipped == "" {
			t.Errorf("a key could not be read, and it ended %+v", got)
		}
	}, office.Row("", office.Unreadable("malformed_json")))
	if diff := cmp.Diff(all, open()); diff != "" {
		t.Fatalf("without a completed mirror (-want +got)\n%s", diff)
	}
	wrote := o.Footprint(t)["writes"]
	sweep(o, func(run intake.Import) {
		if got := complete(t, locked, run); got.Deleted != 0 {
			t.Errorf("it ended %+v", got)
		}
	})
	if diff := cmp.Diff(all[2:], open()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'obsolete' AND closed_by = 'import-job'`); n != 2 || o.Footprint(t)["writes"] != wrote {
		t.Errorf("%d corrections are obsolete", n)
	}
	// The source has it again.
	if got := office.Outcomes(o.Receive(t, rows["gone"])); got != "conflict:week_approved" {
		t.Errorf("received again: %s", got)
	}
}

// approveWeek approves the worker's week of the day.
func approveWeek(t *testing.T, o *office.Office, worker, day string) {
	t.Helper()
	week := timesheet.WorkerWeek{UserID: worker, Week: fixture.Day(day).Week()}
	if _, err := o.Mover.Approve(t.Context(), fixture.Approver("bob"), week, nil); err != nil {
		t.Fatal(err)
	}
}
