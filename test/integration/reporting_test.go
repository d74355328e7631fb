package integration

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

const (
	changes = "/v1/changes"
	hours   = "/v1/reports/hours"
)

func TestAReportOverHTTP(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.job.Post(t, upload+"?source=toggl", []any{
		fields{"external_id": "a", "user_id": "ann", "date": "2026-11-15", "project": "=Shop", "seconds": 26388},
		fields{"external_id": "b", "user_id": "ann", "date": "2026-11-16", "project": "Größe, innen", "seconds": 1, "billable": false},
		fields{"external_id": "c", "user_id": "bea", "date": "2026-11-20", "project": "=Shop", "seconds": 3600},
	}).Is(t, 200)
	no := c.job.Post(t, upload+"?source=toggl", fields{"external_id": "d", "user_id": "bea", "date": "2026-11-20", "project": "=Shop", "seconds": 7}).Is(t, 201).Entry(t)
	c.bob.Put(t, approvals+"/"+no.ID, fields{"status": "rejected", "reason": "no"}).Is(t, 200)
	month := hours + "?from=2026-11-01&to=2026-11-30"
	for _, tt := range []struct {
		by    apitest.Caller
		query string
		want  string
	}{
		{c.job, "", `[{"entries":3,"hours":8.3303,"seconds":29989}]`},
		{c.ann, "", `[{"entries":2,"hours":7.3303,"seconds":26389}]`},
		{c.carl, "", `[]`},
		{c.carl, "&group_by=project", `[]`},
		{c.carl, "&user_id=*&group_by=user_id,week", `[{"entries":1,"hours":7.33,"seconds":26388,"user_id":"ann","week":"2026-W46"},` +
			`{"entries":1,"hours":0.0003,"seconds":1,"user_id":"ann","week":"2026-W47"},{"entries":1,"hours":1,"seconds":3600,"user_id":"bea","week":"2026-W47"}]`},
		{c.carl, "&user_id=bea&group_by=billable,month,status,source",
			`[{"billable":true,"entries":1,"hours":1,"month":"2026-11","seconds":3600,"source":"toggl","status":"pending"}]`},
		{c.job, "&user_id=ann&group_by=billable", `[{"billable":false,"entries":1,"hours":0.0003,"seconds":1},{"billable":true,"entries":1,"hours":7.33,"seconds":26388}]`},
	} {
		if got := string(tt.by.Get(t, month+tt.query).Is(t, 200).Body); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.query, got, tt.want)
		}
	}
	table := c.job.With("Accept", "text/csv").Get(t, month+"&group_by=project").Is(t, 200)
	tableOf(t, table)
	if got, want := string(table.Body), "project,seconds,hours,entries\r\n'=Shop,29988,8.33,2\r\n\"Größe, innen\",1,0.0003,1\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(c.carl.With("Accept", "text/csv").Get(t, month).Is(t, 200).Body); got != "seconds,hours,entries\r\n" {
		t.Errorf("of nothing: %q", got)
	}
	for query, code := range map[string]string{
		"":                               "required",
		"?from=2026-11-01":               "required",
		"?to=2026-11-01":                 "required",
		"?from=2026-11-02&to=2026-11-01": "out_of_range",
		"?from=x&to=2026-11-01":          "not_a_date",
		"?from=2026-11-01&to=2026-11-01&group_by=day":       "not_a_choice",
		"?from=2026-11-01&to=2026-11-01&group_by=week,week": "not_a_choice",
		"?from=2026-11-01&to=2026-11-01&week=2026-W47":      "unknown_member",
		"?from=2026-11-01&to=2026-11-01&user_id=":           "required",
		"?from=2026-11-01&to=2026-11-01&user_id=%00":        "nul",
	} {
		if p := c.job.Get(t, hours+query).Problem(t); p.Status != 422 || p.Code != code {
			t.Errorf("%q: got %+v, want 422 %s", query, p, code)
		}
	}
	c.ann.Get(t, month+"&user_id=bea").IsProblem(t, 403, "other_worker")
	c.ann.Get(t, month+"&user_id=*").IsProblem(t, 403, "other_worker")
}

// feed is a page of the change feed.
type feed struct {
	Changes []struct {
		Number   int64          `json:"number"`
		Index    int            `json:"index"`
		Type     string         `json:"type"`
		At       string         `json:"at"`
		By       string         `json:"by"`
		ImportID string         `json:"import_id"`
		Entry    map[string]any `json:"entry"`
	} `json:"changes"`
	Cursor string `json:"cursor"`
	More   bool   `json:"more"`
}

func read(t *testing.T, by apitest.Caller, cursor, limit string) feed {
	t.Helper()
	query := url.Values{"limit": {limit}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page feed
	by.Get(t, changes+"?"+query.Encode()).Is(t, 200).Read(t, &page)
	return page
}

func TestTheChangeFeedOverHTTP(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	if got := string(c.job.Get(t, changes).Is(t, 200).Body); got != `{"changes":[],"more":false}` {
		t.Errorf("before any change: %s", got)
	}
	run := c.job.Post(t, upload+"?source=toggl", []any{row("a"), row("bad").but(fields{"date": "1999-01-01"}), row("b")}).Is(t, 200).Report(t)
	a, b := run.Results[0].ID, run.Results[2].ID
	c.ann.Patch(t, timesheets+"/"+a, fields{"project": "Shop"}).Is(t, 200)
	c.bob.Put(t, approvals+"/"+a, nil).Is(t, 200)
	c.bob.Put(t, approvals+"/"+b, fields{"status": "rejected", "reason": "no"}).Is(t, 200)
	c.ann.Delete(t, timesheets+"/"+b).Is(t, 204)

	var got []string
	cursor := ""
	for more := true; more; {
		page := read(t, c.job, cursor, "1")
		if cursor, more = page.Cursor, page.More; len(page.Changes) != 1 || cursor == "" {
			t.Fatalf("a page of one: %+v", page)
		}
		change := page.Changes[0]
		got = append(got, fmt.Sprint(change.Number, ".", change.Index, " ", change.Type, " by ", change.By, " ", change.ImportID == run.ImportID, " ", change.Entry["external_id"], " ", change.Entry["project"], " ", change.Entry["status"]))
		if change.Type == "deleted" {
			at := change.Entry["deleted_at"]
			if diff := cmp.Diff(map[string]any{"id": b, "source": "toggl", "external_id": "b", "deleted_at": at}, change.Entry); diff != "" || at != change.At {
				t.Errorf("a tombstone of %s (-want +got):\n%s", change.At, diff)
			}
		}
	}
	if diff := cmp.Diff([]string{
		"1.0 created by import-job true a StoreZero pending",
		"1.1 created by import-job true b StoreZero pending",
		"2.0 updated by ann false a Shop pending",
		"3.0 approved by bob false a Shop approved",
		"4.0 rejected by bob false b StoreZero rejected",
		"5.0 deleted by ann false b <nil> <nil>",
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if page := read(t, c.job, cursor, "500"); len(page.Changes) != 0 || page.More || page.Cursor != cursor {
		t.Errorf("at the end: %+v", page)
	}
	c.ann.Post(t, timesheets, work()).Is(t, 201)
	if page := read(t, c.job, cursor, "500"); len(page.Changes) != 1 || page.Changes[0].Number != 6 || page.Changes[0].Type != "created" {
		t.Errorf("after the end: %+v", page)
	}
	other := c.api.Machine(t, c.org+"_other")
	if page := read(t, other, "", "500"); len(page.Changes) != 0 {
		t.Errorf("another organisation reads %+v", page)
	}
	for _, by := range []apitest.Caller{c.ann, c.bob} {
		by.Get(t, changes).IsProblem(t, 403, "machines_only")
	}
	for query, want := range map[string]int{"limit=0": 422, "limit=501": 422, "from=2026-01-01": 422, "cursor=x": 400, "cursor=": 400, "cursor=" + cursor[1:]: 400, "cursor=" + cursor + "AAAA": 400} {
		if p := c.job.Get(t, changes+"?"+query).Problem(t); p.Status != want {
			t.Errorf("%s: got %+v, want %d", query, p, want)
		}
	}
}
