package faults

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// All processes wait for the same locks: were none of them ready, nobody would
// be served.
func TestAPileUpOnLocksMakesNoProgramUnready(t *testing.T) {
	t.Parallel()
	const connections, writers = 2, 8
	database := pgtest.Database(t)
	api := apitest.Start(t, database, apitest.Settings{"DATABASE_POOL_MAX": strconv.Itoa(connections)})
	holder, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(t.Context())
	held, err := holder.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(t.Context(), `LOCK TABLE entries IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	var turned atomic.Int64
	var all sync.WaitGroup
	over := make(chan struct{})
	end := sync.OnceFunc(func() {
		close(over)
		all.Wait()
	})
	t.Cleanup(end)
	for range writers {
		all.Go(func() {
			for {
				row := map[string]any{"date": day(0), "project": "P", "seconds": 1}
				switch got := api.Person(t, "ann", "").Post(t, "/v1/timesheets", row); got.Status {
				case http.StatusServiceUnavailable:
					turned.Add(1)
				case http.StatusCreated: // the lock is gone
					return
				default:
					t.Errorf("got %d %s", got.Status, got.Body)
					return
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	ready := true
	apitest.Eventually(t, time.Minute, func() bool {
		ready = ready && api.As("").Get(t, "/readyz").Status == http.StatusOK
		return !ready || turned.Load() > 2*writers || t.Failed()
	})
	if n := turned.Load(); !ready || n <= 2*writers {
		t.Errorf("after %d writes that could not be, readiness is %t", n, ready)
	}
	if err := held.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	end()
	api.Person(t, "ann", "").Post(t, "/v1/timesheets", map[string]any{"date": day(1), "project": "P", "seconds": 1}).Is(t, http.StatusCreated)
}
