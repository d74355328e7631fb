package integration

import (
	"testing"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// Entries are made while all days are open; then another process serves the
// same database with the books closed up to yesterday.
func TestNothingBeforeLockBeforeChangesOnAnyPath(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	open := apitest.Start(t, database, nil)
	locked := apitest.Start(t, database, apitest.Settings{"LOCK_BEFORE": day(-1)})
	old := func(id string) fields { return row(id).but(fields{"date": day(-2)}) }

	job, ann := open.Machine(t, ""), open.Person(t, "ann", "")
	uploaded := job.Post(t, upload, old("1")).Is(t, 201).Entry(t)
	gone := job.Post(t, upload, old("gone")).Is(t, 201).Entry(t)
	ann.Delete(t, timesheets+"/"+gone.ID).Is(t, 204)
	byHand := ann.Post(t, timesheets, work().but(fields{"date": day(-2)})).Is(t, 201).Entry(t)
	recent := ann.Post(t, timesheets, work()).Is(t, 201).Entry(t)

	job, ann = locked.Machine(t, ""), locked.Person(t, "ann", "")
	bob := locked.Approver(t, "bob", "")
	t.Run("adding", func(t *testing.T) {
		ann.Post(t, timesheets, work().but(fields{"date": day(-2)})).IsProblem(t, 422, "period_closed")
		ann.Post(t, timesheets, work().but(fields{"date": day(-1)})).Is(t, 201)
	})
	t.Run("changing", func(t *testing.T) {
		ann.Patch(t, timesheets+"/"+byHand.ID, fields{"hours": 2}).IsProblem(t, 409, "period_closed")
		ann.Patch(t, timesheets+"/"+byHand.ID, fields{"date": today()}).IsProblem(t, 409, "period_closed")
		bob.Patch(t, timesheets+"/"+byHand.ID, fields{"user_id": "bea"}).IsProblem(t, 409, "period_closed")
		ann.Patch(t, timesheets+"/"+recent.ID, fields{"date": day(-2)}).IsProblem(t, 422, "period_closed")
		ann.Patch(t, timesheets+"/"+byHand.ID, fields{"hours": 1}).Is(t, 200) // which says nothing new
	})
	t.Run("deleting", func(t *testing.T) {
		ann.Delete(t, timesheets+"/"+byHand.ID).IsProblem(t, 409, "period_closed")
	})
	t.Run("deciding", func(t *testing.T) {
		bob.Put(t, approvals+"/"+byHand.ID, nil).IsProblem(t, 409, "period_closed")
		bob.Put(t, approvals+"/"+byHand.ID, fields{"status": "rejected", "reason": "no"}).IsProblem(t, 409, "period_closed")
	})
	t.Run("uploading an object", func(t *testing.T) {
		job.Post(t, upload, old("new")).IsProblem(t, 422, "period_closed")
		job.Post(t, upload, old("1").but(fields{"hours": 2})).IsProblem(t, 422, "period_closed")
		job.Post(t, upload, old("1").but(fields{"date": today()})).IsProblem(t, 422, "period_closed")
		job.Post(t, upload, old("gone").but(fields{"hours": 2})).IsProblem(t, 422, "period_closed")
		job.Post(t, upload, old("1")).Is(t, 200)
	})
	t.Run("uploading rows", func(t *testing.T) {
		got := job.Post(t, upload, []any{old("1"), old("1 too"), old("gone"), row("recent")}).Is(t, 200).Report(t)
		for i, want := range []string{"unchanged", "rejected", "unchanged", "created"} {
			if r := got.Results[i]; r.Outcome != want || want == "rejected" && r.Code != "period_closed" {
				t.Errorf("row %d: got %+v, want %s", i, r, want)
			}
		}
	})
	for _, was := range []apitest.Entry{uploaded, byHand} {
		if is := ann.Get(t, timesheets+"/"+was.ID).Is(t, 200).Entry(t); is.Version != 1 || is.Status != "pending" {
			t.Errorf("a closed entry became %+v", is)
		}
	}
}

func TestDaysFrom2000To31DaysAheadCanBeWrittenTo(t *testing.T) {
	t.Parallel()
	api := apitest.Start(t, pgtest.Database(t), nil)
	ann, job := api.Person(t, "ann", ""), api.Machine(t, "")
	// Around midnight "31 days ahead" depends on when the request arrives.
	for date, status := range map[string]int{"1999-12-31": 422, "2000-01-01": 201, day(30): 201, day(33): 422} {
		ann.Post(t, timesheets, work().but(fields{"date": date})).Is(t, status)
		job.Post(t, upload, row(date).but(fields{"date": date})).Is(t, status)
	}
}
