package intake_test

import (
	"strings"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// A conflict changes nothing: who is named by it alone is not there before an
// approver has accepted it. Somebody who never worked would be missing in every
// week from then on.
func TestAConflictCreatesNobody(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	workers := func(want int) {
		t.Helper()
		if n := o.Count(t, `SELECT count(*) FROM workers`); n != want {
			t.Errorf("%d workers, want %d", n, want)
		}
	}
	o.Receive(t, office.Row("approved"), office.Row("edited", office.On("2026-11-19")))
	approve(t, o, "approved")
	handEdit(t, o, "edited", "3")
	late := []intake.Row{office.Row("approved", office.Of("zoe")), office.Row("edited", office.Of("yan"), office.On("2026-11-19"))}
	for range 2 { // known or not
		if r := o.Receive(t, late...); r.Conflicts != 2 {
			t.Fatal(office.Outcomes(r))
		}
		workers(1)
	}
	run := begin(t, o)
	if r := bring(t, o, run, 1, late...); r.Conflicts != 2 {
		t.Fatal(office.Outcomes(r))
	}
	complete(t, o, run)
	_, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, late[0], false)
	if outcome != timesheet.OutcomeConflict {
		t.Fatal(outcome, err)
	}
	workers(1)
	// Beside a row of theirs that is taken they are created, of course.
	if got := office.Outcomes(o.Receive(t, append(late, office.Row("new", office.Of("yan"), office.On("2026-11-18")))...)); got != "conflict:entry_approved! conflict:edited_by_hand! created" {
		t.Fatal(got)
	}
	workers(2)
	id, err := timesheet.ParseID(strings.Fields(openCorrection(t, o, "approved"))[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Corrector.Accept(t.Context(), fixture.Approver("bob"), id, nil); err != nil {
		t.Fatal(err)
	}
	workers(3)
	if s := o.Held(t, "approved").Snapshot(); s.Content.UserID != "zoe" || s.Status != timesheet.Approved {
		t.Errorf("accepted: %+v", s)
	}
}

// What would leave a closed period is refused, and creates nobody either.
func TestARowThatMayNotLeaveAClosedPeriodCreatesNobody(t *testing.T) {
	t.Parallel()
	open := office.Open(t, office.Settings{})
	open.Receive(t, office.Row("1", office.On("2026-10-31")))
	o := open.With(office.Settings{LockBefore: "2026-11-01"})
	if got := office.Outcomes(o.Receive(t, office.Row("1", office.Of("zoe")))); got != "rejected:period_closed" {
		t.Fatal(got)
	}
	if n := o.Count(t, `SELECT count(*) FROM workers`); n != 1 {
		t.Errorf("%d workers", n)
	}
}
