package approval_test

import (
	"testing"

	"timesheets/application/intake"
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

// What waited when a week is reopened is judged as if it came now, and an upload
// creates who was never seen.
func TestAReopenedWeekGivesAnEntryToSomebodyNew(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	pending(t, o, "1")
	must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
	if got := office.Outcomes(o.Receive(t, office.Row("1", office.Of("zoe"), office.Hours("2")))); got != "conflict:entry_approved" {
		t.Fatal(got)
	}
	workers(t, o, "ann contractor")
	must(t)(o.Mover.Reopen(t.Context(), bob, anns, "it was zoe", nil))
	workers(t, o, "ann contractor, zoe contractor")
	if s := o.Held(t, "1").Snapshot(); s.Content.UserID != "zoe" || s.Status != timesheet.Pending {
		t.Errorf("%+v", s)
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'obsolete' AND closed_reason = 'reopened'`); n != 1 {
		t.Errorf("%d corrections are at their end", n)
	}
}

// Who is named by nothing but what still waits once the week is open is not
// there: they would be missing in every week from then on.
func TestWhatStillWaitsAfterReopeningCreatesNobody(t *testing.T) {
	t.Parallel()
	to := func(edits ...func(*intake.Row)) intake.Row {
		return office.Row("1", append(edits, office.Of("zoe"))...)
	}
	for name, tt := range map[string]struct {
		before func(*testing.T, *office.Office)
		late   intake.Row
		lock   string // in force when the week is reopened
	}{
		"edited by hand": {
			before: func(t *testing.T, o *office.Office) {
				if err := amend(t, o, ann, "1", "Shop"); err != nil {
					t.Fatal(err)
				}
			},
			late: to(office.Hours("2")),
		},
		"in a week that is closed by now": {late: to(office.On("2026-11-13")), lock: "2026-11-16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			pending(t, o, "1")
			if tt.before != nil {
				tt.before(t, o)
			}
			must(t)(o.Mover.Approve(t.Context(), bob, anns, nil))
			if got := office.Outcomes(o.Receive(t, tt.late)); got != "conflict:entry_approved" {
				t.Fatal(got)
			}
			w := must(t)(o.With(office.Settings{LockBefore: tt.lock}).Mover.Reopen(t.Context(), bob, anns, "late", nil))
			if s := o.Held(t, "1").Snapshot(); w.Sheet.State != timesheet.WeekOpen || s.Content.UserID != "ann" || s.Status != timesheet.Pending {
				t.Errorf("%s, %+v", w.Sheet.State, s)
			}
			if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open' AND user_id = 'zoe'`); n != 1 {
				t.Errorf("%d wait", n)
			}
			workers(t, o, "ann contractor")
		})
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
