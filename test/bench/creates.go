package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// perSecondOpen is the pace of single creates: they come when they come,
// whether or not the ones before have their answer.
const perSecondOpen = 300

// measureCreates records single entries at that pace while an import runs.
func measureCreates(ctx context.Context, s *stage, o options, t *table) error {
	db := s.base
	if err := s.fillLog(ctx, db); err != nil {
		return err
	}
	var alone, during, cold, imported figures
	for range o.pairs {
		if err := db.empty(ctx); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		quiet, _, err := s.pace(ctx, db, o.span)
		if err != nil {
			return err
		}
		alone = append(alone, quiet)
		if err := db.empty(ctx); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		var busy, first float64
		speed, err := s.importing(ctx, db, min(o.rows, 100_000), func() error { busy, first, err = s.pace(ctx, db, o.span); return err })
		if err != nil {
			return err
		}
		during, cold, imported = append(during, busy), append(cold, first), append(imported, speed)
	}
	t.most(fmt.Sprintf("a single create's p99 at %d/s during an import", perSecondOpen), during, " ms", 10, 20)
	t.notef("Creates are an open loop of %s, timed from when each was due; without an import their p99 is %s ms. The %s before do not count: all tables have just been emptied, so every connection plans anew and every worker is new. Of those the p99 is %s ms. Meanwhile %s rows/s are imported. An import before all of them, which does not count, has the server make files of its log. The API has its default settings but for the rate limits.", o.span, alone, warmUp, cold, thousands(imported))
	return db.empty(ctx)
}

// fillLog has the server make files of its write-ahead log, into which it will
// write again. A new server makes one for every 16 MiB, while all who commit wait
// for it; one that is in use seldom does.
func (s *stage) fillLog(ctx context.Context, db *database) error {
	if err := db.empty(ctx); err != nil {
		return err
	}
	if _, _, err := db.client.load(ctx, source, newRows(250_000, 100)); err != nil {
		return err
	}
	return s.settle(ctx)
}

// importing runs imports one after the other for as long as do takes, and lets
// the last one end. It gives the rows that were imported a second until do ended.
func (s *stage) importing(ctx context.Context, db *database, count int, do func() error) (float64, error) {
	running, stop := context.WithCancel(ctx)
	ended, began := make(chan error, 1), time.Now()
	go func() {
		for n := 0; running.Err() == nil; n++ {
			r := rowsOf(count, 200+n, newRows(1, 0).first.Add(-days*(1+n%20)))
			if _, _, err := db.client.load(ctx, source, r); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	err := do()
	took := time.Since(began)
	var rows int
	counted := db.pool.QueryRow(ctx, `SELECT count(*) FROM entries WHERE source = $1`, source).Scan(&rows)
	stop()
	return perSecond(rows, took), errors.Join(err, counted, <-ended)
}

// pace posts entries at the pace and gives the 99th percentile of the time to
// their answers, in milliseconds, and that of those that went before, in warmUp.
// Every one that is answered must be there; one that is turned away took for ever.
func (s *stage) pace(ctx context.Context, db *database, span time.Duration) (p99, cold float64, err error) {
	c := newClient(db.api.url+"/v1", s.creates)
	defer c.http.CloseIdleConnections()
	unmeasured := int(warmUp.Seconds() * perSecondOpen)
	count := unmeasured + int(span.Seconds()*perSecondOpen)
	var before int
	const single = `SELECT count(*) FROM entries WHERE source = 'api'`
	if err := db.pool.QueryRow(ctx, single).Scan(&before); err != nil {
		return 0, 0, err
	}
	r := newRows(count, 0)
	took := make([]float64, count)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	began := time.Now()
	for i := range count {
		due := began.Add(time.Duration(i) * time.Second / perSecondOpen)
		time.Sleep(time.Until(due))
		all.Go(func() {
			err := c.create(ctx, r, i)
			took[i] = float64(time.Since(due).Microseconds()) / 1000
			if errors.Is(err, errOverloaded) {
				took[i] = math.Inf(1)
			} else if err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, 0, err
	}
	created := 0
	for _, ms := range took {
		if !math.IsInf(ms, 1) {
			created++
		}
	}
	var after int
	if err := db.pool.QueryRow(ctx, single).Scan(&after); err != nil {
		return 0, 0, err
	}
	if after-before != created {
		return 0, 0, fmt.Errorf("%d creates were answered and %d are there", created, after-before)
	}
	return percentile(took[unmeasured:], 99), percentile(took[:unmeasured], 99), nil
}

// create records one minute for one of the workers.
func (c *client) create(ctx context.Context, r rows, i int) error {
	body := `{"user_id":"` + userID(r.user(i)) + `","date":"` + r.day(i).String() + `","project":"` + r.project(i) + `","seconds":60,"description":"` + r.text(i) + " " + strconv.Itoa(i) + `"}`
	var entry struct {
		ID string
	}
	if err := c.send(ctx, "/timesheets", []byte(body), http.Header{}, &entry); err != nil {
		return err
	}
	if entry.ID == "" {
		return errors.New("the answer to a create has no id")
	}
	return nil
}
