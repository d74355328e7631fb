package integration

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

// ids walks a list page by page and gives the ids in the order in which they
// came.
func ids(t *testing.T, by apitest.Caller, path string) (all []string, pages int) {
	t.Helper()
	for ; path != ""; pages++ {
		page := by.Get(t, path).Is(t, 200)
		for _, e := range page.Entries(t) {
			all = append(all, e.ID)
		}
		path = page.Next(t)
	}
	return all, pages
}

func TestPagesGiveEveryEntryOnceNewestFirst(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	rows := make([]any, 23)
	for i := range rows {
		rows[i] = row(fmt.Sprint(i)).but(fields{"hours": nil, "seconds": 60, "date": day(-i % 4)})
	}
	c.job.Post(t, upload, rows).Is(t, 200)
	all := c.ann.Get(t, "/v1/timesheets").Is(t, 200).Entries(t)
	if len(all) != 23 || !slices.IsSortedFunc(all, func(a, b apitest.Entry) int { return strings.Compare(b.Date+b.ID, a.Date+a.ID) }) {
		t.Errorf("%d entries, not newest day and then newest id first", len(all))
	}
	var want []string
	for _, e := range all {
		want = append(want, e.ID)
	}
	for limit, pages := range map[int]int{1: 23, 5: 5, 22: 2, 23: 1, 500: 1} {
		got, n := ids(t, c.ann, fmt.Sprintf("/v1/timesheets?limit=%d", limit))
		if diff := cmp.Diff(want, got); diff != "" || n != pages {
			t.Errorf("by %d: %d pages, want %d (-want +got):\n%s", limit, n, pages, diff)
		}
	}
}

func TestAPageIsNoneTheWorseForWhatIsAddedOrDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for i := range 6 {
		c.job.Post(t, upload, row(fmt.Sprint(i)).but(fields{"date": day(-i)})).Is(t, 201)
	}
	first := c.ann.Get(t, "/v1/timesheets?limit=3").Is(t, 200)
	c.job.Post(t, upload, row("newer")).Is(t, 201)
	c.ann.Delete(t, "/v1/timesheets/"+first.Entries(t)[2].ID).Is(t, 204) // the one that the cursor names
	var days []string
	for _, e := range c.ann.Get(t, first.Next(t)).Is(t, 200).Entries(t) {
		days = append(days, e.Date)
	}
	if diff := cmp.Diff([]string{day(-3), day(-4), day(-5)}, days); diff != "" {
		t.Errorf("the next page (-want +got):\n%s", diff)
	}
}

func TestFiltersSelectTogether(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	run := c.job.Post(t, upload+"?source=toggl", []any{
		fields{"external_id": "a", "user_id": "ann", "date": "2026-11-15", "project": "StoreZero", "hours": 1},
		fields{"external_id": "b", "user_id": "ann", "date": "2026-11-16", "project": "StoreZero", "hours": 1},
		fields{"external_id": "c", "user_id": "bea", "date": "2026-11-20", "project": "Website & more", "hours": 1},
	}).Is(t, 200).Report(t)
	c.job.Post(t, upload+"?source=kimai", fields{"external_id": "d", "user_id": "ann", "date": "2026-11-20", "project": "StoreZero", "hours": 1}).Is(t, 201)
	c.job.Post(t, "/v1/timesheets", fields{"user_id": "ann", "date": "2026-11-22", "project": "storezero", "hours": 1, "task": "e"}).Is(t, 201)
	c.bob.Put(t, "/v1/approvals/"+run.Results[1].ID, nil).Is(t, 200)

	for query, want := range map[string]string{
		"":                                    "e d c b a",
		"?user_id=ann":                        "e d b a",
		"?user_id=*":                          "e d c b a",
		"?user_id=nobody":                     "",
		"?from=2026-11-16":                    "e d c b",
		"?to=2026-11-16":                      "b a",
		"?from=2026-11-16&to=2026-11-16":      "b",
		"?from=2026-11-17&to=2026-11-16":      "",
		"?week=2026-W47":                      "e d c b",
		"?week=2026-W46":                      "a",
		"?week=2026-W47&to=2026-11-20":        "d c b",
		"?project=StoreZero":                  "d b a",
		"?project=Website%20%26%20more":       "c",
		"?status=approved":                    "b",
		"?status=pending&user_id=ann":         "e d a",
		"?status=rejected":                    "",
		"?source=toggl":                       "c b a",
		"?source=api":                         "e",
		"?import_id=" + run.ImportID:          "c a", // b was decided by hand since
		"?user_id=ann&source=toggl&limit=500": "b a",
	} {
		var got []string
		for _, e := range c.job.Get(t, "/v1/timesheets"+query).Is(t, 200).Entries(t) {
			got = append(got, e.ExternalID+e.Task)
		}
		slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(b, a) }) // d and c are of one day
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestAFilterThatMeansNothingIsRefused(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for query, want := range map[string]string{
		"from=20.11.2026":           "not_a_date",
		"from=2026-11-20T00:00:00Z": "not_a_date",
		"week=2026-47":              "not_a_week",
		"week=2026-W54":             "not_a_week",
		"status=done":               "not_a_status",
		"source=To+ggl":             "not_a_source",
		"import_id=17":              "not_an_id",
		"user_id=":                  "required",
		"project=":                  "required",
		"user_id=%00":               "nul",
		"project=%ff":               "not_utf8",
		"limit=0":                   "out_of_range",
		"limit=501":                 "out_of_range",
		"limit=ten":                 "out_of_range",
		"user=ann":                  "unknown_member",
		"limit=1&limit=2":           "too_many",
		"from=x&to=y":               "invalid",
	} {
		p := c.job.Get(t, "/v1/timesheets?"+query).Problem(t)
		if p.Status != 422 || p.Code != want {
			t.Errorf("%s: got %+v, want 422 %s", query, p, want)
		}
	}
	c.job.Get(t, "/v1/timesheets?limit=%zz").IsProblem(t, 400, "bad_request")
}

func TestACursorBelongsToItsFilters(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for i := range 3 {
		c.job.Post(t, upload, row(fmt.Sprint(i))).Is(t, 201)
	}
	next := c.ann.Get(t, "/v1/timesheets?limit=1&project=StoreZero").Is(t, 200).Next(t)
	at, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	cursor := at.Query().Get("cursor")
	c.ann.Get(t, "/v1/timesheets?project=StoreZero&limit=2&cursor="+cursor).Is(t, 200) // another limit is no other filter
	c.ann.Get(t, "/v1/timesheets?limit=1&cursor="+cursor).IsProblem(t, 400, "cursor_mismatch")
	c.ann.Get(t, "/v1/timesheets?limit=1&project=Other&cursor="+cursor).IsProblem(t, 400, "cursor_mismatch")
	c.bob.Get(t, "/v1/approvals?limit=1&cursor="+cursor).IsProblem(t, 400, "cursor_mismatch")
	for _, made := range []string{"x", "AAAAAAAAAAA", strings.Repeat("A", 2000), cursor + "A", cursor[1:]} {
		if p := c.ann.Get(t, "/v1/timesheets?project=StoreZero&cursor="+made).Problem(t); p.Status != 400 {
			t.Errorf("the cursor %.30q: got %+v, want 400", made, p)
		}
	}
	// Somebody else's cursor opens nothing: it only says where to go on.
	if got := c.bea.Get(t, next).Is(t, 200).Entries(t); len(got) != 0 {
		t.Errorf("with ann's cursor bea reads %+v", got)
	}
}
