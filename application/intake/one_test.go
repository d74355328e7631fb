package intake_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestAnObjectIsAnsweredWithItsEntry(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	row := office.Row("1", office.Stamped(1))
	row.Content = fixture.Full()
	var id timesheet.ID
	for _, step := range []struct {
		name    string
		row     intake.Row
		want    timesheet.Outcome
		version int
	}{
		{"new", row, timesheet.OutcomeCreated, 1},
		{"the same", row, timesheet.OutcomeUnchanged, 1},
		{"an older one", office.Row("1", office.Hours("5"), func(r *intake.Row) { r.SourceUpdatedAt = office.Stamp(0) }), timesheet.OutcomeUnchanged, 1},
		{"a newer one", office.Row("1", office.Hours("7"), office.Stamped(2)), timesheet.OutcomeUpdated, 2},
		{"a newer stamp", office.Row("1", office.Hours("7"), office.Stamped(3)), timesheet.OutcomeUnchanged, 2},
	} {
		entry, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, step.row, false)
		if err != nil || outcome != step.want {
			t.Fatalf("%s: %s, %v; want %s", step.name, outcome, err, step.want)
		}
		if diff := cmp.Diff(o.Held(t, "1").Snapshot(), entry.Snapshot(), plain); diff != "" {
			t.Errorf("%s (-stored +answered)\n%s", step.name, diff)
		}
		if s := entry.Snapshot(); s.Version != step.version || !s.ImportID.IsZero() || !id.IsZero() && s.ID != id {
			t.Errorf("%s: %+v", step.name, s)
		}
		id = entry.ID()
	}
	if n := o.Count(t, `SELECT count(*) FROM imports`); n != 0 {
		t.Errorf("%d runs: an object makes none", n)
	}
}

func TestAnObjectWithoutAKeyCanBeRepeated(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), "", office.Row(""), false)
	if err != nil || outcome != timesheet.OutcomeCreated || first.Snapshot().Origin.Source != "upload" {
		t.Fatalf("%+v, %s, %v", first.Snapshot(), outcome, err)
	}
	again, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), "", office.Row(""), false)
	if err != nil || outcome != timesheet.OutcomeUnchanged || again.ID() != first.ID() {
		t.Errorf("%s, %s, %v", again.ID(), outcome, err)
	}
}

func TestARefusedObjectIsAFault(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{LockBefore: "2026-11-01"})
	o.Receive(t, office.Row("full", office.Hours("24")))
	for _, tt := range []struct {
		name, code, pointer string
		row                 intake.Row
	}{
		{"a member", "required", "/project", office.Row("1", office.Project(""))},
		{"the date", "date_out_of_range", "/date", office.Row("1", office.On("1999-12-31"))},
		{"the period", "period_closed", "/date", office.Row("1", office.On("2026-10-31"))},
		{"the day", "day_over_24h", "/hours", office.Row("1", office.Hours("1"))},
		{"the worker", "unknown_worker", "/worker", office.Row("1", office.By(intake.WorkerRef{Email: "x@y"}))},
		{"the key", "reserved", "/external_id", office.Row("~1")},
		{"what the reader found", "not_a_date", "/date", office.Row("1", office.Unreadable("not_a_date"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				entry, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, tt.row, dry)
				f := fault.Of(err)
				if !errors.Is(err, fault.Invalid) || f.Code != tt.code || len(f.Fields) != 1 || f.Fields[0].Pointer != tt.pointer || f.Fields[0].Code != tt.code {
					t.Errorf("dry %v: got %v", dry, err)
				}
				if outcome != timesheet.OutcomeRejected || !entry.ID().IsZero() {
					t.Errorf("dry %v: %s, %s", dry, outcome, entry.ID())
				}
			}
		})
	}
	if n := o.Count(t, `SELECT count(*) FROM import_rows`); n != 0 {
		t.Errorf("%d rows are kept: who sends an object reads the answer", n)
	}
}

func TestAnObjectInConflictNamesItsCorrection(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"))
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "1").ID(), nil); err != nil {
		t.Fatal(err)
	}
	one := func(dry bool) (timesheet.Outcome, *fault.Error) {
		_, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("1", office.Hours("7")), dry)
		return outcome, fault.Of(err)
	}
	if outcome, f := one(true); f.Kind != fault.Conflict || f.Code != "entry_approved" || f.Extra["correction_id"] != "" || outcome != timesheet.OutcomeConflict {
		t.Errorf("dry: %s, %v, %v", outcome, f, f.Extra)
	}
	outcome, f := one(false)
	if f.Kind != fault.Conflict || f.Code != "entry_approved" || outcome != timesheet.OutcomeConflict {
		t.Fatalf("%s, %v", outcome, f)
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open' AND id::text = $1`, f.Extra["correction_id"]); n != 1 {
		t.Errorf("the correction %q is not there", f.Extra["correction_id"])
	}
	for _, dry := range []bool{true, false} {
		if _, again := one(dry); again.Extra["correction_id"] != f.Extra["correction_id"] {
			t.Errorf("dry %v, again: %v", dry, again.Extra)
		}
	}
}

func TestADryObjectWritesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	entry, outcome, err := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), office.Source, office.Row("1"), true)
	if err != nil || outcome != timesheet.OutcomeCreated || entry.Snapshot().Content.Project != "Website" {
		t.Errorf("%+v, %s, %v", entry.Snapshot(), outcome, err)
	}
	if left := o.Footprint(t); len(left) > 0 {
		t.Errorf("something was written: %v", left)
	}
}
