package postgres

import (
	"context"
	"errors"
	"io"
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
	return retrying(ctx, pool, "begin", fn)
}

// transaction saves exchanges with the server, each of which keeps others waiting
// for what the transaction has locked. It begins with its first batch, if that is
// what comes first, and keeps its last statements back, to send them with the
// commit.
type transaction struct {
	pool  *pgxpool.Pool // that conn is of
	conn  *pgxpool.Conn
	begin string // how it begins; "" once it has begun
	last  pgx.Batch
}

// atLast runs a statement with the commit, after all others, in the order in
// which they were given. It may fail as any statement; what it answers nobody
// reads.
func (t *transaction) atLast(sql string, args ...any) { t.last.Queue(sql, args...) }

// SendBatch sends b, which begins the transaction if nothing has yet.
func (t *transaction) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if t.begin != "" {
		var first pgx.Batch
		first.Queue(t.begin)
		first.Queue(limits)
		first.QueuedQueries = append(first.QueuedQueries, b.QueuedQueries...)
		t.begin, b = "", &first
	}
	return t.conn.SendBatch(ctx, b)
}

// start begins the transaction if nothing has yet.
func (t *transaction) start(ctx context.Context) error {
	if t.begin == "" {
		return nil
	}
	return t.SendBatch(ctx, &pgx.Batch{}).Close()
}

func (t *transaction) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := t.start(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.conn.Exec(ctx, sql, args...)
}

func (t *transaction) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	return t.conn.Query(ctx, sql, args...)
}

func (t *transaction) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := t.start(ctx); err != nil {
		return noRow{err}
	}
	return t.conn.QueryRow(ctx, sql, args...)
}

// noRow is the row of a statement that was not sent.
type noRow struct{ err error }

func (r noRow) Scan(...any) error { return r.err }

// copyIn runs a COPY … FROM STDIN of what from holds.
func (t *transaction) copyIn(ctx context.Context, from io.Reader, sql string) (pgconn.CommandTag, error) {
	if err := t.start(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	defer writeLogAhead(ctx, t.pool)()
	return t.conn.Conn().PgConn().CopyFrom(ctx, from, sql)
}

// commit ends the transaction with its last statements.
func (t *transaction) commit(ctx context.Context) error {
	if t.begin != "" && t.last.Len() == 0 {
		return nil // nothing was asked, nothing is to be done
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

// undo ends the transaction without effect. A connection that does not answer
// is closed; so is one that the pool gets back in a transaction.
func (t *transaction) undo(ctx context.Context) error {
	if t.conn.Conn().IsClosed() || t.conn.Conn().PgConn().TxStatus() == 'I' {
		return nil
	}
	_, err := t.conn.Exec(ctx, "rollback")
	return err
}

// transact runs fn in one transaction: commit on nil, roll back on error or
// panic.
func transact(ctx context.Context, t *transaction, fn func(*transaction) error) error {
	returned := false
	defer func() {
		if !returned {
			_ = t.undo(ctx) // it panics: whoever hears of that has more to see to
		}
	}()
	err := fn(t)
	returned = true
	if err != nil {
		return errors.Join(err, t.undo(ctx))
	}
	return t.commit(ctx)
}

// inSnapshot runs fn in a read-only transaction, in which every statement sees
// the same state.
func inSnapshot(ctx context.Context, pool *pgxpool.Pool, fn func(*transaction) error) error {
	return retrying(ctx, pool, "begin isolation level repeatable read read only", fn)
}

func retrying(ctx context.Context, pool *pgxpool.Pool, begin string, fn func(*transaction) error) error {
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
			return transact(ctx, &transaction{pool: pool, conn: conn, begin: begin}, fn)
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
	err = fn(conn)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && replanned(pg) {
		pool.Reset() // each of its connections would say so for as long as it lives
	}
	return err
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
	if replanned(pg) {
		return true
	}
	switch pg.Code {
	case "40001", deadlockDetected, lockNotAvailable:
		return true
	case "23505":
		for _, key := range []string{"entries_origin", "corrections_open", "workers_pkey", "imports_live", "import_parts_pkey", "weeks_pkey", "week_moves_pkey"} {
			if constraint(pg, key) {
				return true
			}
		}
	}
	return false
}

// replanned tells whether a migration has changed what a statement answers that
// the connection has kept since before.
func replanned(err *pgconn.PgError) bool {
	return err.Code == "0A000" && err.Message == "cached plan must not change result type"
}
