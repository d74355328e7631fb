package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
)

// week is what the API shows of one.
type week struct {
	UserID  string `json:"user_id"`
	Week    string
	State   string
	Version int
	Amended bool
	Seconds int64
	Hours   float64
	Entries int
	Pending int
	Days    []struct {
		Date    string
		Seconds int64
	}
	Projects []struct {
		Project string
		Seconds int64
	}
	Moves []struct {
		Move, By, Reason, Digest string
	}
	Approved *struct {
		By      string
		Entries int
		Seconds int64
		Digest  string
		Holds   bool
	}
}

// read gets a week and its tag.
func (c company) week(t *testing.T, path string) (w week, tag string) {
	t.Helper()
	got := c.bob.Get(t, path).Is(t, 200)
	got.Read(t, &w)
	return w, got.Header.Get("ETag")
}

func TestAWeekIsHandedInApprovedSealedAndCorrected(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	monday := "2026-11-16"
	path := "/v1/weeks/ann/2026-W47"
	c.ann.Post(t, timesheets, work().but(fields{"date": monday, "hours": 7.5, "tags": []string{"b", "a", "ä"}, "started_at": "2026-11-16T09:00:00.25+01:00"})).Is(t, 201)
	c.job.Post(t, "/v1/timesheets/upload", row("1").but(fields{"date": "2026-11-17", "billable": false, "description": "words, and\nwords"})).Is(t, 201)

	c.bob.Post(t, path+"/approve", nil).IsProblem(t, 428, "if_match_required")
	c.ann.Post(t, path+"/submit", nil).Is(t, 200)
	c.ann.Post(t, timesheets, work().but(fields{"date": monday})).IsProblem(t, 409, "withdraw_first")
	submitted, tag := c.week(t, path)
	if submitted.State != "submitted" || submitted.Seconds != 30_600 || submitted.Hours != 8.5 || submitted.Entries != 2 || submitted.Pending != 2 ||
		len(submitted.Days) != 7 || submitted.Days[1].Seconds != 3_600 || len(submitted.Projects) != 1 || submitted.Approved != nil {
		t.Errorf("submitted: %+v", submitted)
	}
	c.job.Post(t, "/v1/timesheets/upload", row("1").but(fields{"date": "2026-11-17", "hours": 2})).Is(t, 200)
	c.bob.With("If-Match", tag).Post(t, path+"/approve", nil).IsProblem(t, 412, "stale_version")
	raised, tag := c.week(t, path)
	if raised.Version != submitted.Version+1 {
		t.Errorf("an import raised version %d to %d", submitted.Version, raised.Version)
	}
	c.bob.With("If-Match", tag).Post(t, path+"/reject", fields{"reason": " "}).IsProblem(t, 422, "required")
	c.bob.With("If-Match", tag).Post(t, path+"/approve", fields{}).Is(t, 200)
	c.bob.With("If-Match", tag).Post(t, path+"/approve", nil).Is(t, 200)
	if p := c.carl.With("If-Match", tag).Post(t, path+"/approve", nil).IsProblem(t, 409, "overtaken"); !strings.Contains(p.Detail, "approved by bob") {
		t.Errorf("the other approver reads %q", p.Detail)
	}
	approved, _ := c.week(t, path)
	if a := approved.Approved; a == nil || !a.Holds || a.By != "bob" || a.Entries != 2 || a.Seconds != 34_200 || a.Digest != c.digest(t, "ann", "2026-W47") {
		t.Errorf("approved: %+v, and the entries have the digest %s", a, c.digest(t, "ann", "2026-W47"))
	}

	c.ann.Post(t, timesheets, work().but(fields{"date": monday})).IsProblem(t, 409, "week_approved")
	late := row("late").but(fields{"date": "2026-11-18"})
	p := c.job.Post(t, "/v1/timesheets/upload", late).IsProblem(t, 409, "week_approved")
	var waiting []struct {
		ID, State, Code string
		Before          *apitest.Entry
		After           *apitest.Entry
	}
	c.bob.Get(t, "/v1/corrections?user_id=ann").Is(t, 200).Read(t, &waiting)
	if len(waiting) != 1 || waiting[0].ID != p.CorrectionID || waiting[0].Code != "week_approved" || waiting[0].Before != nil || waiting[0].After.Seconds != 3_600 {
		t.Fatalf("waiting: %+v", waiting)
	}
	c.bob.With("If-Match", `"7"`).Post(t, "/v1/corrections/"+p.CorrectionID+"/accept", nil).IsProblem(t, 412, "stale_version")
	c.bob.With("If-Match", `"1"`).Post(t, "/v1/corrections/"+p.CorrectionID+"/accept", nil).Is(t, 200)
	amended, tag := c.week(t, path)
	if a := amended.Approved; !amended.Amended || a == nil || !a.Holds || a.Entries != 3 || a.Digest == approved.Approved.Digest || a.Digest != c.digest(t, "ann", "2026-W47") {
		t.Errorf("amended: %+v", amended)
	}
	c.job.Post(t, "/v1/timesheets/upload", late).Is(t, 200)

	reopened := c.carl.With("If-Match", tag).Post(t, path+"/reopen", fields{"reason": "the customer asks"}).Is(t, 200)
	var w week
	reopened.Read(t, &w)
	var moves []string
	for _, m := range w.Moves {
		moves = append(moves, m.Move+" by "+m.By)
	}
	if got := strings.Join(moves, ", "); got != "submitted by ann, approved by bob, amended by bob, reopened by carl" || w.State != "open" || w.Pending != 3 || w.Approved != nil {
		t.Errorf("reopened: %+v", w)
	}
}

// digest makes the digest of a week as the document describes it, from what the
// API lists.
func (c company) digest(t *testing.T, userID, week string) string {
	t.Helper()
	var text strings.Builder
	say := func(fields ...string) {
		for _, f := range fields {
			fmt.Fprintf(&text, "%d:%s,", len(f), f)
		}
	}
	say("timesheets week 1", userID, week)
	entries := c.bob.Get(t, timesheets+"?user_id="+userID+"&week="+week).Is(t, 200).Entries(t)
	slices.SortFunc(entries, func(a, b apitest.Entry) int { return strings.Compare(a.ID, b.ID) })
	for _, e := range entries {
		external, started := e.ExternalID, ""
		if e.Source == "api" {
			external = e.ID
		}
		if e.StartedAt != "" {
			at, err := time.Parse(time.RFC3339Nano, e.StartedAt)
			if err != nil {
				t.Fatal(err)
			}
			started = at.UTC().Format("2006-01-02T15:04:05.000000Z")
		}
		say(e.ID, e.Source, external, e.Date, strconv.Itoa(e.Seconds), e.Project, e.Task, e.Description, strconv.FormatBool(e.Billable), started, e.TimeZone)
		tags := slices.Compact(slices.Sorted(slices.Values(e.Tags)))
		say(strconv.Itoa(len(tags)))
		say(tags...)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:])
}

func TestWhatAListOfWeeksIsAskedFor(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.ann.Post(t, timesheets, work().but(fields{"date": "2026-11-16"})).Is(t, 201)
	for query, code := range map[string]string{
		"state=done": "not_a_state", "state=missing": "required", "state=missing&week=2026-W47&user_id=ann": "not_a_choice", "week=2026-47": "not_a_week",
		"from=x": "not_a_date", "project=x": "unknown_member", "limit=0": "out_of_range",
	} {
		c.bob.Get(t, "/v1/weeks?"+query).IsProblem(t, 422, code)
	}
	for _, query := range []string{"state=open", "week=2026-W47", "from=2026-11-16&to=2026-11-16", "user_id=ann", ""} {
		var page []week
		if c.ann.Get(t, "/v1/weeks?"+query).Is(t, 200).Read(t, &page); len(page) != 1 || page[0].Week != "2026-W47" || page[0].Seconds != 3_600 {
			t.Errorf("%s: %+v", query, page)
		}
	}
	for _, none := range []string{"2026-W54", "2026-11-16", "now"} {
		c.bob.Get(t, "/v1/weeks/ann/"+none).IsProblem(t, 404, "not_found")
	}
	c.bob.Get(t, "/v1/weeks/ann/1999-W01").IsProblem(t, 422, "week_out_of_range")
	c.bob.Get(t, "/v1/weeks/nobody/2026-W47").IsProblem(t, 404, "not_found")
	c.ann.Post(t, "/v1/weeks/ann/1999-W01/submit", nil).IsProblem(t, 422, "week_out_of_range")
	var none []week
	if c.ann.Get(t, "/v1/weeks?to=2000-01-01").Is(t, 200).Read(t, &none); len(none) != 0 {
		t.Errorf("a refused week is there: %+v", none)
	}
	c.ann.Post(t, "/v1/weeks/ann/2199-W01/submit", nil).IsProblem(t, 422, "week_out_of_range")
	c.bob.Post(t, "/v1/corrections/01a1fa02-09c0-7c3b-9f2e-5b8f0c1d2e3f/accept", nil).IsProblem(t, 404, "not_found")
	c.bob.Post(t, "/v1/corrections/none/dismiss", fields{"reason": "x"}).IsProblem(t, 404, "not_found")
	c.bob.Get(t, "/v1/corrections?state=closed").IsProblem(t, 422, "not_a_state")
}
