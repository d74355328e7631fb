package intake_test

import (
	"errors"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// from names the source in the row.
func from(source string) func(*intake.Row) {
	return func(r *intake.Row) { r.Source = source }
}

func TestTheSourceOfARequest(t *testing.T) {
	t.Parallel()
	garbage := office.Unreadable("malformed_json")
	for _, tt := range []struct {
		name   string
		query  string
		rows   []intake.Row
		source string
		want   string
	}{
		{"the query's", "toggl", []intake.Row{office.Row("1"), office.Row("2", office.On("2026-11-19"), from("toggl"))}, "toggl", "created created"},
		{"else the first row's", "", []intake.Row{office.Row("1", from("toggl")), office.Row("2", office.On("2026-11-19"))}, "toggl", "created created"},
		{"else upload", "", []intake.Row{office.Row("1"), office.Row("2", office.On("2026-11-19"), from("upload"))}, "upload", "created created"},
		{"of no rows it is upload", "", nil, "upload", ""},
		{"a row that names another than the query", "toggl", []intake.Row{office.Row("1", from("kimai")), office.Row("2", from("toggl"))}, "toggl",
			"rejected:source_mismatch created"},
		{"a row that names another than the first", "", []intake.Row{office.Row("1", from("kimai")), office.Row("2", from("toggl")), office.Row("1", from("kimai"))}, "kimai",
			"unchanged:superseded rejected:source_mismatch created"},
		{"a row that names one where the first names none", "", []intake.Row{office.Row("1"), office.Row("2", from("toggl"))}, "upload", "created rejected:source_mismatch"},
		{"a first row that cannot be read says nothing", "", []intake.Row{office.Row("", garbage), office.Row("1", from("toggl")), office.Row("2", from("kimai"))}, "toggl",
			"rejected:malformed_json created rejected:source_mismatch"},
		{"a first row with another mistake does", "", []intake.Row{office.Row("0", from("toggl"), garbage), office.Row("1", from("kimai")), office.Row("2")}, "toggl",
			"rejected:malformed_json rejected:source_mismatch created"},
		{"a first row may not name the reserved one", "", []intake.Row{office.Row("0", from("api")), office.Row("1", from("toggl"))}, "toggl",
			"rejected:source_reserved created"},
		{"nor one that is none", "", []intake.Row{office.Row("0", from("No Source")), office.Row("1")}, "upload", "rejected:not_a_source created"},
		{"no row may name the reserved one", "toggl", []intake.Row{office.Row("0", from("api")), office.Row("1", from("no source"))}, "toggl",
			"rejected:source_reserved rejected:not_a_source"},
		{"only unreadable rows", "", []intake.Row{office.Row("", garbage)}, "upload", "rejected:malformed_json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := office.Open(t, office.Settings{})
			r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: tt.query, Rows: tt.rows})
			if err != nil {
				t.Fatal(err)
			}
			office.Balanced(t, r)
			if got := office.Outcomes(r); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			recorded, err := o.Lookback.Import(t.Context(), fixture.Job(), r.ImportID)
			if err != nil || recorded.Source != tt.source {
				t.Errorf("the run is of %q, %v; want %q", recorded.Source, err, tt.source)
			}
			if n := o.Count(t, `SELECT count(*) FROM entries WHERE source <> $1`, tt.source); n > 0 {
				t.Errorf("%d entries are of another source", n)
			}
		})
	}
}

func TestAQueryThatNamesNoSourceIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for source, want := range map[string]string{"api": "source_reserved", "No": "not_a_source", "a b": "not_a_source", "\x00": "not_a_source"} {
		_, many := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: source, Rows: []intake.Row{office.Row("1")}})
		_, _, one := o.Receiver.ReceiveOne(t.Context(), fixture.Job(), source, office.Row("1"), false)
		for how, err := range map[string]error{"many": many, "one": one} {
			if !errors.Is(err, fault.Invalid) || fault.Of(err).Code != want {
				t.Errorf("%q, %s: got %v, want %s", source, how, err, want)
			}
		}
	}
	if left := o.Footprint(t); len(left) > 0 {
		t.Errorf("something was written: %v", left)
	}
}

func TestAKeyIsOneKeyInEachSource(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for _, source := range []string{"toggl", "kimai", "upload"} {
		r, err := o.Receiver.Receive(t.Context(), fixture.Job(), intake.Upload{Source: source, Rows: []intake.Row{office.Row("1")}})
		if err != nil || r.Created != 1 {
			t.Errorf("%s: %+v, %v", source, r.Counts, err)
		}
	}
}

func TestOrganisationsKnowNothingOfEachOther(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	acme, globex := fixture.Of("acme", fixture.Job()), fixture.Of("globex", fixture.Job())
	receive := func(by identity.Principal, rows ...intake.Row) intake.Report {
		t.Helper()
		r, err := o.Receiver.Receive(t.Context(), by, intake.Upload{Source: office.Source, Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	receive(acme, office.Row("1", office.Hours("20")), office.Row("bad", office.Project("")))
	for _, step := range []struct {
		name string
		row  intake.Row
		want string
	}{
		{"a key of another organisation is a new one", office.Row("1", office.Hours("20")), "created"},
		{"a day is full in its own organisation only", office.Row("2", office.Hours("5")), "rejected:day_over_24h"},
		{"a problem is known in its own organisation only", office.Row("bad", office.Project("")), "rejected:required"},
		{"a revision changes one of the two", office.Row("1", office.Hours("19")), "updated"},
	} {
		if got := office.Outcomes(receive(globex, step.row)); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
	if got := office.Outcomes(receive(acme, office.Row("1", office.Hours("20")))); got != "unchanged" {
		t.Errorf("the other organisation's entry: %s", got)
	}
	theirs := receive(acme).ImportID
	if _, err := o.Lookback.Import(t.Context(), globex, theirs); !errors.Is(err, fault.NotFound) {
		t.Errorf("the run of another organisation: %v", err)
	}
	if _, _, err := o.Lookback.Rows(t.Context(), globex, theirs, intake.FirstRow, 10); !errors.Is(err, fault.NotFound) {
		t.Errorf("the rows of another organisation: %v", err)
	}
	for org, number := range map[string]int{"acme": 1, "globex": 2} {
		if n := o.Count(t, `SELECT number FROM write_counters WHERE org_id = $1`, org); n != number {
			t.Errorf("%s has counted %d writes, want %d", org, n, number)
		}
	}
}
