package intake_test

import (
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// 8@2 in a name are eight hours with the second stamp.
func TestOfTheRowsOfAKeyTheLastRevisionWins(t *testing.T) {
	t.Parallel()
	row := func(hours string, stamp int, edits ...func(*intake.Row)) intake.Row {
		r := office.Row("1", append([]func(*intake.Row){office.Hours(hours)}, edits...)...)
		if stamp > 0 {
			r.SourceUpdatedAt = office.Stamp(stamp)
		}
		return r
	}
	const (
		created    = "created"
		superseded = "unchanged:superseded"
	)
	for _, tt := range []struct {
		name  string
		rows  []intake.Row
		want  string
		hours string
	}{
		{"7 8: without stamps the later position", []intake.Row{row("7", 0), row("8", 0)}, superseded + " " + created, "8"},
		{"7@1 8@2: the later stamp", []intake.Row{row("7", 1), row("8", 2)}, superseded + " " + created, "8"},
		{"7@2 8@1: the later stamp, before", []intake.Row{row("7", 2), row("8", 1)}, created + " " + superseded, "7"},
		{"7@1 8@1: equal stamps, the later position", []intake.Row{row("7", 1), row("8", 1)}, superseded + " " + created, "8"},
		{"7@2 8: one stamp, the later position", []intake.Row{row("7", 2), row("8", 0)}, superseded + " " + created, "8"},
		{"7 8@1: one stamp, the later position", []intake.Row{row("7", 0), row("8", 1)}, superseded + " " + created, "8"},
		{"8 8: the same twice", []intake.Row{row("8", 0), row("8", 0)}, superseded + " " + created, "8"},
		{"6@3 7@1 8@2: the first", []intake.Row{row("6", 3), row("7", 1), row("8", 2)}, created + " " + superseded + " " + superseded, "6"},
		{"6@1 7@3 8@2: the one in the middle", []intake.Row{row("6", 1), row("7", 3), row("8", 2)}, superseded + " " + created + " " + superseded, "7"},
		{"a row that cannot be taken does not take part", []intake.Row{row("7", 0), row("8", 0, office.Project(""))}, created + " rejected:required", "7"},
		{"nor one of another source", []intake.Row{row("7", 0), row("8", 9, from("toggl"))}, created + " rejected:source_mismatch", "7"},
		{"nor one of nobody", []intake.Row{row("7", 0), row("8", 0, office.By(intake.WorkerRef{Email: "x@y"}))}, created + " rejected:unknown_worker", "7"},
		{"rows of other keys stand between them", []intake.Row{row("7", 0), office.Row("2", office.Hours("1")), row("8", 0)}, superseded + " created " + created, "8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			r := o.Receive(t, tt.rows...)
			if got := office.Outcomes(r); got != tt.want {
				t.Fatalf("got %s, want %s", got, tt.want)
			}
			entry := o.Held(t, "1")
			if got := entry.Snapshot().Content.Duration; got != fixture.Hours(tt.hours) {
				t.Errorf("the entry has %s h", got.Hours())
			}
			for i, result := range r.Results {
				if result.Code == string(timesheet.Superseded) && result.ID != entry.ID() {
					t.Errorf("row %d names the entry %s, not %s", i, result.ID, entry.ID())
				}
			}
			if again := o.Receive(t, tt.rows...); again.Created+again.Updated > 0 {
				t.Errorf("the same request again: %s", office.Outcomes(again))
			}
		})
	}
}

// A row without a stamp leaves the last known stamp standing, also that of a
// row which it replaces in the same request.
func TestTheStampOfASupersededRowStands(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	stamped := func(hours string, stamp int) intake.Row {
		r := office.Row("1", office.Hours(hours))
		r.SourceUpdatedAt = office.Stamp(stamp)
		return r
	}
	o.Receive(t, stamped("7", 3), office.Row("1", office.Hours("8")))
	if got := o.Held(t, "1").Snapshot().Received.SourceUpdatedAt; !got.Equal(office.Stamp(3)) {
		t.Errorf("the last known stamp is %s", got)
	}
	for _, tt := range []struct {
		row  intake.Row
		want string
	}{
		{stamped("6", 2), "unchanged:stale"},
		{office.Row("1", office.Hours("5")), "updated"},
		{stamped("4", 4), "updated"},
	} {
		if got := office.Outcomes(o.Receive(t, tt.row)); got != tt.want {
			t.Errorf("%s h: got %s, want %s", tt.row.Content.Duration.Hours(), got, tt.want)
		}
	}
}

func TestASupersededRowNamesWhatBecameOfItsKey(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"), office.Row("2", office.On("2026-11-19")), office.Row("full", office.On("2026-11-18"), office.Hours("24")))
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "2").ID(), nil); err != nil {
		t.Fatal(err)
	}
	rows := []intake.Row{
		office.Row("1", office.Hours("7")), office.Row("1"), // the last is what was received
		office.Row("2", office.On("2026-11-19"), office.Hours("7")), office.Row("2", office.On("2026-11-19"), office.Hours("6")), // a conflict
		office.Row("3", office.On("2026-11-18"), office.Hours("1")), office.Row("3", office.On("2026-11-18"), office.Hours("2")), // no room
	}
	r := o.Receive(t, rows...)
	want := "unchanged:superseded unchanged unchanged:superseded conflict:entry_approved unchanged:superseded rejected:day_over_24h"
	if got := office.Outcomes(r); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for i, want := range []timesheet.ID{o.Held(t, "1").ID(), o.Held(t, "1").ID(), o.Held(t, "2").ID(), o.Held(t, "2").ID(), {}, {}} {
		if got := r.Results[i].ID; got != want {
			t.Errorf("row %d names %s, want %s", i, got, want)
		}
	}
}

// The last known stamp outlives rows that have none, within a request as from
// one request to the next.
func TestAStampedRowIsNotOvertakenByAnOlderOneThroughOneWithoutAStamp(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	rows := []intake.Row{
		office.Row("1", office.Hours("5"), office.Stamped(2)), office.Row("1", office.Hours("6")), office.Row("1", office.Hours("7"), office.Stamped(1)),
	}
	if got, want := office.Outcomes(o.Receive(t, rows...)), "unchanged:superseded created unchanged:superseded"; got != want {
		t.Errorf("in one request: got %s, want %s", got, want)
	}
	apart := office.Open(t, office.Settings{})
	var got []string
	for _, row := range rows {
		got = append(got, office.Outcomes(apart.Receive(t, row)))
	}
	if want := "created updated unchanged:stale"; got[0]+" "+got[1]+" "+got[2] != want {
		t.Errorf("one by one: got %v, want %s", got, want)
	}
	for name, o := range map[string]*office.Office{"in one request": o, "one by one": apart} {
		if d := o.Held(t, "1").Snapshot().Content.Duration; d != fixture.Hours("6") {
			t.Errorf("%s the entry has %s h", name, d.Hours())
		}
	}
}
