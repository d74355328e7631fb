package intake_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// A dry run of every kind of row says what the real one says afterwards, and
// leaves nothing but its record and its problem rows.
func TestADryRunSaysTheSameAndWritesNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{LockBefore: "2026-11-01"})
	o.Receive(t, office.Row("same"), office.Row("update", office.On("2026-11-19")), office.Row("edited", office.On("2026-11-18")),
		office.Row("stale", office.On("2026-11-17"), office.Stamped(2)), office.Row("proposed", office.On("2026-11-16")), office.Row("full", office.On("2026-11-15"), office.Hours("24")))
	for _, key := range []string{"edited", "proposed"} {
		if err := o.Recorder.Withdraw(t.Context(), fixture.Person("ann"), o.Held(t, key).ID(), nil); err != nil {
			t.Fatal(err)
		}
	}
	o.Receive(t, office.Row("proposed", office.On("2026-11-16"), office.Hours("7")))
	rows := []intake.Row{
		office.Row("same"), office.Row("same", office.Stamped(1)), office.Row("update", office.On("2026-11-19"), office.Hours("7")),
		office.Row("new", office.On("2026-11-14")), office.Row("newcomer", office.Of("zoe")), office.Row("", office.On("2026-11-13")),
		office.Row("edited", office.On("2026-11-18"), office.Hours("7")), office.Row("stale", office.Hours("7"), office.Stamped(1)),
		office.Row("proposed", office.On("2026-11-16"), office.Hours("7")), office.Row("over", office.On("2026-11-15"), office.Hours("1")),
		office.Row("closed", office.On("2026-10-31")), office.Row("bad", office.Project("")), office.Row("nobody", office.By(intake.WorkerRef{Email: "x@y"})),
		office.Row("twice", office.On("2026-11-12")), office.Row("twice", office.On("2026-11-12"), office.Hours("7")),
	}
	before := o.Footprint(t)
	dry, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, Rows: rows, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	office.Balanced(t, dry)
	if !dry.DryRun || dry.ImportID.IsZero() {
		t.Errorf("the report is of the run %s, dry: %v", dry.ImportID, dry.DryRun)
	}
	before["imports"]++
	before["import_rows"] += dry.Conflicts + dry.Rejected
	if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
		t.Errorf("the dry run wrote (-want +got)\n%s", diff)
	}
	if got := o.Held(t, "same").Snapshot().Received.SourceUpdatedAt; !got.IsZero() {
		t.Errorf("the dry run kept the stamp %s", got)
	}
	recorded, err := o.Lookback.Import(t.Context(), fixture.Job(), dry.ImportID)
	if err != nil || !recorded.DryRun || recorded.Counts != dry.Counts {
		t.Errorf("recorded %+v, %v", recorded, err)
	}
	for i, r := range dry.Results {
		exists := r.Outcome != timesheet.OutcomeRejected && r.Outcome != timesheet.OutcomeCreated && r.ExternalID != "twice"
		if exists == r.ID.IsZero() {
			t.Errorf("row %d (%s, %s) names the entry %s", i, r.ExternalID, r.Outcome, r.ID)
		}
		if proposed := r.ExternalID == "proposed"; proposed == r.CorrectionID.IsZero() {
			t.Errorf("row %d (%s, %s) names the correction %s", i, r.ExternalID, r.Outcome, r.CorrectionID)
		}
	}
	real := o.Receive(t, rows...)
	if diff := cmp.Diff(office.Outcomes(real), office.Outcomes(dry)); diff != "" {
		t.Errorf("(-real +dry)\n%s", diff)
	}
	if real.Counts != dry.Counts {
		t.Errorf("the real run counts %+v, the dry one %+v", real.Counts, dry.Counts)
	}
}

func TestAProblemOfADryRunIsNotKnownAfterwards(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	bad := office.Row("bad", office.Project(""))
	dry := func() string {
		r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: office.Source, Rows: []intake.Row{bad}, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		return office.Outcomes(r)
	}
	got := []string{dry(), dry(), office.Outcomes(o.Receive(t, bad)), dry()}
	if diff := cmp.Diff([]string{"rejected:required", "rejected:required", "rejected:required", "rejected:required!"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
