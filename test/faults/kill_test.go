package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

const (
	allRows    = 20_000
	leastKills = 10
)

// batch is one request of the upload; it is sent until it is answered.
type batch struct {
	number int
	rows   []map[string]any
}

// batches cuts allRows into pieces of 500 to 1,000. The rows of a batch begin
// with its number, and are of workers whom other batches concern too.
func batches(random *rand.Rand) (all []batch) {
	for left := allRows; left > 0; {
		b := batch{number: len(all)}
		for n := min(left, 500+random.IntN(501)); n > 0; n-- {
			i := allRows - left
			left--
			b.rows = append(b.rows, map[string]any{
				"external_id": fmt.Sprintf("%d-%d", b.number, i), "user_id": fmt.Sprintf("w%d", i%150),
				"date": day(i % 90), "project": "P", "seconds": 60 + i%60,
			})
		}
		all = append(all, b)
	}
	return all
}

// ledger is what the clients were told, which must be true for good.
type ledger struct {
	mu      sync.Mutex
	entries map[string]string // external id → id
	created int               // as the answers say; an answer that got lost says nothing
}

func (l *ledger) note(t *testing.T, b batch, attempts int, report apitest.Report) {
	t.Helper()
	if report.Received != len(b.rows) || report.Created+report.Unchanged != len(b.rows) || report.Created*report.Unchanged != 0 {
		t.Errorf("batch %d of %d rows came to %+v", b.number, len(b.rows), report.Counts)
	}
	if report.Unchanged > 0 && attempts == 1 {
		t.Errorf("batch %d was there before it was sent", b.number)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.created += report.Created
	for _, r := range report.Results {
		l.entries[r.ExternalID] = r.ID
	}
}

func TestAnAPIThatIsKilledAgainAndAgainLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	random := chance(t)
	database := pgtest.Database(t)
	api := apitest.Start(t, database, nil)
	work := batches(random)
	told := &ledger{entries: map[string]string{}}

	up := &uploading{api: api, told: told, batches: work, begun: make(chan struct{}, 1), finished: make(chan struct{})}
	up.typical.Store(int64(50 * time.Millisecond))
	go up.run(t, 2)
	kills := up.killAgainAndAgain(t, random, func() { noHalfBatch(t, database, work) })
	t.Logf("%d batches, %d kills, %d requests repeated", len(work), kills, up.repeated.Load())
	if kills < leastKills {
		t.Errorf("it was killed %d times only, want at least %d", kills, leastKills)
	}
	api.AwaitReady(t)
	checkUpload(t, database, work, told)
	again := api.Machine(t, "").Post(t, "/v1/timesheets/upload?source=kill&results=none", work[0].rows).Is(t, 200).Report(t)
	if again.Unchanged != len(work[0].rows) {
		t.Errorf("afterwards the first batch is %+v", again.Counts)
	}
}

// uploading is the work of the clients, and what the one who kills knows of it.
type uploading struct {
	api     *apitest.API
	told    *ledger
	batches []batch

	begun    chan struct{} // gets something when a request is about to be sent
	finished chan struct{} // closed when everything is answered
	answered atomic.Int32
	repeated atomic.Int32
	typical  atomic.Int64 // how long a batch takes, in nanoseconds

	gate sync.RWMutex // locked while the program does not run
}

// run has so many clients send all batches, each until it is answered.
func (u *uploading) run(t *testing.T, clients int) {
	defer close(u.finished)
	waiting := make(chan batch, len(u.batches))
	for _, b := range u.batches {
		waiting <- b
	}
	close(waiting)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for b := range waiting {
				for attempt := 1; !u.send(t, b, attempt) && !t.Failed(); attempt++ {
					u.repeated.Add(1)
				}
				u.answered.Add(1)
			}
		})
	}
	all.Wait()
}

// send tells whether the batch was answered.
func (u *uploading) send(t *testing.T, b batch, attempt int) bool {
	u.awaitProgram()
	select {
	case u.begun <- struct{}{}:
	default:
	}
	began := time.Now()
	answer, err := u.api.Machine(t, "").Try(t, http.MethodPost, "/v1/timesheets/upload?source=kill", b.rows)
	switch {
	case err != nil, answer.Status == http.StatusServiceUnavailable:
		return false
	case answer.Status != http.StatusOK:
		t.Errorf("batch %d: got %d %s", b.number, answer.Status, answer.Body)
		return true
	}
	u.typical.Store(int64(time.Since(began)))
	u.told.note(t, b, attempt, answer.Report(t))
	return true
}

func (u *uploading) awaitProgram() {
	u.gate.RLock()
	defer u.gate.RUnlock()
}

// killAgainAndAgain kills the program at a random moment of every fourteenth
// part of the work, and starts it again where it was.
func (u *uploading) killAgainAndAgain(t *testing.T, random *rand.Rand, whileDead func()) (kills int) {
	t.Helper()
	const parts = 14
	for {
		select {
		case <-u.begun:
		case <-u.finished:
			return kills
		}
		if int(u.answered.Load())*parts < kills*len(u.batches) {
			continue
		}
		select {
		case <-time.After(time.Duration(random.Int64N(u.typical.Load()))):
		case <-u.finished:
			return kills
		}
		u.gate.Lock()
		u.api.Kill(t)
		kills++
		whileDead()
		u.api.Run(t)
		u.gate.Unlock()
	}
}

// noHalfBatch looks into the database while nothing but it is running: of each
// batch it has all rows or none.
func noHalfBatch(t *testing.T, database string, work []batch) {
	t.Helper()
	held := ask[struct{ Numbers, Rows []int }](t, database, `
		SELECT coalesce(array_agg(n), '{}'), coalesce(array_agg(c), '{}')
		FROM (SELECT split_part(external_id, '-', 1)::int AS n, count(*)::int AS c FROM entries WHERE source = 'kill' GROUP BY 1) AS held`)
	for i, n := range held.Numbers {
		if held.Rows[i] != len(work[n].rows) {
			t.Errorf("of batch %d there are %d rows of %d", n, held.Rows[i], len(work[n].rows))
		}
	}
}

// checkUpload holds the database against what was sent and what was told.
func checkUpload(t *testing.T, database string, work []batch, told *ledger) {
	t.Helper()
	noHalfBatch(t, database, work)
	got := ask[struct{ Entries, Keys, Fresh, Workers, History, Kept int }](t, database, `
		SELECT (SELECT count(*) FROM entries), (SELECT count(DISTINCT (org_id, source, external_id)) FROM entries),
			(SELECT count(*) FROM entries WHERE version = 1 AND deleted_at IS NULL), (SELECT count(*) FROM workers),
			(SELECT count(*) FROM history), (SELECT count(*) FROM import_rows)`)
	if got.Entries != allRows || got.Keys != allRows || got.Fresh != allRows || got.Workers != 150 || got.History+got.Kept != 0 {
		t.Errorf("the database has %+v, want %d entries of version 1", got, allRows)
	}
	runs := ask[struct{ Received, Created, Unchanged, Other, Creating, Open int }](t, database, `
		SELECT sum(received), sum(created), sum(unchanged), sum(updated + deleted + conflicts + rejected),
			count(*) FILTER (WHERE created > 0), count(*) FILTER (WHERE state <> 'completed') FROM imports`)
	if runs.Created != allRows || runs.Received != runs.Created+runs.Unchanged || runs.Other != 0 || runs.Creating != len(work) || runs.Open != 0 {
		t.Errorf("the imports count %+v, want %d created by %d of them", runs, allRows, len(work))
	}
	feed := ask[struct{ Writes, Last, Counter int }](t, database, `SELECT count(*), max(number), (SELECT number FROM write_counters) FROM writes`)
	if feed.Writes != len(work) || feed.Last != len(work) || feed.Counter != len(work) {
		t.Errorf("the change feed has %+v, want %d writes without a gap", feed, len(work))
	}
	keys, ids := make([]string, 0, len(told.entries)), make([]string, 0, len(told.entries))
	for key, id := range told.entries {
		keys, ids = append(keys, key), append(ids, id)
	}
	found := ask[struct{ Count int }](t, database, `
		SELECT count(*) FROM unnest($1::text[], $2::uuid[]) AS told (key, id)
		JOIN entries e ON e.source = 'kill' AND e.external_id = told.key AND e.id = told.id`, keys, ids).Count
	if len(keys) != allRows || found != allRows {
		t.Errorf("the answers named %d entries, %d of them are there under that id, want %d", len(keys), found, allRows)
	}
	if told.created > allRows {
		t.Errorf("the answers say that %d were created", told.created)
	}
}
