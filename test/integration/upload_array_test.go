package integration

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

// mixed is a request in which everything happens that can happen to a row, for
// a company in which before was uploaded and "approved" is approved.
var before = []any{
	row("same"), row("changes"), row("approved"),
	row("stamped").but(fields{"source_updated_at": today() + "T12:00:00Z"}),
}

var mixed = []any{
	0: row("new"),
	1: row("changes").but(fields{"hours": 2}),
	2: row("same"),
	3: row("stamped").but(fields{"hours": 2, "source_updated_at": today() + "T11:00:00Z"}),
	4: row("twice"),
	5: row("twice").but(fields{"hours": 2}),
	6: row("approved").but(fields{"hours": 2}),
	7: row("wrong").but(fields{"hours": 25}),
	8: row("unknown").but(fields{"user_id": nil, "worker": fields{"source": "toggl", "id": "90210"}}),
	9: "no object",
}

func uploadMixed(t *testing.T, query string) (company, apitest.Report) {
	t.Helper()
	c := newCompany(t)
	first := c.job.Post(t, upload, before).Is(t, 200).Report(t)
	c.bob.Put(t, "/v1/approvals/"+first.Results[2].ID, nil).Is(t, 200)
	return c, c.job.Post(t, upload+query, mixed).Is(t, 200).Report(t)
}

func TestEveryRowOfAnArrayGetsItsVerdict(t *testing.T) {
	t.Parallel()
	c, got := uploadMixed(t, "")
	want := []struct{ outcome, code string }{
		{"created", ""}, {"updated", ""}, {"unchanged", ""}, {"unchanged", "stale"}, {"unchanged", "superseded"}, {"created", ""},
		{"conflict", "entry_approved"}, {"rejected", "out_of_range"}, {"rejected", "unknown_worker"}, {"rejected", "wrong_type"},
	}
	for i, r := range got.Results {
		if r.Index != i || r.Outcome != want[i].outcome || r.Code != want[i].code || r.Known {
			t.Errorf("row %d: got %+v, want %+v", i, r, want[i])
		}
	}
	if want := (apitest.Counts{Received: 10, Created: 2, Updated: 1, Unchanged: 3, Conflicts: 1, Rejected: 3}); got.Counts != want {
		t.Errorf("got the counts %+v, want %+v", got.Counts, want)
	}
	if r := got.Results; r[4].ID != r[5].ID || r[6].CorrectionID == "" || r[6].ID == "" || r[7].ExternalID != "wrong" || r[7].ID != "" {
		t.Errorf("ids of the results are wrong: %+v", r)
	}
	var run apitest.Import
	c.job.Get(t, "/v1/imports/"+got.ImportID).Is(t, 200).Read(t, &run)
	if run.ID != got.ImportID || run.Source != "upload" || run.Mode != "upsert" || run.State != "completed" || run.DryRun || run.CreatedBy != "import-job" || run.Counts != got.Counts {
		t.Errorf("the import is %+v", run)
	}
	// What it created and changed is named after it, and nothing else.
	changed := c.job.Get(t, "/v1/timesheets?import_id="+got.ImportID).Is(t, 200).Entries(t)
	if len(changed) != 3 {
		t.Errorf("the import changed %d entries, want 3", len(changed))
	}
}

func TestResultsListsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]int{
		"?results=all": {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "?results=problems": {6, 7, 8, 9}, "?results=none": {},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			_, report := uploadMixed(t, query)
			got := []int{}
			for _, r := range report.Results {
				got = append(got, r.Index)
			}
			if diff := cmp.Diff(want, got); diff != "" || report.Received != 10 || report.Rejected != 3 || report.ResultsTruncated {
				t.Errorf("rows that are listed (-want +got):\n%s\nof %+v", diff, report.Counts)
			}
		})
	}
	newCompany(t).job.Post(t, upload+"?results=some", mixed).IsProblem(t, 422, "not_a_choice")
}

func TestADryRunOfAnArrayKeepsItsRecordAndNothingElse(t *testing.T) {
	t.Parallel()
	c, got := uploadMixed(t, "?dry_run=true")
	if want := (apitest.Counts{Received: 10, Created: 2, Updated: 1, Unchanged: 3, Conflicts: 1, Rejected: 3}); !got.DryRun || got.Counts != want {
		t.Errorf("got the counts %+v, want %+v", got.Counts, want)
	}
	if got.Results[0].ID != "" || got.Results[6].CorrectionID != "" {
		t.Errorf("a dry run names what does not exist: %+v", got.Results)
	}
	var run apitest.Import
	c.job.Get(t, "/v1/imports/"+got.ImportID).Is(t, 200).Read(t, &run)
	if !run.DryRun || run.State != "completed" || run.Counts != got.Counts {
		t.Errorf("the import is %+v", run)
	}
	if rows := keptRows(t, c.job, got.ImportID); len(rows) != 4 {
		t.Errorf("%d rows are kept, want 4", len(rows))
	}
	if all := c.job.Get(t, "/v1/timesheets").Entries(t); len(all) != len(before) {
		t.Errorf("there are %d entries after it, want %d", len(all), len(before))
	}
	for _, e := range c.job.Get(t, "/v1/timesheets").Entries(t) {
		if e.Hours != 1 {
			t.Errorf("it changed %+v", e)
		}
	}
	// The real thing comes to the same verdicts, and none of its problems
	// counts as known because of the dry run.
	real := c.job.Post(t, upload, mixed).Is(t, 200).Report(t)
	if real.Counts != got.Counts {
		t.Errorf("the real run counts %+v, the dry run %+v", real.Counts, got.Counts)
	}
	for _, r := range real.Results {
		if r.Known {
			t.Errorf("row %d is known by a dry run", r.Index)
		}
	}
}

func TestRefusedAndConflictingRowsAreKeptAsTheyWereSent(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	// Blanks and the order of members are part of what was sent.
	const first, last = `{ "project":"P", "hours" : 25,"external_id":"a", "user_id":"ann","date":"2026-11-20" }`, `{"external_id":"z","hours":1,"Ünknown":"ß"}`
	report := c.job.Post(t, upload+"?source=toggl", "["+first+", 17 ,\n"+last+"]").Is(t, 200).Report(t)
	rows := keptRows(t, c.job, report.ImportID)
	if len(rows) != 3 || rows[0].Text != first || rows[1].Text != "17" || rows[2].Text != last {
		t.Fatalf("kept are %+v", rows)
	}
	for i, r := range rows {
		if r.Index != i || r.Outcome != "rejected" || r.Code != report.Results[i].Code || r.Error == nil || r.TextTruncated || r.ExternalID != report.Results[i].ExternalID {
			t.Errorf("row %d is kept as %+v, and was reported as %+v", i, r, report.Results[i])
		}
	}
	if seen := keptRows(t, c.bob, report.ImportID); len(seen) != 3 {
		t.Errorf("an approver sees %d of them", len(seen))
	}
}

func TestTheTextOfALongRowIsNotKeptButItsProblemIs(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	long := func(id string, size int) fields { return row(id).but(fields{"description": strings.Repeat("x", size)}) }
	rows := []any{long("long", 17<<10), long("fits", 15<<10)}
	first := c.job.Post(t, upload, rows).Is(t, 200).Report(t)
	again := c.job.Post(t, upload, rows).Is(t, 200).Report(t)
	if first.Rejected != 2 || first.Results[0].Known || !again.Results[0].Known || !again.Results[1].Known {
		t.Errorf("got %+v, then %+v", first.Results, again.Results)
	}
	kept := keptRows(t, c.job, first.ImportID)
	if r := kept[0]; !r.TextTruncated || r.Text != "" || r.Code != "length" || r.ExternalID != "long" {
		t.Errorf("of the long row is kept: %.300v", r)
	}
	if r := kept[1]; r.TextTruncated || len(r.Text) < 15<<10 || r.Code != "length" {
		t.Errorf("of the shorter row is kept: %.300v", r)
	}
}

func TestKeptRowsComeInPagesThatMissNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	rows := make([]any, 25)
	for i := range rows {
		rows[i] = row("").but(fields{"external_id": nil, "hours": 100 + i})
		if i%5 == 0 {
			rows[i] = row("").but(fields{"external_id": nil, "task": i})
		}
	}
	report := c.job.Post(t, upload+"?results=none", rows).Is(t, 200).Report(t)
	var seen []int
	pages := 0
	for path := "/v1/imports/" + report.ImportID + "/rows?limit=10"; path != ""; pages++ {
		page := c.job.Get(t, path).Is(t, 200)
		var list []apitest.Result
		page.Read(t, &list)
		for _, r := range list {
			seen = append(seen, r.Index)
		}
		if path = page.Next(t); pages == 0 {
			for _, place := range []string{`{"p":3000000000,"i":0}`, `{"p":0,"i":3000000000}`, `{"p":-1,"i":0}`} {
				c.job.Get(t, cursorAt(t, path, place)).IsProblem(t, 400, "malformed_cursor")
			}
		}
	}
	if len(seen) != 25 || pages != 3 || seen[0] != 0 || seen[24] != 24 {
		t.Errorf("%d pages have the rows %v", pages, seen)
	}
}

// cursorAt is the path of a page with another place in its cursor, as a client may
// make one: eight bytes of its filters, and the place.
func cursorAt(t *testing.T, path, place string) string {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	raw, err := base64.RawURLEncoding.DecodeString(query.Get("cursor"))
	if err != nil || len(raw) < 8 {
		t.Fatalf("the cursor of %s: %v", path, err)
	}
	query.Set("cursor", base64.RawURLEncoding.EncodeToString(append(raw[:8:8], place...)))
	u.RawQuery = query.Encode()
	return u.String()
}

func TestAProblemThatWasRecordedBeforeIsKnown(t *testing.T) {
	t.Parallel()
	c, first := uploadMixed(t, "")
	again := c.job.Post(t, upload, mixed).Is(t, 200).Report(t)
	for i, r := range again.Results {
		if isProblem := i >= 6; r.Known != isProblem {
			t.Errorf("row %d sent again: known is %t in %+v", i, r.Known, r)
		}
	}
	if again.Results[6].CorrectionID != first.Results[6].CorrectionID {
		t.Errorf("the same conflict has another correction: %s, then %s", first.Results[6].CorrectionID, again.Results[6].CorrectionID)
	}
	for _, r := range keptRows(t, c.job, again.ImportID) {
		if !r.Known {
			t.Errorf("kept, but not as known: %+v", r)
		}
	}
	// Other content under the same key, or the same with another problem, is news.
	other := c.job.Post(t, upload, []any{row("wrong").but(fields{"hours": 26}), row("approved").but(fields{"hours": 3})}).Is(t, 200).Report(t)
	if other.Results[0].Known || other.Results[1].Known {
		t.Errorf("new problems are known: %+v", other.Results)
	}
}

func TestABadRowNeverSpoilsItsNeighbours(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	bad := []string{
		`null`, `17`, `"x"`, `[]`, `[[]]`, `{}`, `true`,
		`{"user_id":"ann","user_id":"bob","date":"2026-11-20","project":"P","hours":1}`,
		`{"user_id":"a\u0000b","date":"2026-11-20","project":"P","hours":1}`,
		`{"user_id":"ann","date":"0001-01-01","project":"P","hours":1}`,
		`{"user_id":"ann","date":"9999-12-31","project":"P","hours":1}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":-1}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1e309}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":"NaN"}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","seconds":1.5}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","seconds":99999999999999999999}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1,"source":"no name"}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1,"source":"api"}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1,"external_id":""}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1,"external_id":7}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1,"worker":{"email":"ann@x.org"}}`,
		`{"user_id":"ann","date":"2026-11-20","project":"P","hours":1,"tags":[1]}`,
		`{"user_id":"ann","date":"2026-11-20","project":"\ud800","hours":1}`,
	}
	const good = `{"user_id":"ann","date":"2026-11-20","project":"P","seconds":1,"external_id":"good"}`
	for _, at := range []string{"first", "last"} {
		for i, b := range bad {
			body := "[" + b + "," + good + "]"
			want, other := 1, 0
			if at == "last" {
				body, want, other = "["+good+","+b+"]", 0, 1
			}
			got := c.job.Post(t, upload, body).Is(t, 200).Report(t)
			if got.Results[want].Outcome == "rejected" || got.Results[other].Outcome != "rejected" {
				t.Errorf("bad row %d %s: got %+v", i, at, got.Results)
			}
		}
	}
}

// keptRows is the first page of what is kept of an import.
func keptRows(t *testing.T, by apitest.Caller, importID string) []apitest.Result {
	t.Helper()
	var rows []apitest.Result
	by.Get(t, "/v1/imports/"+importID+"/rows").Is(t, 200).Read(t, &rows)
	return rows
}
