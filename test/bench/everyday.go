package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// measureEveryday loads the same rows through the API and through the everyday
// program, in turn: new, and then unchanged.
func measureEveryday(ctx context.Context, s *stage, o options, t *table) error {
	db, r := s.base, newRows(o.everyday, 2)
	if err := db.twin(ctx, "everyday"); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	everyday, err := start(ctx, filepath.Join(s.logs, "everyday.log"), s.self, []string{"everyday", address, s.issuer.URL()}, []string{"DATABASE_URL=" + db.url}, address, "/readyz")
	if err != nil {
		return err
	}
	defer everyday.stop()
	theirs := newClient(everyday.url+"/v1", s.uploads)

	var ourNew, ourSame, theirNew, theirSame figures
	us := func(want counts, speed *figures) error {
		if err := s.settle(ctx); err != nil {
			return err
		}
		got, took, err := db.client.load(ctx, source, r)
		if err := imported(got, want, err); err != nil {
			return err
		}
		*speed = append(*speed, perSecond(r.count, took))
		return db.holds(ctx, "entries", r, 0)
	}
	them := func(want counts, revised int, speed *figures) error {
		if err := s.settle(ctx); err != nil {
			return err
		}
		began := time.Now()
		got, err := theirs.batches(ctx, r, nil, func(int) string { return "/timesheets/upload?source=" + source })
		if err := imported(got, want, err); err != nil {
			return err
		}
		*speed = append(*speed, perSecond(r.count, time.Since(began)))
		return db.holds(ctx, "everyday", r, revised)
	}
	n := r.count
	for range o.pairs {
		if err := db.empty(ctx); err != nil {
			return err
		}
		if _, err := db.pool.Exec(ctx, `TRUNCATE everyday`); err != nil {
			return err
		}
		for _, do := range []func() error{
			func() error { return us(counts{Received: n, Created: n}, &ourNew) },
			func() error { return them(counts{Received: n, Created: n}, 0, &theirNew) },
			func() error { return db.analyze(ctx) },
			func() error { return us(counts{Received: n, Unchanged: n}, &ourSame) },
			func() error { return them(counts{Received: n, Updated: n}, n, &theirSame) },
		} {
			if err := do(); err != nil {
				return err
			}
		}
	}
	peak, err := peakMemory(everyday.cmd.Process.Pid)
	if err != nil {
		return err
	}
	t.least("new : everyday program", ourNew.over(theirNew), "", 10, 6)
	t.least("unchanged : everyday program", ourSame.over(theirSame), "", 20, 12)
	t.notef("The everyday program (Fiber, encoding/json, keyfunc on each request, INSERT … ON CONFLICT a row in one transaction; no history, feed or day's sum) was measured with %d rows, and so was the API against it: %s rows/s new and %s again, the API %s and %s. Its peak memory was %s.",
		n, thousands(theirNew), thousands(theirSame), thousands(ourNew), thousands(ourSame), fmt.Sprintf("%.0f MiB", peak))
	if _, err := db.pool.Exec(ctx, `DROP TABLE everyday`); err != nil {
		return err
	}
	return db.empty(ctx)
}
