package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// lockWorkers locks the workers until the transaction ends and creates those
// that were never seen; with no kind for them it does not, and gives errNoWorker.
// Everything that changes an entry or a week holds these
// locks, so that sums over a worker's day stay true until the commit.
//
// All of it goes in the order of the ids, new workers first and then locks, so
// that two transactions can wait for each other only one way round: a worker
// whose row another transaction has just made cannot be seen, hence not
// locked, before that transaction ends.
func lockWorkers(ctx context.Context, tx pgx.Tx, org identity.Organization, userIDs []string, unseen worker.Kind, now time.Time) error {
	var b pgx.Batch
	locked := askForLocks(&b, org, userIDs, unseen, now)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	return locked()
}

// askForLocks is lockWorkers as part of a batch; the function that it gives tells
// what came of it.
func askForLocks(b *pgx.Batch, org identity.Organization, userIDs []string, unseen worker.Kind, now time.Time) (locked func() error) {
	ids := slices.Clone(userIDs)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if unseen != "" {
		b.Queue(`
			INSERT INTO workers (org_id, user_id, kind, created_at, updated_at)
			SELECT $1, k.user_id, $3, $4, $4 FROM unnest($2::text[]) AS k (user_id)
			WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.org_id = $1 AND w.user_id = k.user_id)
			ORDER BY k.user_id
			ON CONFLICT (org_id, user_id) DO NOTHING`, string(org), ids, string(unseen), now)
	}
	n := 0
	b.Queue(`SELECT user_id FROM workers WHERE org_id = $1 AND user_id = ANY ($2) ORDER BY user_id FOR NO KEY UPDATE`, string(org), ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			n++
		}
		return rows.Err()
	})
	return func() error {
		switch {
		case n == len(ids):
			return nil
		case unseen == "":
			return errNoWorker
		}
		return errRaced
	}
}

// errNoWorker says that somebody was never seen.
var errNoWorker = fault.New(fault.NotFound, "not_found", "There is no such worker, or you may not see them.")

// dayTotals gives the seconds that count on each of the days: of live entries
// that are not rejected, of all sources. It asks for deletion where others ask
// for deleted_at, which is the same: so only the index by worker will do. As long
// as a table was never analyzed, which is so during a first import, the planner
// takes the index by day for as good, and reads all that everybody worked on a
// day for each worker.
func dayTotals(ctx context.Context, tx pgx.Tx, org identity.Organization, days []timesheet.WorkerDay) (map[timesheet.WorkerDay]int, error) {
	var b pgx.Batch
	totals := askTotals(&b, org, days)
	return totals, tx.SendBatch(ctx, &b).Close()
}

// askTotals is dayTotals as part of a batch: the map is filled when that is
// answered.
func askTotals(b *pgx.Batch, org identity.Organization, days []timesheet.WorkerDay) map[timesheet.WorkerDay]int {
	users, dates := make([]string, len(days)), make([]time.Time, len(days))
	for i, d := range days {
		users[i], dates[i] = d.UserID, d.Day.Time()
	}
	totals := make(map[timesheet.WorkerDay]int, len(days))
	b.Queue(`
		SELECT d.ord::int4, t.seconds
		FROM unnest($2::text[], $3::date[]) WITH ORDINALITY AS d (user_id, day, ord)
		CROSS JOIN LATERAL (
			SELECT coalesce(sum(e.seconds), 0)::int8 AS seconds FROM entries e
			WHERE e.org_id = $1 AND e.user_id = d.user_id AND e.day = d.day AND e.deletion IS NULL AND e.status <> 'rejected'
		) t`, string(org), users, dates).Query(func(rows pgx.Rows) error {
		var ord int
		var seconds int64
		_, err := pgx.ForEachRow(rows, []any{&ord, &seconds}, func() error {
			totals[days[ord-1]] = int(seconds)
			return nil
		})
		return err
	})
	return totals
}
