package jobs

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
	"timesheets/test/trackertest"
)

func TestAMonthIsImportedOnceHoweverOftenItIsImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kimai.Shift(trackertest.WeeksTo(time.Now()))
	before := time.Now().Add(-time.Second)
	first := w.run(t).is(t, 3)
	if first.Read != 537 || first.Created != 532 || first.New != 5 || first.Mode != "upsert" || first.CursorBefore != "" || first.Message != "import finished" {
		t.Errorf("got %+v", first.said)
	}
	if at, err := time.Parse(time.RFC3339, first.Cursor); err != nil || at.Before(before.Truncate(time.Second)) || at.After(time.Now()) || first.Cursor != w.cursor(t) {
		t.Errorf("the cursor is %q in the log and %q in the API, want when the run began", first.Cursor, w.cursor(t))
	}
	got := w.record(t, first.Import)
	want := apitest.Counts{Received: 537, Created: 532, Rejected: 5}
	if diff := cmp.Diff(want, got.Counts); diff != "" || got.Kind != "run" || got.State != "completed" || got.From+" to "+got.To != first.Window {
		t.Errorf("the API has %+v on record: %s", got, diff)
	}
	second := w.run(t, "--tier", "weekly").is(t, 0)
	if second.Unchanged != 532 || second.Known != 5 || second.New != 0 || second.Created+second.Updated+second.Deleted != 0 || second.CursorBefore != first.Cursor {
		t.Errorf("the second time: %+v", second.said)
	}
	if n := len(w.held(t)); n != 532 {
		t.Errorf("there are %d entries", n)
	}
}

func TestAPlanChangesNothingAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(20, 3)
	w.run(t).is(t, 0)
	w.kimai.Edit(2, func(r trackertest.Record) { r["duration"] = 120 })
	w.kimai.Delete(3)
	w.kimai.Delete(4)
	w.kimai.Add(trackertest.Entry(99, day(1)))
	w.machine.Post(t, "/v1/imports", map[string]any{"source": "kimai", "mode": "upsert", "from": day(1), "to": day(0)}).Is(t, http.StatusCreated)
	plan := w.start(t, "plan", "--mirror", "--tier", "nightly").end(t).is(t, 0)
	for _, line := range []string{"Would import kimai as a mirror", "1  created", "1  updated", "17  unchanged", "2  would be deleted"} {
		if !strings.Contains(plan.stdout, line) {
			t.Errorf("%q is not in\n%s", line, plan.stdout)
		}
	}
	if held := w.held(t); len(held) != 20 || held["2"] != 60 {
		t.Errorf("the plan changed something: %v", held)
	}
	if n := w.kimai.IDs(); len(n) != 19 {
		t.Fatalf("the tracker has %d entries", len(n))
	}
}

func TestWhatIsReadFollowsFromHowFarTheSourceWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(60, 60)
	reach := func(args ...string) (days int) {
		t.Helper()
		o := w.run(t, args...).is(t, 0)
		from, err := time.Parse(time.DateOnly, o.Window[:len(time.DateOnly)])
		if err != nil {
			t.Fatal(err)
		}
		return int(time.Now().UTC().Sub(from) / (24 * time.Hour))
	}
	about := func(what string, got, want int) {
		t.Helper()
		if got != want && got != want+1 { // it may still be yesterday somewhere
			t.Errorf("%s reaches %d days back, want %d", what, got, want)
		}
	}
	about("an import of two old days", reach("--from", day(30), "--to", day(29)), 30)
	if cursor := w.cursor(t); cursor != "" {
		t.Errorf("days that leave a gap move the cursor to %s", cursor)
	}
	about("the first import", reach(), 45)
	about("the second", reach(), 1)
	about("the nightly one", reach("--tier", "nightly"), 7)
	about("the weekly one", reach("--tier", "weekly"), 45)
	cursor := w.cursor(t)
	about("an import of old days", reach("--from", day(59), "--to", day(50)), 59)
	if w.cursor(t) != cursor {
		t.Errorf("the cursor was moved back from %s to %s", cursor, w.cursor(t))
	}
	for _, args := range [][]string{{"--tier", "recent"}, {"--tier", "nightly"}, nil} {
		// 200 runs an hour apart never took place.
		query[int](t, w, `UPDATE sources SET cursor = $1 RETURNING 1`, time.Now().UTC().Add(-200*time.Hour).Format(time.RFC3339))
		about("after missed runs "+strings.Join(args, " "), reach(args...), 9)
	}
}

func TestMissedRunsAreMadeUpFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(10, 2)
	w.run(t).is(t, 0)
	query[int](t, w, `UPDATE sources SET cursor = $1 RETURNING 1`, time.Now().UTC().AddDate(0, 0, -20).Format(time.RFC3339))
	for before := range 20 {
		w.kimai.Add(trackertest.Entry(100+before, day(before)))
	}
	if o := w.run(t).is(t, 0); o.Created != 20 || o.Unchanged != 10 {
		t.Errorf("got %+v", o.said)
	}
	w.isAsInTheTracker(t)
}

func TestAStoppedJobMakesRoomForTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(50, 5)
	await, release := w.holdAt(t, 1)
	job := w.start(t, "run")
	await()
	job.terminate()
	o := job.end(t).is(t, 1)
	release()
	if o.Message != "import not finished" || !strings.Contains(o.Error, "stopped") || w.record(t, o.Import).State != "aborted" {
		t.Errorf("got %+v, and %+v", o.said, w.record(t, o.Import))
	}
	if next := w.run(t).is(t, 0); next.Created != 50 || next.CursorBefore != "" {
		t.Errorf("the next one: %+v", next.said)
	}
}

func TestWithoutTokensNothingIsTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(5, 5)
	w.run(t).is(t, 0)
	w.kimai.Add(trackertest.Entry(99, day(0)))
	w.env["AUTH0_TOKEN_URL"] = "http://127.0.0.1:1/oauth/token"
	if o := start(t, w.env, "", "check").end(t).is(t, 1); !strings.Contains(o.stdout, "FAILED  token") {
		t.Errorf("got %s", o.stdout)
	}
	if o := w.run(t, "--timeout", "1s").is(t, 1); !strings.Contains(o.Error, "out_of_time") {
		t.Errorf("got %+v", o.said)
	}
	if n := len(w.held(t)); n != 5 || len(w.records(t)) != 1 {
		t.Errorf("%d entries and %d imports, want 5 and 1", n, len(w.records(t)))
	}
}
