package main

import (
	"context"
	"fmt"

	"timesheets/domain/timesheet"
)

// measureGrowth loads the same new rows into an empty database and into one
// with many entries, in turn, and compares the CPU that a row takes.
func measureGrowth(ctx context.Context, s *stage, o options, t *table) error {
	small, err := s.open(ctx, "small")
	if err != nil {
		return err
	}
	large, err := s.large(ctx, o)
	if err != nil {
		return err
	}
	// Every pair has a year of its own, since the entries of the one before
	// stay in the large database. Ids go on growing.
	var few, many perRow
	measure := func(db *database, r rows, cpu *perRow) error {
		if err := s.settle(ctx); err != nil {
			return err
		}
		before, err := s.cpu(db)
		if err != nil {
			return err
		}
		got, _, err := db.client.load(ctx, source, r)
		if err := imported(got, counts{Received: r.count, Created: r.count}, err); err != nil {
			return err
		}
		after, err := s.cpu(db)
		cpu.add(before, after, r.count)
		return err
	}
	for pair := range o.pairs {
		r := rowsOf(o.block, 100+pair, newRows(1, 0).first.Add(-days*pair))
		if err := small.empty(ctx); err != nil {
			return err
		}
		if err := measure(small, r, &few); err != nil {
			return err
		}
		if err := measure(large, r, &many); err != nil {
			return err
		}
		if err := small.holds(ctx, "entries", r, 0); err != nil {
			return err
		}
	}
	var there int
	if err := large.pool.QueryRow(ctx, `SELECT count(*) FROM entries`).Scan(&there); err != nil {
		return err
	}
	if want := o.existing + o.pairs*o.block; there != want {
		return fmt.Errorf("the large database holds %d entries, want %d", there, want)
	}
	t.most(fmt.Sprintf("CPU a row with %d entries there : with none", o.existing), many.both().over(few.both()), "", 1.4, 1.8)
	t.notef("CPU a new row (API + PostgreSQL, blocks of %d): %s with none, %s with %d there.", o.block, few, many, o.existing)
	return nil
}

// large gives the database with many entries, which is filled when it is first
// asked for.
func (s *stage) large(ctx context.Context, o options) (*database, error) {
	if s.filled == nil {
		db, err := s.open(ctx, "large")
		if err != nil {
			return nil, err
		}
		if err := s.fill(ctx, db, o.existing); err != nil {
			return nil, err
		}
		s.filled = db
	}
	return s.filled, nil
}

// filledYears is over how many years the many entries are spread.
const filledYears = 5

// filledYear gives the first day of one of them, the last being the newest.
func filledYear(year int) timesheet.Day {
	return newRows(1, 0).first.Add(-days * (10 + filledYears - year))
}

// fill brings count entries of earlier years through the API.
func (s *stage) fill(ctx context.Context, db *database, count int) error {
	const years = filledYears
	for year := range years {
		r := rowsOf(count*(year+1)/years-count*year/years, 10+year, filledYear(year))
		if r.count == 0 {
			continue
		}
		got, _, err := db.client.load(ctx, source, r)
		if err := imported(got, counts{Received: r.count, Created: r.count}, err); err != nil {
			return err
		}
	}
	return db.analyze(ctx)
}
