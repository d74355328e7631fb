package postgres_test

import (
	"context"
	"errors"
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
	ctx  context.Context
	come func() (bool, error)
	rows io.Reader
}

func (r rowsAfter) Read(p []byte) (int, error) {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		if yes, err := r.come(); err != nil {
			return 0, err
		} else if yes {
			return r.rows.Read(p)
		}
		select {
		case <-r.ctx.Done():
			return 0, errors.New("what the rows wait for has not come")
		case <-again.C:
		}
	}
}

func TestTheLogIsWrittenWhileACopyGoesOn(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Empty(t)})
	copyNumbers(t, pool, func() (woken bool, err error) {
		err = pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = $1)`, postgres.WakeWALWriter).Scan(&woken)
		return woken, err
	})
}

// Two batches on a pool of two would wait for each other's connection for ever.
func TestACopyNeedsNoSecondConnection(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Empty(t), MaxConnections: 1})
	copyNumbers(t, pool, func() (givenUp bool, err error) { return pool.Stat().CanceledAcquireCount() > 1, nil })
}

func copyNumbers(t *testing.T, pool *pgxpool.Pool, when func() (bool, error)) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `CREATE TABLE numbers (n integer)`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := postgres.CopyIn(ctx, pool, rowsAfter{ctx, when, strings.NewReader("1\n2\n3\n")}, `COPY numbers FROM STDIN`); err != nil {
		t.Fatal(err)
	}
	var sum int
	if err := pool.QueryRow(t.Context(), `SELECT sum(n) FROM numbers`).Scan(&sum); err != nil || sum != 6 {
		t.Errorf("got %d, %v, want 6", sum, err)
	}
}
