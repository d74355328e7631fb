package main

import (
	"context"
	"fmt"
	"strings"
)

// empty removes everything that anybody brought.
func (db *database) empty(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `TRUNCATE entries, history, writes, write_counters, corrections, imports, import_parts, import_rows,
		sources, import_keys, refused_keys, received_before, workers, worker_identities, idempotency_keys`)
	return err
}

// twin makes a table with the columns and the indexes that entries has, as the
// migrations define it.
func (db *database) twin(ctx context.Context, name string) error {
	if _, err := db.pool.Exec(ctx, `DROP TABLE IF EXISTS `+name); err != nil {
		return err
	}
	if _, err := db.pool.Exec(ctx, `CREATE TABLE `+name+` (LIKE entries INCLUDING ALL)`); err != nil {
		return err
	}
	var ours, theirs int
	err := db.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE tablename = 'entries'), count(*) FILTER (WHERE tablename = $1) FROM pg_indexes`, name).Scan(&ours, &theirs)
	if err == nil && ours != theirs {
		err = fmt.Errorf("%s has %d indexes, entries has %d", name, theirs, ours)
	}
	return err
}

// state is what a table of entries holds.
type state struct{ entries, keys, seconds, revised int64 }

func (db *database) state(ctx context.Context, table string) (s state, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT count(*), count(DISTINCT external_id), coalesce(sum(seconds), 0), count(*) FILTER (WHERE version > 1)
		FROM `+table+` WHERE deleted_at IS NULL`).Scan(&s.entries, &s.keys, &s.seconds, &s.revised)
	return s, err
}

// holds wants exactly these rows in table, none lost, none twice.
func (db *database) holds(ctx context.Context, table string, r rows, revised int) error {
	got, err := db.state(ctx, table)
	if err != nil {
		return err
	}
	if want := (state{int64(r.count), int64(r.count), r.sum(), int64(revised)}); got != want {
		return fmt.Errorf("%s holds %+v, want %+v", table, got, want)
	}
	return nil
}

// recorded wants so many earlier states in history, and so many writes whose
// numbers have no gap and whose changes are all there.
func (db *database) recorded(ctx context.Context, history, writes int) error {
	var gotHistory, gotWrites, last, placed int64
	err := db.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM history), (SELECT count(*) FROM writes), (SELECT coalesce(max(number), 0) FROM writes),
			(SELECT count(*) FROM entries e WHERE EXISTS (SELECT 1 FROM writes w WHERE w.org_id = e.org_id AND w.write_id = e.write_id))`).
		Scan(&gotHistory, &gotWrites, &last, &placed)
	if err != nil {
		return err
	}
	var entries int64
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM entries`).Scan(&entries); err != nil {
		return err
	}
	if gotHistory != int64(history) || gotWrites != int64(writes) || last != gotWrites || placed != entries {
		return fmt.Errorf("there are %d rows of history (want %d), %d writes (want %d), the last number is %d, %d of %d entries are in the feed",
			gotHistory, history, gotWrites, writes, last, placed, entries)
	}
	return nil
}

// transaction gives the number of a transaction that begins now.
func (db *database) transaction(ctx context.Context) (id int64, err error) {
	err = db.pool.QueryRow(ctx, `SELECT txid_current()`).Scan(&id)
	return id, err
}

// writtenSince counts the tuples of entries and history that transactions from
// id on have written.
func (db *database) writtenSince(ctx context.Context, id int64) (tuples float64, err error) {
	var parts []string
	for _, table := range []string{"entries", "history"} {
		parts = append(parts, `(SELECT count(*) FROM `+table+` WHERE xmin::text::bigint >= $1)`)
	}
	err = db.pool.QueryRow(ctx, `SELECT (`+strings.Join(parts, " + ")+`)::float8`, id).Scan(&tuples)
	return tuples, err
}

// analyze does what autovacuum would do within the minute.
func (db *database) analyze(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `VACUUM (ANALYZE) entries`)
	return err
}
