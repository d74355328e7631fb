package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	logAheadEvery    = 20 * time.Millisecond
	logAheadPatience = 100 * time.Millisecond // for a connection
	logAheadTimeout  = time.Second            // of waking the WAL writer
)

// wakeWALWriter changes nothing. The WAL writer sleeps for wal_writer_delay, unless
// a transaction that commits asynchronously wakes it sooner (PostgreSQL manual,
// "wal_writer_delay"), and one without a number of its own has nothing to commit.
// The setting is this statement's alone.
const wakeWALWriter = `SELECT set_config('synchronous_commit', 'off', true), pg_current_xact_id()`

// writeLogAhead has PostgreSQL write its log while a COPY goes on, until end is
// called. A batch of new entries fills the log's buffers faster than they are
// emptied, five times a second by default: then who writes waits for who commits,
// and who commits for all that others have written. It is a help and no more:
// when no connection is to be had, or anything fails, it is left out.
func writeLogAhead(ctx context.Context, pool *pgxpool.Pool) (end func()) {
	during, cancel := context.WithCancel(ctx)
	go func() {
		due := time.NewTicker(logAheadEvery)
		defer due.Stop()
		for {
			select {
			case <-during.Done():
				return
			case <-due.C:
				wakeTheWriter(during, pool)
			}
		}
	}()
	// Nobody waits for what is under way, which ends by itself: behind a pooler it
	// may stand in line for the very connection that the transaction has.
	return cancel
}

// wakeTheWriter waits for a connection no longer than the COPY goes on: its
// transaction has one already. What it does is no part of a request, or each time
// would be a span of its trace.
func wakeTheWriter(during context.Context, pool *pgxpool.Pool) {
	waiting, cancel := context.WithTimeout(context.Background(), logAheadPatience)
	defer cancel()
	defer context.AfterFunc(during, cancel)()
	conn, err := pool.Acquire(waiting)
	if err != nil {
		return
	}
	defer conn.Release()
	// A statement that is given up costs its connection, and this takes a moment.
	asking, cancel := context.WithTimeout(context.Background(), logAheadTimeout)
	defer cancel()
	// Not by the pool's own way, which has every statement described.
	_, _ = conn.Conn().PgConn().Exec(asking, wakeWALWriter).ReadAll()
}
