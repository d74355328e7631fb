package integration

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"timesheets/test/integration/apitest"
)

// fullDay gives ann 24 hours today, eight each by hand and from two sources.
func fullDay(t *testing.T, c company) (byHand, uploaded apitest.Entry) {
	t.Helper()
	byHand = c.ann.Post(t, timesheets, work().but(fields{"hours": 8})).Is(t, 201).Entry(t)
	uploaded = c.job.Post(t, upload+"?source=toggl", row("1").but(fields{"hours": 8})).Is(t, 201).Entry(t)
	c.job.Post(t, upload+"?source=kimai", row("1").but(fields{"hours": 8})).Is(t, 201)
	return byHand, uploaded
}

func TestADayHasNoMoreThan24HoursOnAnyPath(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	byHand, uploaded := fullDay(t, c)
	second := fields{"hours": nil, "seconds": 1}
	yesterday := c.ann.Post(t, timesheets, work().but(second).but(fields{"date": day(-1)})).Is(t, 201).Entry(t)
	beas := c.bea.Post(t, timesheets, work().but(second)).Is(t, 201).Entry(t)

	p := c.ann.Post(t, timesheets, work().but(second)).IsProblem(t, 422, "day_over_24h")
	if !strings.Contains(p.Detail, today()) || !strings.Contains(p.Detail, "86401") {
		t.Errorf("the detail %q does not name day and sum", p.Detail)
	}
	c.job.Post(t, timesheets, work().but(second).but(fields{"user_id": "ann"})).IsProblem(t, 422, "day_over_24h")
	c.ann.Patch(t, timesheets+"/"+byHand.ID, fields{"seconds": 8*3600 + 1}).IsProblem(t, 422, "day_over_24h")
	c.ann.Patch(t, timesheets+"/"+yesterday.ID, fields{"date": today()}).IsProblem(t, 422, "day_over_24h")
	c.bob.Patch(t, timesheets+"/"+beas.ID, fields{"user_id": "ann"}).IsProblem(t, 422, "day_over_24h")
	c.job.Post(t, upload, row("2").but(second)).IsProblem(t, 422, "day_over_24h")
	c.job.Post(t, upload+"?source=toggl", row("1").but(fields{"hours": 9})).IsProblem(t, 422, "day_over_24h")
	if r := c.job.Post(t, upload, []any{row("2").but(second)}).Is(t, 200).Report(t).Results[0]; r.Code != "day_over_24h" || !strings.Contains(r.Error.Detail, "86401") {
		t.Errorf("a row that is over: %+v", r)
	}
	// What shrinks or leaves makes room, and what stays the same is let be.
	c.ann.Patch(t, timesheets+"/"+byHand.ID, fields{"task": "Checkout"}).Is(t, 200)
	c.ann.Patch(t, timesheets+"/"+byHand.ID, fields{"seconds": 8*3600 - 1}).Is(t, 200)
	c.ann.Patch(t, timesheets+"/"+yesterday.ID, fields{"date": today()}).Is(t, 200)
	c.ann.Delete(t, timesheets+"/"+uploaded.ID).Is(t, 204)
	c.ann.Post(t, timesheets, work().but(fields{"hours": 8})).Is(t, 201)
}

func TestARejectedEntryDoesNotCountUntilItIsPendingAgain(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	byHand, uploaded := fullDay(t, c)
	for _, id := range []string{byHand.ID, uploaded.ID} {
		c.bob.Put(t, approvals+"/"+id, fields{"status": "rejected", "reason": "no"}).Is(t, 200)
	}
	c.ann.Post(t, timesheets, work().but(fields{"hours": 16})).Is(t, 201)
	c.ann.Patch(t, timesheets+"/"+byHand.ID, fields{"hours": 1}).IsProblem(t, 422, "day_over_24h")
	c.job.Post(t, upload+"?source=toggl", row("1").but(fields{"hours": 1})).IsProblem(t, 422, "day_over_24h")
}

func TestAChunkIsJudgedByTheStateAtItsEnd(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.job.Post(t, upload, []any{row("a").but(fields{"hours": 12}), row("b").but(fields{"hours": 12})}).Is(t, 200)
	got := c.job.Post(t, upload, []any{
		row("new").but(fields{"hours": 10}),                             // fits, because b leaves
		row("new too").but(fields{"hours": 10}),                         // does not, because of its position
		row("b").but(fields{"hours": 12, "date": day(-1)}),              // leaves
		row("a").but(fields{"hours": 11}),                               // shrinks
		row("of another day").but(fields{"date": day(-1)}),              // fits beside b
		row("of another day").but(fields{"date": day(-1), "hours": 13}), // does not
	}).Is(t, 200).Report(t)
	var said []string
	for _, r := range got.Results {
		said = append(said, r.Outcome+r.Code)
	}
	if want := "created rejectedday_over_24h updated updated unchangedsuperseded rejectedday_over_24h"; strings.Join(said, " ") != want {
		t.Errorf("got %v, want %s", said, want)
	}
}

func TestManyAtOnceDoNotGetPast24Hours(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	var all sync.WaitGroup
	var taken atomic.Int32
	for i := range 36 {
		all.Go(func() {
			var got apitest.Answer
			if i%2 == 0 {
				got = c.ann.Post(t, timesheets, work())
			} else {
				got = c.job.Post(t, upload, row(fmt.Sprint(i)))
			}
			switch {
			case got.Status == 201:
				taken.Add(1)
			case got.Problem(t).Code != "day_over_24h":
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	all.Wait()
	if taken.Load() != 24 {
		t.Errorf("%d entries of an hour were taken", taken.Load())
	}
}
