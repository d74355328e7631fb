package intake_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

func TestARequestWithoutKeysCanBeRepeated(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	short := office.Hours("1")
	rows := []intake.Row{
		office.Row("", short), office.Row("", short), office.Row("", short, office.Project("Shop")), office.Row("", short),
		office.Row("", short, office.Of("bob")),
	}
	first := o.Receive(t, rows...)
	if got, want := office.Outcomes(first), "created created created created created"; got != want {
		t.Fatalf("equal rows in one request are as many entries: got %s", got)
	}
	for _, r := range first.Results {
		if !strings.HasPrefix(r.ExternalID, timesheet.MadePrefix) || len(r.ExternalID) > 255 {
			t.Errorf("the made id is %q", r.ExternalID)
		}
	}
	second := o.Receive(t, rows...)
	if got, want := office.Outcomes(second), "unchanged unchanged unchanged unchanged unchanged"; got != want {
		t.Fatalf("repeating the request: got %s, want %s", got, want)
	}
	for i := range rows {
		if first.Results[i].ExternalID != second.Results[i].ExternalID || first.Results[i].ID != second.Results[i].ID {
			t.Errorf("row %d: first %+v, second %+v", i, first.Results[i], second.Results[i])
		}
	}
}

func TestWhatAMadeKeyIsMadeOf(t *testing.T) {
	t.Parallel()
	base := func() intake.Row {
		return office.Row("", office.Hours("1"), func(r *intake.Row) {
			r.Content.Task, r.Content.Description, r.Content.StartedAt = "Design", "Colours", fixture.Now
		})
	}
	for _, tt := range []struct {
		name string
		edit func(*intake.Row)
		same bool
	}{
		{"nothing changes", func(*intake.Row) {}, true},
		{"billable", func(r *intake.Row) { r.Content.Billable = false }, true},
		{"tags", func(r *intake.Row) { r.Content.Tags = []string{"a"} }, true},
		{"time zone", func(r *intake.Row) { r.Content.TimeZone = "Europe/Berlin" }, true},
		{"the stamp", office.Stamped(3), true},
		{"the start in another zone", func(r *intake.Row) { r.Content.StartedAt = fixture.Now.In(time.FixedZone("", 3600)) }, true},
		{"the worker as written", office.Of("bob"), false},
		{"the same worker written in another way", func(r *intake.Row) { r.WrittenUserID = "Ann" }, false},
		{"the date as written", func(r *intake.Row) { r.WrittenDate = "2026-11-20T09:00:00Z" }, false},
		{"another date", office.On("2026-11-19"), false},
		{"project", office.Project("Shop"), false},
		{"task", func(r *intake.Row) { r.Content.Task = "" }, false},
		{"description", func(r *intake.Row) { r.Content.Description += "." }, false},
		{"start", func(r *intake.Row) { r.Content.StartedAt = r.Content.StartedAt.Add(time.Second) }, false},
		{"no start", func(r *intake.Row) { r.Content.StartedAt = time.Time{} }, false},
		{"seconds", func(r *intake.Row) { r.Content.Duration = fixture.Seconds(3601) }, false},
		{"letters go from one member to the next", func(r *intake.Row) { r.Content.Project, r.Content.Task = "WebsiteD", "esign" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			before, changed := base(), base()
			tt.edit(&changed)
			first, second := o.Receive(t, before).Results[0].ExternalID, o.Receive(t, changed).Results[0].ExternalID
			if (first == second) != tt.same {
				t.Errorf("the keys are %s and %s", first, second)
			}
		})
	}
}

func TestEqualRowsInSeparateRequestsAreOneEntry(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	started := func(r *intake.Row) { r.Content.StartedAt = fixture.Now }
	for _, step := range []struct {
		name string
		rows []intake.Row
		want string
	}{
		{"one row", []intake.Row{office.Row("", office.Hours("1"))}, "created"},
		{"an equal row on its own is the same", []intake.Row{office.Row("", office.Hours("1"))}, "unchanged"},
		{"a second beside it is another", []intake.Row{office.Row("", office.Hours("1")), office.Row("", office.Hours("1"))}, "unchanged created"},
		{"what comes between does not count", []intake.Row{office.Row("", office.Hours("1")), office.Row("", office.Hours("2")), office.Row("", office.Hours("1"))}, "unchanged created unchanged"},
		{"a start tells them apart", []intake.Row{office.Row("", office.Hours("1"), started)}, "created"},
		{"a key tells them apart", []intake.Row{office.Row("mine", office.Hours("1"))}, "created"},
	} {
		if got := office.Outcomes(o.Receive(t, step.rows...)); got != step.want {
			t.Fatalf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != 5 {
		t.Errorf("%d entries", n)
	}
}

func TestWorkersNamedByTrackersHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	rows := []intake.Row{
		office.Row("", office.By(intake.WorkerRef{Source: "kimai", ID: "7"})), office.Row("", office.By(intake.WorkerRef{Source: "kimai", ID: "8"})),
		office.Row("", office.By(intake.WorkerRef{Source: "toggl", ID: "7"})), office.Row("", office.By(intake.WorkerRef{Email: "7"})),
		office.Row("", office.Of("7")), office.Row("", office.Of("kimai7")),
	}
	var keys []string
	for _, r := range o.Receive(t, rows...).Results {
		keys = append(keys, r.ExternalID)
	}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != len(rows) {
		t.Errorf("workers share a key: %v", keys)
	}
}

// A key that no column can hold, or that only the server makes, is refused
// like any other member that is wrong, whoever has read the row.
func TestAKeyThatCannotBeOneIsRefusedAlone(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	bad := []string{"~made", "a\x00b", "\xff", strings.Repeat("x", 256)}
	rows := []intake.Row{office.Row("good", office.Hours("1"))}
	for _, key := range bad {
		unreadable := office.Row(key, office.Unreadable("not_a_date"))
		rows = append(rows, office.Row(key, office.Hours("1")), unreadable)
	}
	r := o.Receive(t, rows...)
	want := "created rejected:reserved rejected:not_a_date rejected:nul rejected:not_a_date rejected:not_utf8 rejected:not_a_date rejected:length rejected:not_a_date"
	if got := office.Outcomes(r); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	for i, result := range r.Results[1:] {
		if result.ExternalID != "" {
			t.Errorf("row %d has the key %q, which is none", i+1, result.ExternalID)
		}
	}
	page, _, err := o.Lookback.Rows(t.Context(), fixture.Job(), r.ImportID, intake.FirstRow, 100)
	if err != nil || len(page) != 2*len(bad) {
		t.Errorf("%d rows are kept, %v", len(page), err)
	}
}
