package intake_test

import (
	"strings"
	"testing"
	"time"

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
