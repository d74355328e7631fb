package integration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheSourceOfARequest(t *testing.T) {
	t.Parallel()
	named := func(id, source string) fields { return row(id).but(fields{"source": source}) }
	for _, tt := range []struct {
		name, query string
		rows        []any
		source      string // of the run
		want        []string
	}{
		{"nobody names it", "", []any{row("1"), row("2")}, "upload", []string{"1 created ", "2 created "}},
		{"the query names it", "?source=toggl", []any{row("1"), named("2", "toggl")}, "toggl", []string{"1 created ", "2 created "}},
		{"the rows name it", "", []any{named("1", "toggl"), row("2")}, "toggl", []string{"1 created ", "2 created "}},
		{"a row names another than the query", "?source=toggl", []any{named("1", "kimai"), row("2")}, "toggl", []string{"1 rejected source_mismatch", "2 created "}},
		{"a row names another than the first", "", []any{named("1", "toggl"), named("2", "kimai")}, "toggl", []string{"1 created ", "2 rejected source_mismatch"}},
		{"a row names one and the first does not", "", []any{row("1"), named("2", "kimai")}, "upload", []string{"1 created ", "2 rejected source_mismatch"}},
		{"a row names ours", "?source=toggl", []any{named("1", "api"), row("2")}, "toggl", []string{"1 rejected source_reserved", "2 created "}},
		{"the first row cannot be read", "", []any{"no row", named("2", "kimai")}, "kimai", []string{" rejected wrong_type", "2 created "}},
		{"the first row names none that could be", "", []any{named("1", "To ggl"), named("2", "kimai")}, "kimai", []string{"1 rejected not_a_source", "2 created "}},
		{"no row can be read", "", []any{"no row", 17}, "upload", []string{" rejected wrong_type", " rejected wrong_type"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t)
			got := c.job.Post(t, upload+tt.query, tt.rows).Is(t, 200).Report(t)
			if diff := cmp.Diff(tt.want, verdicts(got)); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
			var run struct{ Source string }
			if c.job.Get(t, "/v1/imports/"+got.ImportID).Is(t, 200).Read(t, &run); run.Source != tt.source {
				t.Errorf("the run is of %s, want %s", run.Source, tt.source)
			}
		})
	}
}

func TestASourceThatNoRequestMayHaveIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.job.Post(t, upload+"?source=api", []any{row("1")}).IsProblem(t, 422, "source_reserved")
	c.job.Post(t, upload+"?source=To%20ggl", []any{row("1")}).IsProblem(t, 422, "not_a_source")
	c.job.Post(t, upload+"?source=", []any{row("1")}).IsProblem(t, 422, "not_a_source")
	c.job.Post(t, upload+"?sauce=toggl", []any{row("1")}).IsProblem(t, 422, "unknown_member")
	c.job.Post(t, upload+"?dry_run=yes", []any{row("1")}).IsProblem(t, 422, "wrong_type")
	c.job.Post(t, upload+"?source=a&source=b", []any{row("1")}).IsProblem(t, 422, "too_many")
}

func TestTheSameIDOfTwoSourcesIsTwoEntries(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	one := c.job.Post(t, upload+"?source=toggl", row("1")).Is(t, 201).Entry(t)
	other := c.job.Post(t, upload+"?source=kimai", row("1")).Is(t, 201).Entry(t)
	if one.ID == other.ID || one.Source == other.Source {
		t.Errorf("got %+v and %+v", one, other)
	}
}
