package jobs

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
	"timesheets/test/trackertest"
)

func TestAJobThatIsKilledAgainAndAgainBringsEveryEntryOnce(t *testing.T) {
	t.Parallel()
	const entries, pages, most = 900, 50, 8
	random := chance(t)
	w := newWorld(t)
	w.kimai.Limit(20)
	w.spread(entries)
	last, kills := outcome{code: -1}, 0
	// A part that the API has in its hands renews the lease of who was killed.
	for last.code == -1 || last.code == 1 && strings.Contains(last.Error, "import_running") {
		w.endLeases(t)
		job := w.start(t, append([]string{"run"}, span()...)...)
		if kills < most {
			asked := len(w.kimai.Asked())
			page, further := 1+random.IntN(pages), time.Duration(random.IntN(30))*time.Millisecond
			apitest.Eventually(t, patience, func() bool { return len(w.kimai.Asked()) >= asked+page || job.over() })
			time.AfterFunc(further, job.kill)
		}
		if last = job.end(t); last.code == -1 {
			kills++
		}
	}
	last.is(t, 0)
	t.Logf("killed %d times", kills)
	if kills == 0 {
		t.Error("it was never killed")
	}
	w.isAsInTheTracker(t)
	// What each run brought anew adds up: nothing was created twice.
	if created := query[int](t, w, `SELECT sum(created)::int FROM import_parts`); created != entries {
		t.Errorf("all runs together created %d entries, want %d", created, entries)
	}
	if changed := query[int](t, w, `SELECT count(*) FROM entries WHERE version <> 1`); changed != 0 {
		t.Errorf("%d entries were written more than once", changed)
	}
	// Only a run that was killed after its completion, before it heard of it,
	// leaves a cursor to the next.
	completed := query[int](t, w, `SELECT count(*) FROM imports WHERE kind = 'run' AND state = 'completed'`)
	if w.cursor(t) != last.Cursor || last.Cursor == "" || (last.CursorBefore == "") != (completed == 1) {
		t.Errorf("the cursor is %s; the last of %d completed runs says %+v", w.cursor(t), completed, last.said)
	}
}

// detour hands requests on to the API.
type detour struct {
	to     string
	before func(call string)      // is told what is asked for; nil for nobody
	lose   func(call string) bool // whether the answer gets lost; nil for never
}

func (d detour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	call := r.Method + " " + parts[2] + " " + parts[len(parts)-1] + r.URL.Query().Get("part")
	if d.before != nil {
		d.before(call)
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, d.to+r.URL.RequestURI(), r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request.Header, request.ContentLength = r.Header, r.ContentLength
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	if d.lose != nil && d.lose(call) {
		_, _ = io.Copy(io.Discard, answer.Body)
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func TestWhateverAnswerIsLostTheRunIsOneAndItsCountsAreRight(t *testing.T) {
	t.Parallel()
	const starting = "POST imports imports"
	w := newWorld(t)
	w.spread(340)
	w.run(t, "--from", day(20), "--to", day(1)).is(t, 0)
	w.kimai.Delete(3)
	var mu sync.Mutex
	asked := map[string]int{}
	lossy := w.through(t, detour{to: w.api.URL, lose: func(call string) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[call]++
		// Go's client repeats a start once by itself.
		return asked[call] == 1 || asked[call] == 2 && call == starting
	}})
	o := lossy.run(t, append(span(), "--mirror")...).is(t, 0)
	if o.Read != 339 || o.Created != 300 || o.Unchanged != 39 || o.Deleted != 1 {
		t.Errorf("got %+v", o.said)
	}
	records := w.records(t)
	want := apitest.Counts{Received: 339, Created: 300, Unchanged: 39, Deleted: 1}
	if diff := cmp.Diff(want, records[0].Counts); diff != "" || len(records) != 2 || records[0].State != "completed" || records[0].Cursor != o.Cursor {
		t.Errorf("of %d imports the last is %+v: %s", len(records), records[0], diff)
	}
	for _, call := range []string{"GET sources kimai", starting, "POST timesheets upload1", "POST timesheets upload5", "POST imports complete"} {
		if asked[call] < 2 {
			t.Errorf("%s was asked %d times: its answer was not lost", call, asked[call])
		}
	}
	w.isAsInTheTracker(t)
}

func TestAnAPIThatIsKilledInTheMiddleOfARunGoesOnWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spread(600)
	uploading := make(chan string, 1000)
	beside := w.through(t, detour{to: w.api.URL, before: func(call string) { uploading <- call }})
	job := beside.start(t, append([]string{"run"}, span()...)...)
	for _, call := range []string{"POST timesheets upload2", "POST timesheets upload4", "POST imports complete"} {
		for at := ""; at != call; {
			select {
			case at = <-uploading:
			case <-time.After(patience):
				t.Fatalf("%s is not asked for", call)
			}
		}
		w.api.Kill(t) // while it does that
		w.api.Run(t)
	}
	o := job.end(t).is(t, 0)
	if o.Created != 600 || o.Retries == 0 {
		t.Errorf("got %+v", o.said)
	}
	w.api.AwaitReady(t)
	if got := w.record(t, o.Import); got.Created != 600 || got.State != "completed" || len(w.records(t)) != 1 {
		t.Errorf("on record: %+v", got)
	}
	w.isAsInTheTracker(t)
}

func TestAfterABackupIsRestoredTheNextRunBringsEverythingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(20, 10)
	old := w.run(t).is(t, 0)
	name := query[string](t, w, `SELECT current_database()`)
	beside := &world{database: pgtest.Empty(t)}
	order := func(sql string) {
		t.Helper()
		beside.order(t, fmt.Sprintf(sql, name))
	}
	w.api.Stop(t)
	order(`CREATE DATABASE %s_backup TEMPLATE %[1]s`)
	w.api.Run(t)
	for before := range 10 {
		w.kimai.Add(trackertest.Entry(100+before, day(before)))
	}
	w.run(t, "--tier", "weekly").is(t, 0)
	w.isAsInTheTracker(t)

	w.api.Stop(t)
	order(`DROP DATABASE %s`)
	order(`ALTER DATABASE %s_backup RENAME TO %[1]s`)
	w.api.Run(t)
	w.api.AwaitReady(t)
	if n := len(w.held(t)); n != 20 || w.cursor(t) != old.Cursor {
		t.Fatalf("the backup has %d entries and the cursor %s", n, w.cursor(t))
	}
	query[int](t, w, `UPDATE sources SET cursor = $1 RETURNING 1`, time.Now().UTC().AddDate(0, 0, -10).Format(time.RFC3339)) // it is ten days old
	if o := w.run(t).is(t, 0); o.Created != 10 {
		t.Errorf("got %+v", o.said)
	}
	w.isAsInTheTracker(t)
}
