package intake_test

import (
	"testing"

	"timesheets/application/intake"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// Tables that nobody has analyzed yet tempt the planner to read all of the
// manifest for each entry: then neither step ends before its statements are
// cancelled.
func TestAMirrorOfManyKeysIsCompletedAndReverted(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	o := office.Open(t, office.Settings{})
	const parts = 4
	run := begin(t, o, mirror)
	for part := range parts {
		bring(t, o, run, part+1, office.Rows(intake.MaxRows, func(_ int, r *intake.Row) {
			tiny(r)
			r.ExternalID = string(rune('a'+part)) + r.ExternalID
			r.Content.UserID = string(rune('a' + part))
			r.Content.Day = fixture.Day("2026-11-18")
		})...)
	}
	if ended := complete(t, o, run); ended.Created != parts*intake.MaxRows || ended.Deleted != 0 {
		t.Errorf("the run created %d and deleted %d", ended.Created, ended.Deleted)
	}
	report, err := o.Reverter.Revert(t.Context(), fixture.Job(), run.ID)
	if err != nil || report.Deleted != parts*intake.MaxRows {
		t.Errorf("the revert deleted %d: %v", report.Deleted, err)
	}
}
