package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const writers = 8

// measureCounter writes single entries of one organisation from several
// clients, with and without the counter of the change feed, in turn. No variant
// of the program has no counter, so it is the transaction's statements that are
// run here, as adapters/postgres has them, in both cases.
func measureCounter(ctx context.Context, s *stage, o options, t *table) error {
	db := s.base
	config, err := pgxpool.ParseConfig(db.url)
	if err != nil {
		return err
	}
	config.MaxConns = writers
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement // as the API does with a single entry's statements
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	var with, without, api figures
	for range o.pairs {
		for _, variant := range []struct {
			number string
			speed  *figures
		}{{counted, &with}, {uncounted, &without}} {
			if err := db.empty(ctx); err != nil {
				return err
			}
			if err := s.settle(ctx); err != nil {
				return err
			}
			speed, err := write(ctx, o.span/2, func(i int) error { return single(ctx, pool, variant.number, i) })
			if err != nil {
				return err
			}
			*variant.speed = append(*variant.speed, speed)
		}
		if err := db.empty(ctx); err != nil {
			return err
		}
		c := newClient(db.api.url+"/v1", s.creates)
		r := newRows(1_000_000, 0)
		speed, err := write(ctx, o.span/2, func(i int) error { return c.create(ctx, r, i*997%r.count) })
		if err != nil {
			return err
		}
		api = append(api, speed)
	}
	t.least("writing transactions a second : without the feed's counter", with.over(without), "", 0.9, 0.7)
	t.notef("%d clients, one organisation: %s transactions/s with the counter, %s without, by the statements alone; %s creates/s through the API.", writers, with, without, api)
	return db.empty(ctx)
}

// write calls do from writers at once for span, and gives how often a second.
func write(ctx context.Context, span time.Duration, do func(i int) error) (float64, error) {
	var next atomic.Int64
	failed := make([]error, writers)
	var all sync.WaitGroup
	began := time.Now()
	for w := range writers {
		all.Go(func() {
			for failed[w] == nil && ctx.Err() == nil && time.Since(began) < span {
				failed[w] = do(int(next.Add(1)))
			}
		})
	}
	all.Wait()
	return perSecond(int(next.Load()), time.Since(began)), errors.Join(errors.Join(failed...), ctx.Err())
}

// What gives a write its number.
const (
	counted = `INSERT INTO write_counters AS c (org_id, number) VALUES ($1, 1) ON CONFLICT (org_id) DO UPDATE SET number = c.number + 1 RETURNING number`
	// Nobody waits for this one; it is the place in the feed that is missing.
	uncounted = `SELECT $6::bigint AS number WHERE $1 <> ''`
)

// single is the transaction of one create, with the exchanges that the API makes.
func single(ctx context.Context, pool *pgxpool.Pool, number string, i int) error {
	r := newRows(1_000_000, 0)
	now := time.Now().UTC()
	user, day := userID(r.user(i)), r.day(i*997%r.count).Time()
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	write, err := uuid.NewV7()
	if err != nil {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection that is still in a transaction is closed
	var first, last pgx.Batch
	first.Queue("begin")
	first.Queue(`SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '30s', true),
		set_config('idle_in_transaction_session_timeout', '10s', true), set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true)`)
	first.Queue(`
		INSERT INTO workers (org_id, user_id, kind, created_at, updated_at)
		SELECT $1, k.user_id, $3, $4, $4 FROM unnest($2::text[]) AS k (user_id)
		WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.org_id = $1 AND w.user_id = k.user_id)
		ORDER BY k.user_id ON CONFLICT (org_id, user_id) DO NOTHING`, "default", []string{user}, "contractor", now)
	first.Queue(`SELECT user_id FROM workers WHERE org_id = $1 AND user_id = ANY ($2) ORDER BY user_id FOR NO KEY UPDATE`, "default", []string{user})
	first.Queue(`SELECT state FROM weeks WHERE org_id = $1 AND user_id = $2 AND monday = $3`, "default", user, day)
	first.Queue(`
		SELECT coalesce(sum(e.seconds), 0)::int8 FROM entries e
		WHERE e.org_id = $1 AND e.user_id = $2 AND e.day BETWEEN $3 AND $3 AND e.deletion IS NULL AND e.status <> 'rejected'`, "default", user, day)
	last.Queue(`
		INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, description, billable,
			status, version, change, created_at, created_by, updated_at, updated_by, write_id, position)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		"default", id, "api", id.String(), user, day, 60, r.project(i), r.text(i), true,
		"pending", 1, "created", now, "desk", now, "desk", write, 0)
	args := []any{"default", write, now, "desk", (*uuid.UUID)(nil)}
	if number == uncounted {
		args = append(args, int64(i))
	}
	last.Queue(`
		WITH next AS (`+number+`)
		INSERT INTO writes (org_id, number, write_id, at, principal, import_id) SELECT $1, number, $2, $3, $4, $5 FROM next`, args...)
	last.Queue("commit")
	for _, b := range []*pgx.Batch{&first, &last} {
		if err := conn.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
	}
	return nil
}
