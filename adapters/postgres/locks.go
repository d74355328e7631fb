package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/worker"
)

// lockWorkers locks the workers until the transaction ends and creates those
// that were never seen, whom it adds to made; with no kind for them it does not,
// and gives errNoWorker. Everything that changes an entry or a week holds these
// locks, so that sums over a worker's day stay true until the commit.
//
// All of it goes in the order of the ids, new workers first and then locks, so
// that two transactions can wait for each other only one way round: a worker
// whose row another transaction has just made cannot be seen, hence not
// locked, before that transaction ends.
func lockWorkers(ctx context.Context, tx *transaction, org identity.Organization, userIDs []string, unseen worker.Kind, now time.Time, made *[]string) error {
	var b pgx.Batch
	locked := askForLocks(&b, org, userIDs, unseen, now, made)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	return locked()
}

// askForLocks is lockWorkers as part of a batch; the function that it gives tells
// what came of it.
func askForLocks(b *pgx.Batch, org identity.Organization, userIDs []string, unseen worker.Kind, now time.Time, made *[]string) (locked func() error) {
	ids := slices.Clone(userIDs)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if unseen != "" {
		b.Queue(makingOfWorkers, string(org), ids, string(unseen), now).Query(func(rows pgx.Rows) (err error) {
			*made, err = pgx.AppendRows(*made, rows, pgx.RowTo[string])
			return err
		})
	}
	n := 0
	b.Queue(lockOfWorkers, string(org), ids).Query(func(rows pgx.Rows) error {
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

const (
	makingOfWorkers = `
		INSERT INTO workers (org_id, user_id, kind, created_at, updated_at)
		SELECT $1, k.user_id, $3, $4, $4 FROM unnest($2::text[]) AS k (user_id)
		WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.org_id = $1 AND w.user_id = k.user_id)
		ORDER BY k.user_id
		ON CONFLICT (org_id, user_id) DO NOTHING
		RETURNING user_id`
	lockOfWorkers = `SELECT user_id FROM workers WHERE org_id = $1 AND user_id = ANY ($2) ORDER BY user_id FOR NO KEY UPDATE`
)

// errNoWorker says that somebody was never seen.
var errNoWorker = fault.New(fault.NotFound, "not_found", "There is no such worker, or you may not see them.")

// lockReceipts parts what the organisation receives without a write, also what
// waits for an approver or a retry, from the beginnings of its mirrors, each of
// which is alone: what is received before one is committed before it, and what is
// received after it has a later time.
func lockReceipts(ctx context.Context, tx *transaction, org identity.Organization, alone bool) error {
	_, err := tx.Exec(ctx, `SELECT `+advisory(alone)+`(hashtextextended($1, 2))`, string(org))
	return err
}

// advisory is the function that holds a lock on a number until the transaction
// ends, alone or beside others who share it.
func advisory(alone bool) string {
	if alone {
		return "pg_advisory_xact_lock"
	}
	return "pg_advisory_xact_lock_shared"
}
