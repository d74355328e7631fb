package intake_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// kept gives all rows that are kept of a run, read in pages of three.
func kept(t *testing.T, o *office.Office, run timesheet.ID) []intake.KeptRow {
	t.Helper()
	var all []intake.KeptRow
	for place, more := intake.FirstRow, true; more; {
		var page []intake.KeptRow
		var err error
		if page, more, err = o.Lookback.Rows(t.Context(), fixture.Job(), run, place, 3); err != nil {
			t.Fatal(err)
		}
		if len(page) > 3 || more && len(page) < 3 {
			t.Fatalf("a page of 3 has %d rows, more: %v", len(page), more)
		}
		if len(page) > 0 {
			place = intake.RowPlace{Part: page[len(page)-1].Part, Index: page[len(page)-1].Index}
		}
		all = append(all, page...)
	}
	return all
}

func TestPoisonRowsDoNotSpoilTheirNeighbours(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	poison := []func(*intake.Row){
		office.Unreadable("malformed_json"), office.Project(""), office.Project("\x00"), office.Project("\xff"), office.Of(""), office.Of("\x00"),
		office.Of(strings.Repeat("x", 256)), office.On("1999-12-31"), office.On("9999-12-31"), office.On("1970-01-01"), from("other"),
		func(r *intake.Row) { r.Content.Duration = timesheet.Duration{} },
		func(r *intake.Row) { r.Content.Day = timesheet.Day{} },
		func(r *intake.Row) { r.Content.Tags = []string{""} },
		func(r *intake.Row) { r.Content.TimeZone = "\x00" },
		func(r *intake.Row) { r.Text = nil; r.Content.Description = strings.Repeat("y", 2001) },
		func(r *intake.Row) { r.Text = []byte("\x00\xff not text at all"); r.Content.Task = "\x00" },
		func(r *intake.Row) {
			r.Problem = &intake.Problem{Code: "unknown_member", Field: "/a\x00\xff" + strings.Repeat("é", 1<<14), Detail: "There is no member a\x00\xff."}
		},
	}
	var rows []intake.Row
	for i, spoil := range poison {
		day := fixture.Friday.Add(-i).String()
		rows = append(rows, office.Row(fmt.Sprint("good ", i), office.On(day)), office.Row(fmt.Sprint("bad ", i), spoil))
	}
	r := o.Receive(t, rows...)
	if r.Created != len(poison) || r.Rejected != len(poison) {
		t.Fatalf("got %s", office.Outcomes(r))
	}
	all := kept(t, o, r.ImportID)
	if len(all) != len(poison) {
		t.Fatalf("%d of %d refused rows are kept", len(all), len(poison))
	}
	for i, k := range all {
		row, result := rows[2*i+1], r.Results[2*i+1]
		if diff := cmp.Diff(result, k.Result); diff != "" {
			t.Errorf("row %d (-reported +kept)\n%s", i, diff)
		}
		if k.ExternalID != row.ExternalID || !bytes.Equal(k.Text, row.Text) || k.TextTruncated || k.Source != office.Source || k.Digest.IsZero() || !k.At.Equal(fixture.Now) {
			t.Errorf("row %d is kept as %+v", i, k)
		}
		if len(k.Problem.Field) > 3100 || len(k.Problem.Detail) > 3100 {
			t.Errorf("row %d: the problem takes %d bytes", i, len(k.Problem.Field)+len(k.Problem.Detail))
		}
	}
	if second := o.Receive(t, rows...); second.Unchanged != len(poison) || second.Rejected != len(poison) || strings.Count(office.Outcomes(second), "!") != len(poison) {
		t.Errorf("again: %s", office.Outcomes(second))
	}
}

func TestAProblemIsKnownByKeyCodeAndContent(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("full", office.Hours("24")))
	for _, step := range []struct {
		name string
		row  intake.Row
		want string
	}{
		{"refused for the first time", office.Row("1", office.Hours("1")), "rejected:day_over_24h"},
		{"the same again", office.Row("1", office.Hours("1")), "rejected:day_over_24h!"},
		{"written in another way", office.Row("1", office.Hours("1"), func(r *intake.Row) { r.Text = []byte("{}") }), "rejected:day_over_24h!"},
		{"another content", office.Row("1", office.Hours("2")), "rejected:day_over_24h"},
		{"another key", office.Row("2", office.Hours("1")), "rejected:day_over_24h"},
		{"another code", office.Row("1", office.Hours("1"), from("toggl")), "rejected:source_mismatch"},
		{"a row that cannot be read, by its text", office.Row("1", office.Unreadable("not_a_date")), "rejected:not_a_date"},
		{"the same text", office.Row("1", office.Unreadable("not_a_date")), "rejected:not_a_date!"},
		{"another text", office.Row("1", office.Unreadable("not_a_date"), func(r *intake.Row) { r.Text = []byte("{}") }), "rejected:not_a_date"},
		{"without a key", office.Row("", office.Unreadable("malformed_json")), "rejected:malformed_json"},
		{"the same without a key", office.Row("", office.Unreadable("malformed_json")), "rejected:malformed_json!"},
	} {
		if got := office.Outcomes(o.Receive(t, step.row)); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
}

func TestAConflictIsKnownWithItsCorrection(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	o.Receive(t, office.Row("1"))
	if _, err := o.Decider.Approve(t.Context(), fixture.Approver("bob"), o.Held(t, "1").ID(), nil); err != nil {
		t.Fatal(err)
	}
	first := o.Receive(t, office.Row("1", office.Hours("7")))
	again := o.Receive(t, office.Row("1", office.Hours("7")))
	other := o.Receive(t, office.Row("1", office.Hours("6")))
	if got, want := office.Outcomes(first)+" "+office.Outcomes(again)+" "+office.Outcomes(other), "conflict:entry_approved conflict:entry_approved! conflict:entry_approved"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	id := first.Results[0].CorrectionID
	for _, r := range []intake.Report{first, again, other} {
		rows := kept(t, o, r.ImportID)
		if len(rows) != 1 || rows[0].CorrectionID != id || r.Results[0].CorrectionID != id || id.IsZero() || rows[0].Known != r.Results[0].Known {
			t.Errorf("reported %+v, kept %+v", r.Results, rows)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM corrections WHERE state = 'open' AND id = $1 AND seconds = 21600 AND import_id = $2`, id, other.ImportID); n != 1 {
		t.Error("the correction does not propose the last revision")
	}
}

func TestTheTextOfARowIsKeptUpToItsBounds(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	of := func(bytes int) func(*intake.Row) {
		return func(r *intake.Row) { r.Text = []byte(strings.Repeat("x", bytes)) }
	}
	bad := office.Unreadable("not_a_date")
	rows := []intake.Row{
		office.Row("16 KiB", bad, of(16<<10)), office.Row("one more", bad, of(16<<10+1)), office.Row("64 KiB", bad, of(64<<10)), office.Row("empty", bad, of(0)),
	}
	// 16 KiB are taken; 639 × 16 KiB more make 10 MiB.
	for i := range 638 {
		rows = append(rows, office.Row(fmt.Sprint("filling ", i), bad, of(16<<10)))
	}
	rows = append(rows, office.Row("but one", bad, of(16<<10-1)), office.Row("too much", bad, of(2)), office.Row("the last byte", bad, of(1)), office.Row("over", bad, of(1)))
	r := o.Receive(t, rows...)
	if r.Rejected != len(rows) {
		t.Fatalf("got %+v", r.Counts)
	}
	var truncated []string
	total := 0
	for place, more := intake.FirstRow, true; more; {
		var page []intake.KeptRow
		var err error
		if page, more, err = o.Lookback.Rows(t.Context(), fixture.Job(), r.ImportID, place, intake.MaxPage+1); err != nil || len(page) > intake.MaxPage {
			t.Fatalf("%d rows, %v", len(page), err)
		}
		room := intake.MaxPageText
		for _, k := range page {
			total += len(k.Text)
			if room -= len(k.Text); room < 0 {
				t.Errorf("a page of %d rows has more text than one may have", len(page))
			}
			if k.TextTruncated {
				truncated = append(truncated, k.ExternalID)
			}
			place = intake.RowPlace{Part: k.Part, Index: k.Index}
		}
	}
	if want := []string{"one more", "64 KiB", "too much", "over"}; !slices.Equal(truncated, want) || total != intake.MaxKeptTextRun {
		t.Errorf("%d bytes are kept, without the text are %q; want %d and %q", total, truncated, intake.MaxKeptTextRun, want)
	}
	if again := o.Receive(t, rows[1], rows[0]); office.Outcomes(again) != "rejected:not_a_date! rejected:not_a_date!" {
		t.Errorf("a row whose text was not kept is known by its digest all the same: %s", office.Outcomes(again))
	}
}

func TestWhoMayLookBack(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	run := o.Receive(t, office.Row("1", office.Project(""))).ImportID
	machines := fixture.Approver("robot")
	machines.Kind = identity.Machine
	for _, tt := range []struct {
		name string
		by   identity.Principal
		want string
	}{
		{"the job", fixture.Job(), ""},
		{"an approver", fixture.Approver("bob"), ""},
		{"a person", fixture.Person("ann"), "insufficient_scope"},
		{"a machine that reads", fixture.Machine(identity.ReadTimesheets), "insufficient_scope"},
		{"a machine that says it approves", machines, "insufficient_scope"},
		{"the job of another organisation", fixture.Of("other", fixture.Job()), "not_found"},
		{"an approver of another organisation", fixture.Of("other", fixture.Approver("bob")), "not_found"},
	} {
		_, one := o.Lookback.Import(t.Context(), tt.by, run)
		_, _, rows := o.Lookback.Rows(t.Context(), tt.by, run, intake.FirstRow, 10)
		if codeOf(one) != tt.want || codeOf(rows) != tt.want {
			t.Errorf("%s: the run %v, its rows %v; want %q", tt.name, one, rows, tt.want)
		}
	}
	if _, err := o.Lookback.Import(t.Context(), fixture.Job(), fixture.NewID()); codeOf(err) != "not_found" {
		t.Errorf("an unknown run: %v", err)
	}
}
