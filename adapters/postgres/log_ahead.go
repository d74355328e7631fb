package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	logAheadEvery    = 20 * time.Millisecond
	logAheadTimeout  = time.Second      // of waking the WAL writer
	logAheadPatience = time.Millisecond // for a connection that nobody else wants
)

// wakeWALWriter changes nothing. "The writer sleeps for the length of time given
// by wal_writer_delay, unless woken up sooner by an asynchronously committing
// transaction" (PostgreSQL manual, "wal_writer_delay"), and a transaction without
// a number of its own commits nothing.
const wakeWALWriter = `BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_current_xact_id(); COMMIT`

// writeLogAhead has PostgreSQL write its log while a COPY goes on, until end is
// called. A batch of new entries fills the log's buffers faster than they are
// emptied, five times a second by default: then who writes waits for who commits,
// and who commits for all that others have written. It is a help and no more:
// when no connection is to be had at once, or anything fails, it is left out.
func writeLogAhead(ctx context.Context, pool *pgxpool.Pool) (end func()) {
	during, cancel := context.WithCancel(ctx)
	var waking sync.WaitGroup
	waking.Go(func() {
		due := time.NewTicker(logAheadEvery)
		defer due.Stop()
		for {
			select {
			case <-during.Done():
				return
			case <-due.C:
				// A statement that is given up costs its connection.
				wake(context.WithoutCancel(during), pool)
			}
		}
	})
	return func() {
		cancel()
		waking.Wait()
	}
}

func wake(ctx context.Context, pool *pgxpool.Pool) {
	waiting, cancel := context.WithTimeout(ctx, logAheadPatience)
	defer cancel()
	conn, err := pool.Acquire(waiting)
	if err != nil {
		return
	}
	defer conn.Release()
	ctx, cancel = context.WithTimeout(ctx, logAheadTimeout)
	defer cancel()
	// Not by the pool's own way, which has every statement described and traced.
	_, _ = conn.Conn().PgConn().Exec(ctx, wakeWALWriter).ReadAll()
}
