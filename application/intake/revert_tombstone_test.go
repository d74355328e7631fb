package intake_test

import (
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture/office"
)

// A tombstone is no entry of a closed period: what came back from it on an open
// day can be taken back.
func TestWhatCameBackOutOfAClosedPeriodCanBeTakenBack(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1", office.On("2026-10-31")))
	complete(t, o, begin(t, o, mirror, days("2026-10-01", "2026-11-30")), allowEmpty)
	back := o.Receive(t, office.Row("1", office.On("2026-11-19"), office.Hours("2")))
	if back.Created != 1 {
		t.Fatal(told(back))
	}
	locked := o.With(office.Settings{LockBefore: "2026-11-01"})
	if r := revert(t, locked, back.ImportID); r.Counts != (intake.Counts{Deleted: 1}) {
		t.Errorf("it did %+v, left are %s", r.Counts, told(r))
	}
	if s := o.Held(t, "1").Snapshot(); s.Deletion != timesheet.ByMirror || s.Content.Day.String() != "2026-10-31" {
		t.Errorf("it is %+v", s)
	}
}
