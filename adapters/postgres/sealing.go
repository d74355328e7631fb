package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// heldWeeks gives the states of those of the weeks that are submitted or
// approved. One look at the range of their days says when none can be, which is
// how most uploads come.
func heldWeeks(ctx context.Context, tx *transaction, org identity.Organization, weeks []timesheet.WorkerWeek) (map[timesheet.WorkerWeek]timesheet.WeekState, error) {
	var b pgx.Batch
	states := askWeeks(&b, org, weeks)
	return states, tx.SendBatch(ctx, &b).Close()
}

// askWeeks is heldWeeks as part of a batch: the map is filled when that is
// answered.
func askWeeks(b *pgx.Batch, org identity.Organization, weeks []timesheet.WorkerWeek) map[timesheet.WorkerWeek]timesheet.WeekState {
	states := make(map[timesheet.WorkerWeek]timesheet.WeekState)
	if len(weeks) == 1 { // which takes the server less to think about
		b.Queue(stateOfWeek, string(org), weeks[0].UserID, weeks[0].Week.Monday().Time()).Query(func(rows pgx.Rows) error {
			var state timesheet.WeekState
			_, err := pgx.ForEachRow(rows, []any{&state}, func() error {
				states[weeks[0]] = state
				return nil
			})
			return err
		})
		return states
	}
	users, mondays := make([]string, len(weeks)), make([]time.Time, len(weeks))
	for i, w := range weeks {
		users[i], mondays[i] = w.UserID, w.Week.Monday().Time()
	}
	b.Queue(`
		SELECT k.ord::int4, w.state
		FROM unnest($2::text[], $3::date[]) WITH ORDINALITY AS k (user_id, monday, ord)
		CROSS JOIN LATERAL (
			SELECT w.state FROM weeks w WHERE w.org_id = $1 AND w.user_id = k.user_id AND w.monday = k.monday LIMIT 1
		) w
		WHERE w.state IN ('submitted', 'approved') AND (
			SELECT h.monday FROM weeks h WHERE h.org_id = $1 AND h.monday >= (SELECT min(x) FROM unnest($3::date[]) AS x) ORDER BY h.monday LIMIT 1
		) <= (SELECT max(x) FROM unnest($3::date[]) AS x)`, string(org), users, mondays).Query(func(rows pgx.Rows) error {
		var ord int
		var state timesheet.WeekState
		_, err := pgx.ForEachRow(rows, []any{&ord, &state}, func() error {
			states[weeks[ord-1]] = state
			return nil
		})
		return err
	})
	return states
}

const stateOfWeek = `SELECT state FROM weeks WHERE org_id = $1 AND user_id = $2 AND monday = $3 AND state IN ('submitted', 'approved')`

// around asks about weeks and days at once.
func around(ctx context.Context, tx *transaction, org identity.Organization, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error) {
	return askAround(ctx, tx, &pgx.Batch{}, org, weeks, days)
}

// askAround is around in one exchange with what the batch holds already.
func askAround(ctx context.Context, tx *transaction, b *pgx.Batch, org identity.Organization, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (states map[timesheet.WorkerWeek]timesheet.WeekState, totals map[timesheet.WorkerDay]int, err error) {
	if len(weeks) > 0 {
		states = askWeeks(b, org, weeks)
	}
	if len(days) > 0 {
		totals = askTotals(b, org, days)
	}
	if b.Len() > 0 {
		err = tx.SendBatch(ctx, b).Close()
	}
	return states, totals, err
}

// Weeks remembers which of the weeks are submitted, for Store.
func (b *book) Weeks(ctx context.Context, weeks []timesheet.WorkerWeek) (map[timesheet.WorkerWeek]timesheet.WeekState, error) {
	states, err := heldWeeks(ctx, b.tx, b.org, weeks)
	b.remember(states)
	return states, err
}

func (b *book) remember(states map[timesheet.WorkerWeek]timesheet.WeekState) {
	for week, state := range states {
		if state == timesheet.WeekSubmitted {
			if b.submitted == nil {
				b.submitted = make(map[timesheet.WorkerWeek]bool)
			}
			b.submitted[week] = true
		}
	}
}

// storeRaising is Store for who has not asked for the weeks before.
func (b *book) storeRaising(ctx context.Context, by string, run timesheet.ID, writing []intake.Stored) error {
	touched := make(map[timesheet.WorkerWeek]bool)
	eachWeek(writing, func(w timesheet.WorkerWeek) { touched[w] = true })
	if len(touched) > 0 {
		if _, err := b.Weeks(ctx, slices.Collect(maps.Keys(touched))); err != nil {
			return err
		}
	}
	return b.Store(ctx, by, run, writing)
}

// eachWeek names the weeks in which something changes.
func eachWeek(writing []intake.Stored, touch func(timesheet.WorkerWeek)) {
	for i := range writing {
		if after := writing[i].Verdict.Entry; !after.ID().IsZero() {
			touch(timesheet.WeekOf(after.Snapshot().Content))
			if before := writing[i].Before.Entry; !before.ID().IsZero() {
				touch(timesheet.WeekOf(before.Snapshot().Content))
			}
		}
	}
}

// raise makes the versions of submitted weeks one higher in which something
// changes, so that nobody approves what they have not seen.
func (b *book) raise(ctx context.Context, writing []intake.Stored) error {
	if len(b.submitted) == 0 {
		return nil
	}
	touched := make(map[timesheet.WorkerWeek]bool)
	touch := func(w timesheet.WorkerWeek) {
		if b.submitted[w] {
			touched[w] = true
		}
	}
	eachWeek(writing, touch)
	for _, e := range b.inserted {
		touch(timesheet.WeekOf(e.Snapshot().Content))
	}
	if len(touched) == 0 {
		return nil
	}
	var users []string
	var mondays []time.Time
	for w := range touched {
		users, mondays = append(users, w.UserID), append(mondays, w.Week.Monday().Time())
	}
	_, err := b.tx.Exec(ctx, `
		UPDATE weeks w SET version = w.version + 1 FROM unnest($2::text[], $3::date[]) AS k (user_id, monday)
		WHERE w.org_id = $1 AND w.user_id = k.user_id AND w.monday = k.monday AND w.state = 'submitted'`, string(b.org), users, mondays)
	return err
}
