package faults

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timesheets/adapters/localpostgres"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// load is what several clients do all the time, and what they are told.
type load struct {
	api *apitest.API

	down   atomic.Bool  // no connection to the database is left
	served atomic.Int64 // requests that succeeded
	turned atomic.Int64 // requests that got 503 while it was down
	inARow atomic.Int64 // requests that got 503 since one succeeded
	stop   chan struct{}
	mu     sync.Mutex
	acked  map[string]string // external id → id
}

// begin starts the clients; end, which happens with the test at the latest,
// waits for them.
func (l *load) begin(t *testing.T) (end func()) {
	t.Helper()
	var clients sync.WaitGroup
	for client := range 2 {
		clients.Go(func() { l.upload(t, client) })
		clients.Go(func() { l.record(t, client) })
	}
	clients.Go(func() { l.read(t) })
	end = sync.OnceFunc(func() {
		close(l.stop)
		clients.Wait()
	})
	t.Cleanup(end)
	return end
}

// upload sends batches, each until it is answered.
func (l *load) upload(t *testing.T, client int) {
	for n := 0; !l.over(t); n++ {
		rows := make([]any, 20)
		for i := range rows {
			rows[i] = map[string]any{"external_id": fmt.Sprintf("%d-%d-%d", client, n, i), "user_id": fmt.Sprintf("u%d", i), "date": day(n), "project": "P", "seconds": 1}
		}
		for {
			answer, ok := l.send(t, l.api.Machine(t, ""), http.MethodPost, "/v1/timesheets/upload?source=load", rows)
			if ok {
				report := answer.Report(t)
				if report.Created+report.Unchanged != len(rows) || report.Created*report.Unchanged != 0 {
					t.Errorf("half a batch: %+v", report.Counts)
				}
				l.mu.Lock()
				for _, r := range report.Results {
					l.acked[r.ExternalID] = r.ID
				}
				l.mu.Unlock()
				break
			}
			if l.over(t) {
				return
			}
		}
	}
}

// record adds entries by hand, each under a key that is repeated.
func (l *load) record(t *testing.T, client int) {
	for n := 0; !l.over(t); n++ {
		by := l.api.Person(t, fmt.Sprintf("p%d", client), "").With("Idempotency-Key", fmt.Sprint(n))
		// A key that was claimed when the database went down is held until its
		// lease ends: longer than this test lasts.
		for answered := false; !answered; {
			answer, ok := l.send(t, by, http.MethodPost, "/v1/timesheets", map[string]any{"date": day(n), "project": "P", "seconds": 1})
			answered = ok || answer.Status == http.StatusConflict
			if ok {
				e := answer.Entry(t)
				l.mu.Lock()
				l.acked[e.ID] = e.ID
				l.mu.Unlock()
			}
			if l.over(t) {
				return
			}
		}
	}
}

func (l *load) read(t *testing.T) {
	for !l.over(t) {
		l.send(t, l.api.Machine(t, ""), http.MethodGet, "/v1/timesheets?limit=5", nil)
	}
}

func (l *load) over(t *testing.T) bool {
	select {
	case <-l.stop:
		return true
	default:
		return t.Failed()
	}
}

// send is true when the request succeeded. While the database is down it is
// told 503, and nothing else ever goes wrong.
func (l *load) send(t *testing.T, by apitest.Caller, method, path string, body any) (apitest.Answer, bool) {
	wasDown := l.down.Load()
	answer := by.Send(t, method, path, body)
	switch {
	case answer.Status == http.StatusServiceUnavailable:
		l.inARow.Add(1)
		if wasDown && l.down.Load() {
			l.turned.Add(1)
		}
		return answer, false
	case wasDown && l.down.Load():
		t.Errorf("%s %s: got %d while the database is down", method, path, answer.Status)
	case answer.Status < 300:
		l.inARow.Store(0)
		l.served.Add(1)
		return answer, true
	case answer.Problem(t).Code != "idempotency_in_progress":
		t.Errorf("%s %s: got %d %s", method, path, answer.Status, answer.Body)
	}
	return answer, false
}

// more waits until a count has risen by n.
func more(t *testing.T, what string, of *atomic.Int64, n int64) {
	t.Helper()
	reach(t, what, of, of.Load()+n)
}

// reach waits until a count is at least n.
func reach(t *testing.T, what string, of *atomic.Int64, n int64) {
	t.Helper()
	if !apitest.Eventually(t, 30*time.Second, func() bool { return of.Load() >= n || t.Failed() }) {
		t.Fatalf("%s: %d, want %d", what, of.Load(), n)
	}
}

// day is another one for each number up to 9,000.
func day(before int) string {
	return time.Now().UTC().AddDate(0, 0, -before%9000).Format(time.DateOnly)
}

func TestADatabaseThatGoesDownUnderLoadTakesNothingWithIt(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	api := apitest.Start(t, server.URL(), nil)
	l := &load{api: api, stop: make(chan struct{}), acked: map[string]string{}}
	end := l.begin(t)
	for _, halt := range []struct {
		name string
		how  localpostgres.Halt
	}{{"kill -9", localpostgres.Killed}, {"an immediate stop", localpostgres.Immediate}, {"a fast stop", localpostgres.Fast}} {
		more(t, "requests that succeed before "+halt.name, &l.served, 50)
		if err := server.Halt(t.Context(), halt.how); err != nil {
			t.Fatal(err)
		}
		// Whoever was connected may be served a moment longer: the database's
		// processes end when they notice that the first of them has.
		reach(t, "requests that get 503 one after the other", &l.inARow, 30)
		l.down.Store(true)
		more(t, "requests that get 503 after "+halt.name, &l.turned, 50)
		api.Await(t, "/readyz", http.StatusServiceUnavailable)
		if p := api.As("").Get(t, "/readyz").Is(t, 503).Problem(t); p.NotReady != "database" {
			t.Errorf("not ready for want of %q", p.NotReady)
		}
		api.As("").Get(t, "/healthz").Is(t, 200)
		api.As("").Get(t, "/openapi.json").Is(t, 200)
		l.down.Store(false)
		if err := server.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		api.AwaitReady(t)
	}
	more(t, "requests that succeed in the end", &l.served, 50)
	end()
	t.Logf("%d requests succeeded, %d got 503, %d entries are acknowledged", l.served.Load(), l.turned.Load(), len(l.acked))

	keys, ids := make([]string, 0, len(l.acked)), make([]string, 0, len(l.acked))
	for key, id := range l.acked {
		keys, ids = append(keys, key), append(ids, id)
	}
	got := ask[struct{ Acked, Entries, Keys, Halves, Doubles int }](t, server.URL(), `
		SELECT (SELECT count(*) FROM unnest($1::text[], $2::uuid[]) AS told (key, id) JOIN entries e ON e.external_id = told.key AND e.id = told.id),
			(SELECT count(*) FROM entries), (SELECT count(DISTINCT (source, external_id)) FROM entries),
			(SELECT count(*) FROM (SELECT 1 FROM entries WHERE source = 'load'
				GROUP BY split_part(external_id, '-', 1), split_part(external_id, '-', 2) HAVING count(*) <> 20) AS half),
			(SELECT count(*) FROM (SELECT 1 FROM entries WHERE source = 'api' GROUP BY user_id, day HAVING count(*) > 1) AS double)`, keys, ids)
	if got.Acked != len(l.acked) || got.Entries != got.Keys || got.Halves != 0 || got.Doubles != 0 {
		t.Errorf("the database has %+v, and %d were acknowledged", got, len(l.acked))
	}
}

func TestAnAPIThatStartsBeforeItsDatabaseBecomesReadyWithIt(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	if err := server.Halt(t.Context(), localpostgres.Fast); err != nil {
		t.Fatal(err)
	}
	api := apitest.Launch(t, server.URL(), nil)
	api.As("").Get(t, "/healthz").Is(t, 200)
	api.Await(t, "/readyz", http.StatusServiceUnavailable)
	api.Machine(t, "").Get(t, "/v1/timesheets").Is(t, 503)
	if err := server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	api.AwaitReady(t)
	api.Machine(t, "").Get(t, "/v1/timesheets").Is(t, 200)
}

// A schema that lacks something is no defect of the program: it may be migrated
// any moment, or a newer one served before its migration.
func TestWithoutItsSchemaTheAPICannotServeYet(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]string{"without tables": pgtest.Empty(t), "without a column": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "without a column" {
				execute(t, database, `ALTER TABLE entries DROP COLUMN description`)
			}
			// What is migrated is another database.
			api := apitest.Launch(t, database, apitest.Settings{"DATABASE_DIRECT_URL": pgtest.Database(t)})
			api.Await(t, "/healthz", http.StatusOK)
			row := map[string]any{"external_id": "1", "user_id": "u", "date": day(0), "project": "P", "seconds": 1}
			for _, answer := range []apitest.Answer{
				api.Machine(t, "").Get(t, "/v1/timesheets"),
				api.Machine(t, "").Post(t, "/v1/timesheets/upload", row),
				api.Machine(t, "").Post(t, "/v1/timesheets/upload", []any{row}),
			} {
				answer.IsProblem(t, http.StatusServiceUnavailable, "database_unavailable")
				if answer.Header.Get("Retry-After") == "" {
					t.Error("nothing says when to come again")
				}
			}
		})
	}
}

// Beside each other two databases show which way what goes.
func TestMigrationsGoADirectWayToTheDatabase(t *testing.T) {
	t.Parallel()
	pooled, direct := pgtest.Empty(t), pgtest.Empty(t)
	api := apitest.Launch(t, pooled, apitest.Settings{"DATABASE_DIRECT_URL": direct})
	if !apitest.Eventually(t, time.Minute, func() bool { return api.Said("the schema is up to date") > 0 }) {
		t.Fatal("nothing is migrated")
	}
	const tables = `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`
	if ask[struct{ N int }](t, direct, tables).N == 0 || ask[struct{ N int }](t, pooled, tables).N != 0 {
		t.Error("the migrations went the other way")
	}
	api.Await(t, "/readyz", http.StatusServiceUnavailable)
}
