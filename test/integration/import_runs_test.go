package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

// run is what the start of a run gives.
type run struct {
	ID         string
	Fence      int64
	LeaseUntil string `json:"lease_until"`
}

// imported is an import as it is looked up.
type imported struct {
	ID, Source, Mode, Kind, State, Cursor, Reverts                      string
	DryRun                                                              bool   `json:"dry_run"`
	LeaseUntil                                                          string `json:"lease_until"`
	EndedAt                                                             string `json:"ended_at"`
	DeletionsSkipped                                                    string `json:"deletions_skipped"`
	Received, Created, Updated, Unchanged, Deleted, Conflicts, Rejected int
}

func (i imported) counts() string {
	return fmt.Sprintf("%d = %d+%d+%d+%d+%d, %d deleted", i.Received, i.Created, i.Updated, i.Unchanged, i.Conflicts, i.Rejected, i.Deleted)
}

// declares is the start of an upsert of kimai's around today.
func declares() fields {
	return fields{"source": "kimai", "mode": "upsert", "from": day(-30), "to": day(30)}
}

func begins(t *testing.T, c company, changes fields) run {
	t.Helper()
	var r run
	a := c.job.Post(t, "/v1/imports", declares().but(changes)).Is(t, 201)
	if a.Read(t, &r); a.Header.Get("Location") != "/v1/imports/"+r.ID {
		t.Errorf("the run is at %s", a.Header.Get("Location"))
	}
	return r
}

func (r run) fenced(c company) apitest.Caller {
	return c.job.With("Import-Fence", strconv.FormatInt(r.Fence, 10))
}

func (r run) part(n int) string { return upload + "?import_id=" + r.ID + "&part=" + strconv.Itoa(n) }

func (r run) at(verb string) string { return "/v1/imports/" + r.ID + verb }

func (r run) look(t *testing.T, c company) (i imported) {
	t.Helper()
	c.job.Get(t, r.at("")).Is(t, 200).Read(t, &i)
	return i
}

func TestARunOfManyRequests(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	r := begins(t, c, nil)
	if r.LeaseUntil == "" || r.Fence < 1 {
		t.Errorf("started %+v", r)
	}
	p := c.job.Post(t, "/v1/imports", declares()).IsProblem(t, 409, "import_running")
	busy := c.job.Post(t, "/v1/imports", declares())
	if after, err := strconv.Atoi(busy.Header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After is %q: %s", busy.Header.Get("Retry-After"), p.Detail)
	}
	first := r.fenced(c).Post(t, r.part(1), []any{row("1"), row("2"), row("bad").but(fields{"hours": -1})}).Is(t, 200)
	if got := verdicts(first.Report(t)); !cmp.Equal(got, []string{"1 created ", "2 created ", "bad rejected out_of_range"}) {
		t.Errorf("got %q", got)
	}
	again := r.fenced(c).Post(t, r.part(1), []any{row("1"), row("2"), row("bad").but(fields{"hours": -1})}).Is(t, 200)
	if string(again.Body) != string(first.Body) {
		t.Errorf("the same part again: %s\nthen %s", first.Body, again.Body)
	}
	if none := r.fenced(c).Post(t, r.part(1)+"&results=problems", []any{row("1"), row("2"), row("bad").but(fields{"hours": -1})}).Is(t, 200).Report(t); len(none.Results) != 1 {
		t.Errorf("its problems are %+v", none.Results)
	}
	r.fenced(c).Post(t, r.part(1), []any{row("1")}).IsProblem(t, 409, "part_mismatch")
	lines := "{\"user_id\":\"ann\",\"external_id\":\"3\",\"date\":\"" + today() + "\",\"project\":\"P\",\"hours\":1}\n"
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(lines))
	_ = w.Close()
	if got := r.fenced(c).With("Content-Type", "application/x-ndjson", "Content-Encoding", "gzip").Post(t, r.part(2), zipped.Bytes()).Is(t, 200).Report(t); got.Created != 1 {
		t.Errorf("compressed lines: %+v", got)
	}
	if got := r.fenced(c).With("Content-Type", "application/x-ndjson").Post(t, r.part(2), lines).Is(t, 200).Report(t); got.Created != 1 {
		t.Errorf("the same lines, not compressed: %+v", got)
	}
	var renewed run
	if r.fenced(c).Post(t, r.at("/renew"), nil).Is(t, 200).Read(t, &renewed); renewed.ID != r.ID || renewed.Fence != r.Fence || renewed.LeaseUntil < r.LeaseUntil {
		t.Errorf("renewed %+v", renewed)
	}
	if got := r.look(t, c); got.State != "open" || got.counts() != "4 = 3+0+0+0+1, 0 deleted" {
		t.Errorf("under way: %s, %s", got.State, got.counts())
	}
	var ended imported
	r.fenced(c).Post(t, r.at("/complete"), fields{"cursor": "c-1"}).Is(t, 200).Read(t, &ended)
	if ended.State != "completed" || ended.Cursor != "c-1" || ended.LeaseUntil != "" || ended.counts() != "4 = 3+0+0+0+1, 0 deleted" || ended != r.look(t, c) {
		t.Errorf("ended %+v, looked up %+v", ended, r.look(t, c))
	}
	r.fenced(c).Post(t, r.part(3), []any{row("4")}).IsProblem(t, 409, "import_not_open")
	r.fenced(c).Post(t, r.at("/complete"), nil).IsProblem(t, 409, "import_not_open")
	var source struct {
		Source, Cursor string
		CursorImport   string    `json:"cursor_import_id"`
		Last           *imported `json:"last_import"`
		Age            *int      `json:"age_seconds"`
	}
	c.job.Get(t, "/v1/sources/kimai").Is(t, 200).Read(t, &source)
	if source.Cursor != "c-1" || source.CursorImport != r.ID || source.Last == nil || source.Last.ID != r.ID || source.Age == nil || *source.Age < 0 || *source.Age > 60 {
		t.Errorf("the source is %+v", source)
	}
	c.job.Get(t, "/v1/sources/toggl").IsProblem(t, 404, "not_found")
}

func TestWhatACallIntoARunNeeds(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	r := begins(t, c, nil)
	rows := []any{row("1")}
	for name, send := range map[string]func(apitest.Caller) apitest.Answer{
		"upload":   func(by apitest.Caller) apitest.Answer { return by.Post(t, r.part(1), rows) },
		"renew":    func(by apitest.Caller) apitest.Answer { return by.Post(t, r.at("/renew"), nil) },
		"complete": func(by apitest.Caller) apitest.Answer { return by.Post(t, r.at("/complete"), nil) },
		"abort":    func(by apitest.Caller) apitest.Answer { return by.Post(t, r.at("/abort"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			send(c.job).IsProblem(t, 428, "fence_required")
			send(c.job.With("Import-Fence", "first")).IsProblem(t, 400, "malformed_fence")
			send(c.job.With("Import-Fence", strconv.FormatInt(r.Fence+1, 10))).IsProblem(t, 409, "stale_fence")
			if p := send(r.fenced(company{api: c.api, job: c.bob})); p.Status != 403 {
				t.Errorf("an approver: %d %s", p.Status, p.Body)
			}
		})
	}
	by := r.fenced(c)
	unknown := run{ID: "01234567-89ab-7cde-8f01-23456789abcd", Fence: r.Fence}
	by.Post(t, unknown.part(1), rows).IsProblem(t, 404, "not_found")
	by.Post(t, unknown.at("/renew"), nil).IsProblem(t, 404, "not_found")
	by.Post(t, unknown.at("/complete"), nil).IsProblem(t, 404, "not_found")
	by.Post(t, unknown.at("/abort"), nil).IsProblem(t, 404, "not_found")
	by.Post(t, unknown.at("/revert"), nil).IsProblem(t, 404, "not_found")
	by.Post(t, upload+"?part=1", rows).IsProblem(t, 422, "not_an_id")
	by.Post(t, upload+"?import_id="+r.ID, rows).IsProblem(t, 422, "out_of_range")
	by.Post(t, r.part(0), rows).IsProblem(t, 422, "out_of_range")
	by.Post(t, r.part(1)+"&dry_run=false", rows).IsProblem(t, 422, "run_decides")
	by.Post(t, r.part(1)+"&source=toggl", rows).IsProblem(t, 422, "source_mismatch")
	by.Post(t, r.part(1), row("1")).IsProblem(t, 422, "wrong_type")
	for _, wrong := range []struct {
		change fields
		code   string
	}{
		{fields{"source": "api"}, "source_reserved"}, {fields{"mode": "sync"}, "not_a_mode"}, {fields{"from": "yesterday"}, "not_a_date"},
		{fields{"from": day(31)}, "out_of_range"}, {fields{"user_ids": []string{}}, "required"}, {fields{"colour": "blue"}, "unknown_member"},
	} {
		if p := c.job.Post(t, "/v1/imports", declares().but(wrong.change)).Is(t, 422).Problem(t); len(p.Errors) != 1 || p.Errors[0].Code != wrong.code {
			t.Errorf("%v: %+v", wrong.change, p)
		}
	}
	if got := r.look(t, c); got.counts() != "0 = 0+0+0+0+0, 0 deleted" {
		t.Errorf("it counts %s", got.counts())
	}
	var aborted imported
	by.Post(t, r.at("/abort"), nil).Is(t, 200).Read(t, &aborted)
	if aborted.State != "aborted" || aborted.EndedAt == "" {
		t.Errorf("aborted %+v", aborted)
	}
}

func TestAStartIsRepeatedByItsKey(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	by := c.job.With("Idempotency-Key", "start-1")
	first := by.Post(t, "/v1/imports", declares()).Is(t, 201)
	again := by.Post(t, "/v1/imports", declares()).Is(t, 201)
	if string(first.Body) != string(again.Body) || again.Header.Get("Idempotency-Replayed") != "true" || first.Header.Get("Location") != again.Header.Get("Location") {
		t.Errorf("first %s\nthen  %s, %v", first.Body, again.Body, again.Header)
	}
	by.Post(t, "/v1/imports", declares().but(fields{"mode": "mirror"})).IsProblem(t, 422, "idempotency_key_reused")
}

func TestAMirrorOverHTTP(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	var rows []any
	for n := range 12 {
		rows = append(rows, row(strconv.Itoa(n)).but(fields{"hours": 0.5}))
	}
	c.job.Post(t, upload+"?source=kimai", rows).Is(t, 200)
	mirror := fields{"mode": "mirror"}

	plan := begins(t, c, mirror.but(fields{"dry_run": true}))
	if plan.LeaseUntil != "" {
		t.Errorf("a dry run has a lease until %s", plan.LeaseUntil)
	}
	r := begins(t, c, mirror)
	for _, one := range []run{plan, r} {
		one.fenced(c).Post(t, one.part(1), rows[:1]).Is(t, 200)
		one.fenced(c).Post(t, one.at("/complete"), fields{"distinct_keys": 2}).IsProblem(t, 409, "incomplete")
		p := one.fenced(c).Post(t, one.at("/complete"), nil)
		p.IsProblem(t, 409, "too_many_deletions")
		var counts struct {
			Deletions string
			InScope   string `json:"in_scope"`
		}
		if p.Read(t, &counts); counts.Deletions != "11" || counts.InScope != "12" {
			t.Errorf("too many are %+v", counts)
		}
		one.fenced(c).Post(t, one.at("/complete"), fields{"max_delete_percent": 101}).IsProblem(t, 422, "out_of_range")
		var ended imported
		one.fenced(c).Post(t, one.at("/complete"), fields{"distinct_keys": 1, "max_delete_count": 11, "cursor": "here"}).Is(t, 200).Read(t, &ended)
		if ended.Deleted != 11 || ended.State != "completed" || (ended.Cursor != "") == ended.DryRun || ended.DryRun != (one == plan) {
			t.Errorf("ended %+v", ended)
		}
		want := map[bool]int{true: 12, false: 1}[one == plan]
		if got := len(c.bob.Get(t, "/v1/timesheets?user_id=ann").Is(t, 200).Entries(t)); got != want {
			t.Errorf("%d entries are left, want %d", got, want)
		}
	}
	empty := begins(t, c, mirror)
	empty.fenced(c).Post(t, empty.at("/complete"), nil).IsProblem(t, 409, "nothing_brought")
	empty.fenced(c).Post(t, empty.part(1), []any{"no row"}).Is(t, 200)
	var skipped imported
	if empty.fenced(c).Post(t, empty.at("/complete"), nil).Is(t, 200).Read(t, &skipped); skipped.DeletionsSkipped != "unreadable_key" || skipped.Deleted != 0 {
		t.Errorf("ended %+v", skipped)
	}
	upsert := begins(t, c, nil)
	upsert.fenced(c).Post(t, upsert.at("/complete"), fields{"distinct_keys": 0}).IsProblem(t, 422, "mirror_only")
	upsert.fenced(c).Post(t, upsert.at("/abort"), nil).Is(t, 200)

	// Taken back, by a person who approves.
	undone := c.bob.Post(t, r.at("/revert"), nil).Is(t, 200).Report(t)
	if undone.Created != 11 || undone.Received != 11 || len(undone.Results) != 0 {
		t.Errorf("reverted %+v", undone)
	}
	if got := r.look(t, c); got.State != "reverted" {
		t.Errorf("the run is %s", got.State)
	}
	c.job.Post(t, "/v1/imports/"+undone.ImportID+"/revert", nil).IsProblem(t, 409, "not_revertible")
	if got := len(c.bob.Get(t, "/v1/timesheets?user_id=ann").Is(t, 200).Entries(t)); got != 12 {
		t.Errorf("%d entries are back", got)
	}
}

func TestKeptRowsAreRetriedOverHTTP(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	byTracker := func(key string) fields {
		return row(key).but(fields{"user_id": nil, "worker": fields{"source": "kimai", "id": "42"}})
	}
	refused := c.job.Post(t, upload+"?source=kimai", []any{byTracker("1"), row("2").but(fields{"project": ""})}).Is(t, 200).Report(t)
	c.bob.Put(t, "/v1/workers/ann", fields{"kind": "employee", "identities": []any{fields{"source": "kimai", "id": "42"}}})
	got := c.job.Post(t, "/v1/rows/retry?source=kimai&code=unknown_worker", nil).Is(t, 200).Report(t)
	if v := verdicts(got); !cmp.Equal(v, []string{"1 created "}) || got.ImportID == refused.ImportID {
		t.Errorf("got %q", v)
	}
	c.job.Post(t, "/v1/rows/retry", nil).IsProblem(t, 422, "required")
	c.job.Post(t, "/v1/rows/retry?source=api", nil).IsProblem(t, 422, "source_reserved")
	if v := verdicts(c.job.Post(t, "/v1/rows/retry?source=kimai", nil).Is(t, 200).Report(t)); !cmp.Equal(v, []string{"2 rejected required"}) {
		t.Errorf("the rest: %q", v)
	}
}

// An object that is refused for its members is answered by all of them, and is
// the last receipt of its key: the row that was kept before is older.
func TestAWrongObjectIsTheLastReceiptOfItsKey(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	byTracker := func(key string) fields {
		return row(key).but(fields{"user_id": nil, "worker": fields{"source": "kimai", "id": "42"}})
	}
	c.job.Post(t, upload+"?source=kimai", []any{byTracker("dry"), byTracker("one"), byTracker("two"), byTracker("malformed")}).Is(t, 200)
	c.job.Post(t, upload+"?source=kimai&dry_run=true", byTracker("dry").but(fields{"hours": -1})).IsProblem(t, 422, "out_of_range")
	c.job.Post(t, upload+"?source=kimai", byTracker("one").but(fields{"hours": -1})).IsProblem(t, 422, "out_of_range")
	if p := c.job.Post(t, upload+"?source=kimai", byTracker("two").but(fields{"hours": nil, "approved": true})).IsProblem(t, 422, "invalid"); len(p.Errors) != 2 {
		t.Errorf("errors are %+v, want two", p.Errors)
	}
	c.job.Post(t, upload+"?source=kimai", `{"external_id":"malformed","hours":-1`).IsProblem(t, 400, "malformed_json")
	c.bob.Put(t, "/v1/workers/ann", fields{"kind": "employee", "identities": []any{fields{"source": "kimai", "id": "42"}}})
	got := verdicts(c.job.Post(t, "/v1/rows/retry?source=kimai", nil).Is(t, 200).Report(t))
	if want := []string{"dry created ", "malformed created "}; !cmp.Equal(got, want) {
		t.Errorf("retried are %q, want %q", got, want)
	}
}

// Pages of imports, of the rows of one, of sources and of an entry's history
// are all that there is, once.
func TestLookingBackComesInPages(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	r := begins(t, c, nil)
	for part := range 3 {
		r.fenced(c).Post(t, r.part(part+1), []any{row("0").but(fields{"hours": part + 1}), row("bad").but(fields{"hours": -1}), row("worse").but(fields{"date": "x"})}).Is(t, 200)
	}
	r.fenced(c).Post(t, r.at("/complete"), nil).Is(t, 200)
	var entry string
	for _, name := range []string{"a", "b", "c", "d"} {
		c.job.Post(t, upload+"?source="+name, []any{row("x").but(fields{"hours": 0.1})}).Is(t, 200)
	}
	for _, e := range c.ann.Get(t, "/v1/timesheets?source=kimai").Is(t, 200).Entries(t) {
		entry = e.ID
	}
	for path, want := range map[string]int{"/v1/imports": 5, "/v1/imports?source=kimai": 1, r.at("/rows"): 6, "/v1/sources": 5} {
		if got := pages(t, c.job, path); got != want {
			t.Errorf("%s has %d in pages, want %d", path, got, want)
		}
	}
	if got := pages(t, c.ann, "/v1/timesheets/"+entry+"/history"); got != 3 {
		t.Errorf("%d changes in pages", got)
	}
	var history []struct {
		Number   int
		Index    *int
		Type, By string
		At       string
		ImportID string `json:"import_id"`
		Before   *apitest.Entry
		Entry    apitest.Entry
	}
	c.ann.Get(t, "/v1/timesheets/"+entry+"/history").Is(t, 200).Read(t, &history)
	if len(history) != 3 || history[0].Type != "updated" || history[0].ImportID != r.ID || history[0].Index == nil || history[0].At == "" || history[0].Number <= history[1].Number ||
		history[2].Type != "created" || history[2].Before != nil || history[0].Before == nil || history[0].Before.Version != 2 || history[0].Entry.Version != 3 {
		t.Errorf("the history is %+v", history)
	}
	c.bea.Get(t, "/v1/timesheets/"+entry+"/history").IsProblem(t, 404, "not_found")
	c.ann.Get(t, "/v1/imports").IsProblem(t, 403, "insufficient_scope")
	c.bob.Get(t, "/v1/sources").IsProblem(t, 403, "insufficient_scope")
}

// pages follows the pages of a list, two at a time.
func pages(t *testing.T, by apitest.Caller, path string) (all int) {
	t.Helper()
	at, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	query.Set("limit", "2")
	at.RawQuery = query.Encode()
	seen := map[string]bool{}
	for next := at.String(); next != ""; {
		a := by.Get(t, next).Is(t, 200)
		var page []map[string]any
		a.Read(t, &page)
		for _, one := range page {
			seen[fmt.Sprint(one)] = true
		}
		all += len(page)
		next = a.Next(t)
		if len(page) > 2 || next != "" && len(page) < 2 || all > 100 {
			t.Fatalf("%s: a page of %d", path, len(page))
		}
	}
	if len(seen) != all {
		t.Errorf("%s: %d of %d are different", path, len(seen), all)
	}
	return all
}

// The same bytes are one row as JSON and, without a key, one as NDJSON.
func TestAPartSentAsAnotherContentTypeIsAnother(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	r := begins(t, c, nil)
	body, err := json.Marshal([]any{row("1")})
	if err != nil {
		t.Fatal(err)
	}
	as := func(kind string) apitest.Answer {
		return r.fenced(c).With("Content-Type", kind).Post(t, r.part(1), body)
	}
	as("application/json").Is(t, 200)
	as("application/json").Is(t, 200)
	as("application/x-ndjson").IsProblem(t, 409, "part_mismatch")
}
