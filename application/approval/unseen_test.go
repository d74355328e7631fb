package approval_test

import (
	"testing"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// workers holds who is there to what is wanted: user ids, each with its kind.
func workers(t *testing.T, o *office.Office, want string) {
	t.Helper()
	var got string
	if err := o.Pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(user_id || ' ' || kind, ', ' ORDER BY user_id), '') FROM workers`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// Who is merely proposed is there once that is accepted, and not before.
func TestADecisionCreatesWhomAnAcceptedProposalNames(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	propose := func(hours string) timesheet.ID {
		t.Helper()
		r := o.Receive(t, office.Row("1", office.Of("zoe"), office.Hours(hours)))
		if r.Conflicts != 1 {
			t.Fatal(office.Outcomes(r))
		}
		return r.Results[0].CorrectionID
	}
	id := propose("2")
	for range 2 { // again changes nothing
		done, err := o.Corrector.Dismiss(t.Context(), carol, id, "no", nil)
		if err != nil || done.Correction.State != timesheet.CorrectionDismissed || done.Correction.Content.UserID != "zoe" {
			t.Fatalf("%+v, %v", done, err)
		}
		workers(t, o, "ann contractor")
	}
	if _, err := o.Corrector.Accept(t.Context(), carol, id, nil); codeOf(err) != "correction_closed" {
		t.Errorf("accepted after that: %v", err)
	}
	workers(t, o, "ann contractor")
	id = propose("3")
	for range 2 {
		if _, err := o.Corrector.Accept(t.Context(), carol, id, nil); err != nil {
			t.Fatal(err)
		}
		workers(t, o, "ann contractor, zoe contractor")
	}
}

// A step that changes nothing creates nobody. One that does creates the worker,
// with an empty week.
func TestAWorkerIsCreatedByTheFirstStepThatChangesSomething(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	zoe := timesheet.WorkerWeek{UserID: "zoe", Week: anns.Week}
	if w := must(t)(o.Mover.Withdraw(t.Context(), fixture.Person("zoe"), zoe, nil)); w.Sheet.State != timesheet.WeekOpen || len(w.Moves) != 0 {
		t.Errorf("%+v", w.Sheet)
	}
	workers(t, o, "")
	if missing, _, err := o.Weeks.Missing(t.Context(), bob, anns.Week, "", 10); err != nil || len(missing) != 0 {
		t.Errorf("%+v, %v", missing, err)
	}
	must(t)(o.Mover.Submit(t.Context(), fixture.Person("zoe"), zoe, nil))
	workers(t, o, "zoe employee")
	must(t)(o.Mover.Withdraw(t.Context(), fixture.Person("zoe"), zoe, nil))
	workers(t, o, "zoe employee")
}
