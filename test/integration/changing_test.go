package integration

import (
	"sync"
	"sync/atomic"
	"testing"

	"timesheets/test/integration/apitest"
)

const timesheets = "/v1/timesheets"

func TestAPatchChangesWhatItNames(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	e := c.ann.Post(t, timesheets, work().but(fields{"task": "Checkout", "tags": []string{"a"}, "billable": false, "time_zone": "Europe/Berlin"})).Is(t, 201).Entry(t)
	at := timesheets + "/" + e.ID
	for _, tt := range []struct {
		name  string
		patch any
		is    func(apitest.Entry) bool
	}{
		{"one member", fields{"project": "Website"}, func(e apitest.Entry) bool { return e.Project == "Website" && e.Task == "Checkout" && e.Hours == 1 }},
		{"hours", fields{"hours": "2.5"}, func(e apitest.Entry) bool { return e.Seconds == 9000 }},
		{"seconds", fields{"seconds": 60}, func(e apitest.Entry) bool { return e.Seconds == 60 && e.Hours == 0.0167 }},
		{"an optional member taken away", `{"task":null,"tags":null}`, func(e apitest.Entry) bool { return e.Task == "" && e.Tags == nil && e.TimeZone != "" }},
		{"billable back to what it is unsaid", `{"billable":null}`, func(e apitest.Entry) bool { return e.Billable }},
		{"the day", fields{"date": day(-8)}, func(e apitest.Entry) bool { return e.Date == day(-8) }},
	} {
		before := c.ann.Get(t, at).Is(t, 200)
		got := c.ann.Patch(t, at, tt.patch).Is(t, 200)
		if after := got.Entry(t); !tt.is(after) || after.Version != before.Entry(t).Version+1 || got.Header.Get("ETag") == before.Header.Get("ETag") {
			t.Errorf("%s: got %+v", tt.name, after)
		}
	}
	if got := c.ann.Patch(t, at, fields{}).Is(t, 200).Entry(t); got.Version != 7 {
		t.Errorf("a patch of nothing made version %d", got.Version)
	}
	if got := c.ann.With("Content-Type", "application/json").Patch(t, at, fields{"project": "Website"}).Is(t, 200).Entry(t); got.Version != 7 {
		t.Errorf("a patch of the same made version %d", got.Version)
	}
}

func TestAPatchThatBreaksARuleChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := timesheets + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	for body, want := range map[string]string{
		`{"project":null}`:               "wrong_type",
		`{"date":null}`:                  "wrong_type",
		`{"hours":null}`:                 "wrong_type",
		`{"hours":0}`:                    "out_of_range",
		`{"date":"2050-01-01"}`:          "date_out_of_range",
		`{"status":"approved"}`:          "unknown_member",
		`{"source":"toggl"}`:             "unknown_member",
		`{"external_id":"1"}`:            "unknown_member",
		`{"id":"1"}`:                     "unknown_member",
		`{"version":7}`:                  "unknown_member",
		`[]`:                             "wrong_type",
		`{"time_zone":"Berlin, please"}`: "invalid_entry",
		`{"user_id":""}`:                 "required",

		`{"started_at":"0001-01-01T00:00:00Z"}`:              "out_of_range",
		`{"started_at":"0001-01-01T01:00:00.0000001+01:00"}`: "out_of_range",
	} {
		if p := c.ann.Patch(t, at, body).Problem(t); p.Status != 422 || p.Code != want {
			t.Errorf("%s: got %+v, want 422 %s", body, p, want)
		}
	}
	c.ann.Patch(t, at, `{"project":`).IsProblem(t, 400, "malformed_json")
	c.ann.Patch(t, at, `{"task":"a","task":"b"}`).IsProblem(t, 400, "duplicate_member")
	c.ann.With("Content-Type", "application/json-patch+json").Patch(t, at, `[]`).IsProblem(t, 415, "unsupported_media_type")
	if e := c.ann.Get(t, at).Is(t, 200).Entry(t); e.Version != 1 {
		t.Errorf("it became %+v", e)
	}
}

// An empty user_id is not "my own", and the instant that stands for none is no
// beginning: both were written, so leaving them out was not meant.
func TestWhatIsWrittenIsNotTakenAsLeftOut(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for member, value := range map[string]string{"user_id": "", "started_at": "0001-01-01T00:00:00Z"} {
		for name, by := range map[string]apitest.Caller{"a person": c.ann, "an approver": c.bob, "a machine": c.job} {
			p := by.Post(t, timesheets, work().but(fields{"user_id": map[string]any{"a machine": "ann"}[name], member: value})).Problem(t)
			if p.Status != 422 || len(p.Errors) != 1 || p.Errors[0].Pointer != "/"+member {
				t.Errorf("%s's %s: %+v", name, member, p)
			}
		}
	}
	if e := c.job.Post(t, upload, row("1").but(fields{"started_at": "0001-01-01T00:00:00Z"})).Is(t, 201).Entry(t); e.StartedAt != "" {
		t.Errorf("a machine's row has begun at %s", e.StartedAt)
	}
}

func TestIfMatchLetsThroughOnlyTheVersionThatWasSeen(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := timesheets + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.ann.With("If-Match", `"1"`).Patch(t, at, fields{"hours": 2}).Is(t, 200)
	c.ann.With("If-Match", `"1"`).Patch(t, at, fields{"hours": 3}).IsProblem(t, 412, "stale_version")
	c.ann.With("If-Match", `W/"2"`).Patch(t, at, fields{"hours": 3}).IsProblem(t, 412, "stale_version")
	c.ann.With("If-Match", `2`).Patch(t, at, fields{"hours": 3}).IsProblem(t, 400, "bad_header")
	c.ann.With("If-Match", `"7", "2"`).Patch(t, at, fields{"hours": 3}).Is(t, 200)
	c.ann.With("If-Match", `*`).Patch(t, at, fields{"hours": 4}).Is(t, 200)
	c.ann.With("If-Match", `"3"`).Delete(t, at).IsProblem(t, 412, "stale_version")
	c.bob.With("If-Match", `"3"`).Put(t, "/v1/approvals/"+at[len(timesheets)+1:], nil).IsProblem(t, 412, "stale_version")
	// Another's is not there, whatever version one names.
	c.bea.With("If-Match", `"4"`).Delete(t, at).IsProblem(t, 404, "not_found")
	c.ann.With("If-Match", `"4"`).Delete(t, at).Is(t, 204)
	c.ann.With("If-Match", `"5"`).Delete(t, at).IsProblem(t, 404, "not_found")
}

func TestOfManyChangesToOneVersionOneHappens(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := timesheets + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	var all sync.WaitGroup
	var won atomic.Int32
	for i := range 16 {
		all.Go(func() {
			switch got := c.ann.With("If-Match", `"1"`).Patch(t, at, fields{"seconds": 60 + i}); got.Status {
			case 200:
				won.Add(1)
			case 412:
			default:
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	all.Wait()
	if e := c.ann.Get(t, at).Entry(t); won.Load() != 1 || e.Version != 2 {
		t.Errorf("%d changes were taken, and the version is %d", won.Load(), e.Version)
	}
}

func TestADecidedEntryCanBeChangedOnlyIfItWasRejected(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	approved := c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.bob.Put(t, "/v1/approvals/"+approved, nil).Is(t, 200)
	c.ann.Patch(t, timesheets+"/"+approved, fields{"hours": 2}).IsProblem(t, 409, "entry_approved")
	c.ann.Delete(t, timesheets+"/"+approved).IsProblem(t, 409, "entry_approved")
	c.bob.Delete(t, timesheets+"/"+approved).IsProblem(t, 409, "entry_approved")

	rejected := c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.bob.Put(t, "/v1/approvals/"+rejected, fields{"status": "rejected", "reason": "twice"}).Is(t, 200)
	if e := c.ann.Patch(t, timesheets+"/"+rejected, fields{"hours": 2}).Is(t, 200).Entry(t); e.Status != "pending" || e.Reason != "" || e.DecidedBy != "" {
		t.Errorf("a rejected entry that was changed is %+v", e)
	}
	c.bob.Put(t, "/v1/approvals/"+rejected, fields{"status": "rejected", "reason": "again"}).Is(t, 200)
	c.ann.Delete(t, timesheets+"/"+rejected).Is(t, 204)
}

func TestOnlyMachinesAndApproversGiveAnEntryToAnotherWorker(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := timesheets + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.ann.Patch(t, at, fields{"user_id": "bea"}).IsProblem(t, 403, "other_worker")
	c.ann.Patch(t, at, fields{"user_id": "ann"}).Is(t, 200) // that is no move
	if e := c.bob.Patch(t, at, fields{"user_id": "bea"}).Is(t, 200).Entry(t); e.UserID != "bea" {
		t.Errorf("got %+v", e)
	}
	c.ann.Get(t, at).IsProblem(t, 404, "not_found")
	if e := c.job.Patch(t, at, fields{"user_id": "newcomer"}).Is(t, 200).Entry(t); e.UserID != "newcomer" {
		t.Errorf("got %+v", e)
	}
	c.bob.Get(t, "/v1/workers/newcomer").Is(t, 200)
}

func TestWhatIsDeletedIsGoneForEverybody(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := timesheets + "/" + c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t).ID
	c.ann.Delete(t, at).Is(t, 204)
	for _, by := range []apitest.Caller{c.ann, c.bob, c.job} {
		by.Get(t, at).IsProblem(t, 404, "not_found")
		by.Patch(t, at, fields{"hours": 1}).IsProblem(t, 404, "not_found")
		by.Delete(t, at).IsProblem(t, 404, "not_found")
	}
	c.bob.Put(t, "/v1/approvals/"+at[len(timesheets)+1:], nil).IsProblem(t, 404, "not_found")
	if all := c.job.Get(t, timesheets).Entries(t); len(all) != 0 {
		t.Errorf("the list has %+v", all)
	}
}

func TestWhatIsNoIDNamesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for _, id := range []string{"17", "x", "01a1f2d1-d400-7c3b-9f2e-5b8f0c1d2e3", "%00", "01A1F2D1-D400-7C3B-9F2E-5B8F0C1D2E3F", "{01a1f2d1-d400-7c3b-9f2e-5b8f0c1d2e3f}"} {
		c.ann.Get(t, timesheets+"/"+id).IsProblem(t, 404, "not_found")
		c.ann.Patch(t, timesheets+"/"+id, fields{}).IsProblem(t, 404, "not_found")
		c.ann.Delete(t, timesheets+"/"+id).IsProblem(t, 404, "not_found")
		c.bob.Put(t, "/v1/approvals/"+id, nil).IsProblem(t, 404, "not_found")
		c.job.Get(t, "/v1/imports/"+id).IsProblem(t, 404, "not_found")
		c.job.Get(t, "/v1/imports/"+id+"/rows").IsProblem(t, 404, "not_found")
	}
}
