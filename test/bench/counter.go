package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	writers = 8
	warmUp  = 2 * time.Second // goes before and does not count
)

// What takes the counter of the change feed away, and brings it back. No variant
// of the API has none; but where every write makes a counter of its own, numbered
// by a sequence, nobody waits for anybody's.
const (
	uncounted = `
		CREATE SEQUENCE uncounted;
		CREATE FUNCTION uncounted() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			NEW.number := nextval('uncounted');
			NEW.org_id := NEW.org_id || ' ' || NEW.number;
			RETURN NEW;
		END $$;
		CREATE TRIGGER uncounted BEFORE INSERT ON write_counters FOR EACH ROW EXECUTE FUNCTION uncounted()`
	counted = `
		DROP TRIGGER uncounted ON write_counters;
		DROP FUNCTION uncounted();
		DROP SEQUENCE uncounted`
)

// measureCounter records single entries of one organisation from several
// clients, with and without the counter of the change feed, in turn.
func measureCounter(ctx context.Context, s *stage, o options, t *table) error {
	db := s.base
	var with, without figures
	measure := func(speed *figures) error {
		if err := db.empty(ctx); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		c := newClient(db.api.url+"/v1", s.creates)
		defer c.http.CloseIdleConnections()
		r := newRows(1_000_000, 0)
		create := func(i int) error { return c.create(ctx, r, i*997%r.count) }
		if _, err := write(ctx, warmUp, create); err != nil {
			return err
		}
		each, err := write(ctx, o.span/2, create)
		*speed = append(*speed, each)
		return err
	}
	for range o.pairs {
		if err := measure(&with); err != nil {
			return err
		}
		if _, err := db.pool.Exec(ctx, uncounted); err != nil {
			return err
		}
		failed := measure(&without)
		if _, err := db.pool.Exec(ctx, counted); failed != nil || err != nil {
			return errors.Join(failed, err)
		}
	}
	t.least("writing transactions a second : without the feed's counter", with.over(without), "", 0.9, 0.7)
	t.notef("%d clients of the API, one organisation: %s creates/s with the counter, %s where a trigger in the database gives each write one of its own.", writers, with, without)
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
