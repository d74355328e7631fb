package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// dayTotals gives the seconds that count on each of the days: of live entries
// that are not rejected, of all sources.
func dayTotals(ctx context.Context, tx *transaction, org identity.Organization, days []timesheet.WorkerDay) (map[timesheet.WorkerDay]int, error) {
	var b pgx.Batch
	totals := askTotals(&b, org, days)
	return totals, tx.SendBatch(ctx, &b).Close()
}

// askTotals is dayTotals as part of a batch: the map is filled when that is
// answered. Days of one worker that lie close together are read as one piece of
// the index by worker, since a probe for each of them costs more than what it
// finds.
//
// It asks for deletion where others ask for deleted_at, which is the same: so
// only the index by worker will do. As long as a table was never analyzed, which
// is so during a first import, the planner takes the index by day for as good,
// and reads all that everybody worked on a day for each worker.
func askTotals(b *pgx.Batch, org identity.Organization, days []timesheet.WorkerDay) map[timesheet.WorkerDay]int {
	totals := make(map[timesheet.WorkerDay]int, len(days))
	for _, d := range days {
		totals[d] = 0
	}
	users, firsts, lasts := spansOf(days)
	sql, args := totalsOfMany, []any{string(org), users, firsts, lasts}
	if len(users) == 1 { // which takes the server less to think about
		sql, args = totalsOfOne, []any{string(org), users[0], firsts[0], lasts[0]}
	}
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		var ord int
		var day time.Time
		var seconds int64
		_, err := pgx.ForEachRow(rows, []any{&ord, &day, &seconds}, func() error {
			d := timesheet.WorkerDay{UserID: users[ord-1], Day: timesheet.DayIn(day)}
			if _, asked := totals[d]; asked {
				totals[d] = int(seconds)
			}
			return nil
		})
		return err
	})
	return totals
}

const (
	totalsOfOne = `
		SELECT 1, e.day, sum(e.seconds)::int8 AS seconds FROM entries e
		WHERE e.org_id = $1 AND e.user_id = $2 AND e.day BETWEEN $3 AND $4 AND e.deletion IS NULL AND e.status <> 'rejected'
		GROUP BY e.day`
	totalsOfMany = `
		SELECT s.ord::int4, t.day, t.seconds
		FROM unnest($2::text[], $3::date[], $4::date[]) WITH ORDINALITY AS s (user_id, first, last, ord)
		CROSS JOIN LATERAL (
			SELECT e.day, sum(e.seconds)::int8 AS seconds FROM entries e
			WHERE e.org_id = $1 AND e.user_id = s.user_id AND e.day BETWEEN s.first AND s.last AND e.deletion IS NULL AND e.status <> 'rejected'
			GROUP BY e.day
		) t`
)

// closeDays is how many days apart two days of a worker are read together, at
// most: a Friday and the Monday after it are.
const closeDays = 3

// spansOf puts days together as they are read: of a worker, from the first to
// the last, both inclusive.
func spansOf(days []timesheet.WorkerDay) (users []string, firsts, lasts []time.Time) {
	sorted := slices.Clone(days)
	slices.SortFunc(sorted, func(a, b timesheet.WorkerDay) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Day.Unix(), b.Day.Unix()))
	})
	for i, d := range sorted {
		day := d.Day.Time()
		if i > 0 && sorted[i-1].UserID == d.UserID && !sorted[i-1].Day.Add(closeDays).Before(d.Day) {
			lasts[len(lasts)-1] = day
			continue
		}
		users, firsts, lasts = append(users, d.UserID), append(firsts, day), append(lasts, day)
	}
	return users, firsts, lasts
}
