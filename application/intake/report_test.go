package intake_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestTheSameBatchTwiceIsTakenOnce(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	rows := office.Rows(5000, func(i int, r *intake.Row) {
		r.Content = fixture.Full()
		r.Content.Day, r.Content.Duration = r.Content.Day.Add(-i%400), fixture.Hours("0.01")
		r.Content.Tags = []string{fmt.Sprint("tag ", i%3), "a"}
	})
	if r := o.Receive(t, rows...); r.Created != 5000 || r.Received != 5000 {
		t.Fatalf("first: %+v", r.Counts)
	}
	once := o.Footprint(t)
	for i := range rows {
		rows[i].Content.Tags = []string{"a", rows[i].Content.Tags[0]}
	}
	second := o.Receive(t, rows...)
	if second.Unchanged != 5000 {
		t.Fatalf("second: %+v", second.Counts)
	}
	once["imports"]++ // each upload is a run of its own
	if diff := cmp.Diff(once, o.Footprint(t)); diff != "" {
		t.Errorf("written for nothing (-want +got)\n%s", diff)
	}
	if id := second.Results[77].ID; id != o.Held(t, "77").ID() {
		t.Errorf("an unchanged row has the id %s of its entry %s", id, o.Held(t, "77").ID())
	}
}

func TestARunIsRecordedWithItsCounts(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"), office.Row("2", office.On("2026-11-19")))
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "2").ID(), nil); err != nil {
		t.Fatal(err)
	}
	r := o.Receive(t, office.Row("1", office.Hours("7")), office.Row("2", office.On("2026-11-19"), office.Hours("7")), office.Row("3", office.On("2026-11-18")),
		office.Row("3", office.On("2026-11-18")), office.Row("4", office.Project("")))
	if got, want := office.Outcomes(r), "updated conflict:entry_approved unchanged:superseded created rejected:required"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	recorded, err := o.Lookback.Import(t.Context(), fixture.Job(), r.ImportID)
	if err != nil {
		t.Fatal(err)
	}
	want := intake.Counts{Received: 5, Created: 1, Updated: 1, Unchanged: 1, Conflicts: 1, Rejected: 1}
	if recorded.Counts != want || r.Counts != want {
		t.Errorf("recorded %+v, reported %+v, want %+v", recorded.Counts, r.Counts, want)
	}
	if recorded.ID != r.ImportID || recorded.Source != office.Source || recorded.State != intake.Completed || recorded.Mode != intake.Upsert ||
		recorded.DryRun || recorded.CreatedBy != "import-job" || !recorded.StartedAt.Equal(fixture.Now) || !recorded.EndedAt.Equal(fixture.Now) {
		t.Errorf("recorded %+v", recorded)
	}
	if got := o.Held(t, "1").Snapshot().ImportID; got != r.ImportID {
		t.Errorf("the entry names the run %s, want %s", got, r.ImportID)
	}
}

func TestAnUploadWithoutRowsIsARunOfNothing(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	if r := o.Receive(t); r.Received != 0 || r.ImportID.IsZero() {
		t.Errorf("got %+v", r)
	}
	if diff := cmp.Diff(map[string]int{"imports": 1}, o.Footprint(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOnlyMachinesWithTheScopeUpload(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	bold := fixture.Person("ann")
	bold.Scopes = append(bold.Scopes, identity.BatchUpload)
	for _, tt := range []struct {
		name string
		by   identity.Principal
		want string
	}{
		{"a machine with another scope", fixture.Machine(identity.ReadTimesheets, identity.CreateTimesheets), "insufficient_scope"},
		{"a person", fixture.Person("ann"), "insufficient_scope"},
		{"an approver", fixture.Approver("bob"), "insufficient_scope"},
		{"a person whose token has the scope", bold, "machines_only"},
		{"nobody", identity.Principal{}, "insufficient_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, many := o.Receiver.Receive(t.Context(), tt.by, intake.Upload{Rows: []intake.Row{office.Row("1")}})
			_, _, one := o.Receiver.ReceiveOne(t.Context(), tt.by, "", office.Row("1"), false)
			_, dry := o.Receiver.Receive(t.Context(), tt.by, intake.Upload{Rows: []intake.Row{office.Row("1")}, DryRun: true})
			for how, err := range map[string]error{"many": many, "one": one, "dry": dry} {
				if !errors.Is(err, fault.Forbidden) || fault.Of(err).Code != tt.want {
					t.Errorf("%s: got %v, want %s", how, err, tt.want)
				}
			}
		})
	}
	if left := o.Footprint(t); len(left) > 0 {
		t.Errorf("something was written: %v", left)
	}
}

func TestARequestHasAtMost5000Rows(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	_, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Rows: make([]intake.Row, intake.MaxRows+1)})
	if !errors.Is(err, fault.TooLarge) || fault.Of(err).Code != "too_many_rows" {
		t.Errorf("got %v, want too_many_rows", err)
	}
	if left := o.Footprint(t); len(left) > 0 {
		t.Errorf("something was written: %v", left)
	}
}

func TestEveryMemberOfAnEntryComesBackAsItWasSent(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	sparse, full := office.Row("sparse"), office.Row("full", office.Stamped(1))
	sparse.Content.Billable = false
	full.Content = fixture.Full()
	full.Content.Day, full.Content.Tags = fixture.Day("2026-11-19"), []string{"ü\"\\", "\x01\u2028", "a"}
	full.Content.Description = "line\r\n\ttab \U0001f600 \\N ' \" \\."
	r := o.Receive(t, sparse, full)
	for i, row := range []intake.Row{sparse, full} {
		want := timesheet.Snapshot{
			ID: r.Results[i].ID, Origin: timesheet.Origin{Source: office.Source, ExternalID: row.ExternalID}, Content: row.Content, Status: timesheet.Pending,
			Version: 1, Change: timesheet.WasCreated, CreatedAt: fixture.Now, CreatedBy: "import-job", UpdatedAt: fixture.Now, UpdatedBy: "import-job",
			ImportID: r.ImportID, Received: timesheet.Received{Digest: row.Content.Digest(), SourceUpdatedAt: row.SourceUpdatedAt},
		}
		if diff := cmp.Diff(want, o.Held(t, row.ExternalID).Snapshot(), plain); diff != "" {
			t.Errorf("created %s (-want +got)\n%s", row.ExternalID, diff)
		}
	}
	// What an update writes takes another way than what is new.
	sparse.Content, full.Content = full.Content, sparse.Content
	second := o.Receive(t, sparse, full)
	if got, want := office.Outcomes(second), "updated updated"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for i, row := range []intake.Row{sparse, full} {
		s := o.Held(t, row.ExternalID).Snapshot()
		if diff := cmp.Diff(row.Content, s.Content, plain); diff != "" {
			t.Errorf("updated %s (-want +got)\n%s", row.ExternalID, diff)
		}
		if s.ID != r.Results[i].ID || s.ImportID != second.ImportID || s.Version != 2 || s.Received.Digest != row.Content.Digest() {
			t.Errorf("updated %s: %+v", row.ExternalID, s)
		}
	}
}
