package postgres_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/adapters/postgres"
	"timesheets/test/pgtest"
)

// rowsAfter are the rows of a COPY of which none is sent before what it waits
// for has come.
type rowsAfter struct {
	until func() error
	rows  io.Reader
}

func (r rowsAfter) Read(p []byte) (int, error) {
	if err := r.until(); err != nil {
		return 0, err
	}
	return r.rows.Read(p)
}

// soon asks until the answer is yes.
func soon(ctx context.Context, ask func() (bool, error)) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		again := time.NewTicker(time.Millisecond)
		defer again.Stop()
		for {
			if yes, err := ask(); yes || err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-again.C:
			}
		}
	}
}

func TestTheLogIsWrittenWhileACopyGoesOn(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Empty(t)})
	woken := soon(t.Context(), func() (yes bool, err error) {
		err = pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = $1)`, postgres.WakeWALWriter).Scan(&yes)
		return yes, err
	})
	copyNumbers(t, pool, woken)
}

// Two batches on a pool of two would wait for each other's connection for ever.
func TestACopyNeedsNoSecondConnection(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Empty(t), MaxConnections: 1})
	givenUp := soon(t.Context(), func() (bool, error) { return pool.Stat().CanceledAcquireCount() > 1, nil })
	copyNumbers(t, pool, givenUp)
}

func copyNumbers(t *testing.T, pool *pgxpool.Pool, until func() error) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `CREATE TABLE numbers (n integer)`); err != nil {
		t.Fatal(err)
	}
	if err := postgres.CopyIn(t.Context(), pool, rowsAfter{until, strings.NewReader("1\n2\n3\n")}, `COPY numbers FROM STDIN`); err != nil {
		t.Fatal(err)
	}
	var sum int
	if err := pool.QueryRow(t.Context(), `SELECT sum(n) FROM numbers`).Scan(&sum); err != nil || sum != 6 {
		t.Errorf("got %d, %v, want 6", sum, err)
	}
}
