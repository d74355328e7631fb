package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxAttempts    = 3                     // of one transaction that lost a race
	acquireTimeout = 2 * time.Second       // for a connection of the pool
	retryPause     = 20 * time.Millisecond // at least, before the next attempt; ten times as much at most
)

// inTx runs fn in one transaction: commit on nil, roll back on error or panic,
// and again, three times at most, when the transaction lost a race and
// PostgreSQL, or errRaced, asks for it. fn may therefore run more than once.
// It is the only BEGIN in the program. Errors come out as faults.
func inTx(ctx context.Context, pool *pgxpool.Pool, fn func(*transaction) error) error {
	return retrying(ctx, pool, pgx.TxOptions{}, fn)
}

// transaction is one that keeps its last statements back, to send them together
// with the commit: what they lock, nobody waits for longer than the commit takes.
type transaction struct {
	pgx.Tx
	last pgx.Batch
}

// atLast runs a statement with the commit, after all others, in the order in
// which they were given. It may fail as any statement; what it answers nobody
// reads.
func (t *transaction) atLast(sql string, args ...any) { t.last.Queue(sql, args...) }

// commit ends the transaction with its last statements.
func (t *transaction) commit(ctx context.Context) error {
	if t.last.Len() == 0 {
		return t.Commit(ctx)
	}
	t.last.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" { // a statement had failed, and nobody said so
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	if err := t.SendBatch(ctx, &t.last).Close(); err != nil {
		return errors.Join(err, t.undo(ctx))
	}
	return nil
}

// undo ends the transaction without effect.
func (t *transaction) undo(ctx context.Context) error {
	if err := t.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		return err
	}
	return nil
}

// transact runs fn in one transaction: commit on nil, roll back on error or
// panic.
func transact(ctx context.Context, conn *pgxpool.Conn, options pgx.TxOptions, fn func(*transaction) error) error {
	tx, err := conn.BeginTx(ctx, bounded(options))
	if err != nil {
		return err
	}
	t := &transaction{Tx: tx}
	returned := false
	defer func() {
		if !returned {
			_ = t.undo(ctx) // it panics: whoever hears of that has more to see to
		}
	}()
	err = fn(t)
	returned = true
	if err != nil {
		return errors.Join(err, t.undo(ctx))
	}
	return t.commit(ctx)
}

// inSnapshot runs fn in a read-only transaction, in which every statement sees
// the same state.
func inSnapshot(ctx context.Context, pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	return retrying(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx *transaction) error { return fn(tx) })
}

func retrying(ctx context.Context, pool *pgxpool.Pool, options pgx.TxOptions, fn func(*transaction) error) error {
	var err error
	for attempt := range maxAttempts {
		if attempt > 0 {
			pause := retryPause + rand.N(9*retryPause)
			select {
			case <-ctx.Done():
				return translate(ctx.Err())
			case <-time.After(pause):
			}
		}
		err = onConn(ctx, pool, func(conn *pgxpool.Conn) error {
			return transact(ctx, conn, options, fn)
		})
		if !raced(err) {
			return translate(err)
		}
	}
	return translate(err)
}

// onConn runs fn with a connection of the pool, and waits for one no longer
// than acquireTimeout: who finds the pool empty is told so soon.
func onConn(ctx context.Context, pool *pgxpool.Pool, fn func(*pgxpool.Conn) error) error {
	waiting, cancel := context.WithTimeoutCause(ctx, acquireTimeout, errNoConnection)
	defer cancel()
	conn, err := pool.Acquire(waiting)
	if err != nil {
		if errors.Is(context.Cause(waiting), errNoConnection) {
			return errors.Join(errNoConnection, err)
		}
		return err
	}
	defer conn.Release()
	return fn(conn)
}

// query runs one reading statement outside a transaction and collects its rows.
func query[T any](ctx context.Context, pool *pgxpool.Pool, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	var all []T
	err := onConn(ctx, pool, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scan)
		return err
	})
	return all, translate(err)
}

var (
	errNoConnection = errors.New("no connection of the pool became free in time")
	errRaced        = errors.New("another transaction was faster")
)

// raced tells whether the transaction lost a race and may be run again as a
// whole: serialization failure, deadlock, lock timeout, or a key that another
// transaction took first.
func raced(err error) bool {
	if errors.Is(err, errRaced) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "40001", "40P01", "55P03":
		return true
	case "0A000": // after a migration
		return pg.Message == "cached plan must not change result type"
	case "23505":
		for _, key := range []string{"entries_origin", "corrections_open", "workers_pkey", "imports_live", "import_parts_pkey", "weeks_pkey", "week_moves_pkey"} {
			if constraint(pg, key) {
				return true
			}
		}
	}
	return false
}
