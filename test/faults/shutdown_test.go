package faults

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

func TestWhatIsInFlightIsAnsweredBeforeTheProgramEnds(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	// Requests wait in the middle of their work; for a lock they would only a few
	// seconds.
	execute(t, database,
		`CREATE TABLE gate (open bool)`,
		`CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.1); END LOOP; RETURN NEW; END $$`,
		`CREATE TRIGGER gate BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION wait_at_gate()`)
	api := apitest.Start(t, database, nil)
	job := api.Machine(t, "")
	const inFlight = 6
	var all sync.WaitGroup
	for i := range inFlight {
		all.Go(func() {
			row := map[string]any{"external_id": fmt.Sprint(i), "user_id": fmt.Sprint(i), "date": day(0), "project": "P", "seconds": 1}
			if got := job.Post(t, "/v1/timesheets/upload", row); got.Status != http.StatusCreated {
				t.Errorf("request %d: got %d %s", i, got.Status, got.Body)
			}
		})
	}
	waiting := func() bool {
		return ask[struct{ N int }](t, database, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`).N == inFlight
	}
	if !apitest.Eventually(t, time.Minute, waiting) {
		t.Fatal("the requests do not wait")
	}
	ended := api.Terminate()
	refused := func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(api.URL, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}
	if !apitest.Eventually(t, time.Minute, refused) {
		t.Error("the program takes connections still")
	}
	select {
	case <-ended:
		t.Error("the program ended with requests in flight")
	default:
	}
	execute(t, database, `INSERT INTO gate VALUES (true)`)
	all.Wait()
	<-ended
	api.Stop(t) // which looks at how it ended
	if n := ask[struct{ N int }](t, database, `SELECT count(*) FROM entries`).N; n != inFlight {
		t.Errorf("there are %d entries, want %d", n, inFlight)
	}
}

func TestAMigrationEndsWithItsProgram(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	// The first migration does what it has to do, and then takes its time.
	execute(t, database,
		`CREATE TABLE schema_version (version int4 NOT NULL)`,
		`INSERT INTO schema_version VALUES (0)`,
		`CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$`,
		`CREATE TRIGGER linger BEFORE UPDATE ON schema_version FOR EACH ROW EXECUTE FUNCTION linger()`)
	migrating := func() bool {
		return ask[struct{ N int }](t, database, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`).N > 0
	}
	api := apitest.Launch(t, database, nil)
	if !apitest.Eventually(t, time.Minute, migrating) {
		t.Fatal("the migration does not begin")
	}
	<-api.Terminate()
	api.Stop(t) // which looks at how it ended
	if migrating() {
		t.Error("the database is still at the migration")
	}
}

// Two programs serve the same database behind a balancer that asks for
// readiness, and are replaced one after the other: no client sees it.
func TestARollingRestartIsSeenByNobody(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	pair := make([]*apitest.API, 2)
	ready := make([]atomic.Bool, 2)
	for i := range pair {
		pair[i] = apitest.Start(t, database, apitest.Settings{"SHUTDOWN_DELAY": "2s"}) // the balancer looks often enough on a busy machine
	}
	over := make(chan struct{})
	var all sync.WaitGroup
	end := sync.OnceFunc(func() {
		close(over)
		all.Wait()
	})
	t.Cleanup(end)
	for i := range pair {
		all.Go(func() {
			again := time.NewTicker(20 * time.Millisecond)
			defer again.Stop()
			for {
				answer, err := pair[i].As("").Try(t, http.MethodGet, "/readyz", nil)
				ready[i].Store(err == nil && answer.Status == http.StatusOK)
				select {
				case <-again.C:
				case <-over:
					return
				}
			}
		})
	}
	var served, sent atomic.Int64
	for i := range pair {
		becomesReady(t, &ready[i])
	}
	for client := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				i := (n + client) % 2
				if !ready[i].Load() {
					i = 1 - i // if neither is, the request fails, and so does the test
				}
				sent.Add(1)
				row := map[string]any{"external_id": fmt.Sprintf("%d-%d", client, n), "user_id": fmt.Sprint(client), "date": day(n), "project": "P", "seconds": 1}
				answer, err := pair[i].Machine(t, "").Try(t, http.MethodPost, "/v1/timesheets/upload", row)
				if err != nil || answer.Status != http.StatusCreated {
					t.Errorf("request %d of client %d: got %d %s, %v", n, client, answer.Status, answer.Body, err)
				}
				served.Add(1)
			}
		})
	}
	for i := range pair {
		more(t, "requests before a restart", &served, 50)
		<-pair[i].Terminate()
		pair[i].Stop(t)
		pair[i].Run(t)
		becomesReady(t, &ready[i])
	}
	end()
	for i := range pair {
		pair[i].Terminate() // both at a time
	}
	if n := int64(ask[struct{ N int }](t, database, `SELECT count(*) FROM entries`).N); n != sent.Load() {
		t.Errorf("there are %d entries of %d requests", n, sent.Load())
	}
	t.Logf("%d requests", sent.Load())
}

func becomesReady(t *testing.T, ready *atomic.Bool) {
	t.Helper()
	if !apitest.Eventually(t, time.Minute, ready.Load) {
		t.Fatal("a program does not become ready")
	}
}
