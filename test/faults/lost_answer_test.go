package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

const losses = 100

func TestARequestWhoseAnswerWasLostIsRepeatedWithoutDoublingAnything(t *testing.T) {
	t.Parallel()
	random := chance(t)
	database := pgtest.Database(t)
	api := apitest.Start(t, database, nil)
	between := newProxy(t, api)
	ann, job := api.Person(t, "ann", ""), api.Machine(t, "")
	for i := range losses {
		// An entry by hand: its key makes it the same request.
		keyed := ann.With("Idempotency-Key", fmt.Sprint("by-hand-", i))
		entry := map[string]any{"date": day(i), "project": "P", "hours": 1}
		between.cut(-1, random.IntN(300))
		lose(t, keyed.Via(between.url), "/v1/timesheets", entry)
		first := keyed.Post(t, "/v1/timesheets", entry).Is(t, http.StatusCreated)
		again := keyed.Post(t, "/v1/timesheets", entry).Is(t, http.StatusCreated)
		if first.Header.Get("Idempotency-Replayed") != "true" || !bytes.Equal(first.Body, again.Body) || first.Header.Get("Location") != again.Header.Get("Location") {
			t.Errorf("loss %d: the answer is given again as %s, then as %s", i, first.Body, again.Body)
		}
		// An upload: what it says makes it the same.
		rows := []any{}
		for n := range 3 {
			rows = append(rows, map[string]any{"user_id": "bea", "date": day(i), "project": "P", "hours": 1, "task": fmt.Sprint(n / 2)})
		}
		between.cut(-1, random.IntN(300))
		lose(t, job.Via(between.url), "/v1/timesheets/upload", rows)
		if report := job.Post(t, "/v1/timesheets/upload", rows).Is(t, http.StatusOK).Report(t); report.Unchanged != 3 {
			t.Errorf("loss %d: repeated, the upload is %+v", i, report.Counts)
		}
	}
	got := ask[struct{ ByHand, Uploaded, Keys int }](t, database, `
		SELECT count(*) FILTER (WHERE source = 'api'), count(*) FILTER (WHERE source = 'upload'), count(DISTINCT (source, external_id)) FROM entries`)
	if got.ByHand != losses || got.Uploaded != 3*losses || got.Keys != 4*losses {
		t.Errorf("there are %+v, want %d by hand and %d uploaded", got, losses, 3*losses)
	}
}

func TestARequestThatWasCutOnItsWayHasNoEffect(t *testing.T) {
	t.Parallel()
	random := chance(t)
	database := pgtest.Database(t)
	api := apitest.Start(t, database, nil)
	between := newProxy(t, api)
	rows := make([]any, 50)
	for i := range rows {
		rows[i] = map[string]any{"external_id": fmt.Sprint(i), "user_id": fmt.Sprint(i), "date": day(0), "project": "P", "hours": 1}
	}
	for range 30 {
		between.cut(random.IntN(4000), -1) // of some 5,000 bytes
		lose(t, api.Machine(t, "").Via(between.url), "/v1/timesheets/upload?source=cut", rows)
		lose(t, api.Machine(t, "").With("Content-Type", "application/x-ndjson").Via(between.url), "/v1/timesheets/upload", bytes.Repeat([]byte("{}\n"), 2000))
	}
	if n := ask[struct{ Entries, Imports, Rows int }](t, database, `SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM imports), (SELECT count(*) FROM import_rows)`); n.Entries+n.Imports+n.Rows != 0 {
		t.Errorf("requests that never arrived left %+v", n)
	}
	if report := api.Machine(t, "").Post(t, "/v1/timesheets/upload?source=cut", rows).Is(t, http.StatusOK).Report(t); report.Created != 50 {
		t.Errorf("sent whole, it is %+v", report.Counts)
	}
}

// lose sends a request whose answer must not come.
func lose(t *testing.T, by apitest.Caller, path string, body any) {
	t.Helper()
	if answer, err := by.Try(t, http.MethodPost, path, body); err == nil && answer.Status < 400 {
		t.Errorf("POST %s was answered with %d through a line that is cut", path, answer.Status)
	}
}
