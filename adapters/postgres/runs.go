package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
)

// Runs keeps the runs of many requests: their fences and leases. The time of
// leases is the database's, the one clock that all processes share.
type Runs struct {
	pool *pgxpool.Pool
	now  func() time.Time
}

var _ intake.Runs = (*Runs)(nil)

// NewRuns gives the runs in the pool's database.
func NewRuns(pool *pgxpool.Pool, now func() time.Time) *Runs { return &Runs{pool, now} }

// Begin starts a run. The row of its source hands out fences.
func (k *Runs) Begin(ctx context.Context, org identity.Organization, run intake.Import, lease time.Duration, settleWith func(intake.Import) (replay.Claim, replay.Answer)) (intake.Import, error) {
	err := inTx(ctx, k.pool, func(tx *transaction) error {
		if err := beginRun(ctx, tx, org, &run, lease); err != nil {
			return err
		}
		if settleWith == nil {
			return nil
		}
		claim, answer := settleWith(run)
		return settle(ctx, tx, claim, answer)
	})
	return run, err
}

// beginRun gives the run its fence and lease, and stores it. A run of the
// source whose lease has ended expires. Runs are locked before their source, and
// that before receipts, here as where parts come and where runs end.
func beginRun(ctx context.Context, tx *transaction, org identity.Organization, run *intake.Import, lease time.Duration) error {
	if run.DryRun {
		if err := forgetDryRuns(ctx, tx, org, run.StartedAt); err != nil {
			return err
		}
	} else if err := takeOver(ctx, tx, org, run.Source, run.StartedAt); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `
		INSERT INTO sources AS s (org_id, source, fence) VALUES ($1, $2, 1)
		ON CONFLICT (org_id, source) DO UPDATE SET fence = s.fence + 1
		RETURNING fence`, string(org), run.Source).Scan(&run.Fence); err != nil {
		return err
	}
	if run.Mode == intake.Mirror {
		if err := lockReceipts(ctx, tx, org, true); err != nil {
			return err
		}
	}
	var end *time.Time
	err := tx.QueryRow(ctx, `
		INSERT INTO imports (org_id, id, source, mode, kind, state, dry_run, first_day, last_day, user_ids, fence, lease_until, reverts,
			created_by, started_at, base_number, begun_at)
		VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10,
			CASE WHEN $6 THEN NULL ELSE now() + make_interval(secs => $11) END, $12, $13, $14,
			coalesce((SELECT number FROM write_counters WHERE org_id = $1), 0), clock_timestamp())
		RETURNING lease_until`,
		string(org), run.ID, run.Source, string(run.Mode), string(run.Kind), run.DryRun, nullDay(run.Scope.From), nullDay(run.Scope.To), run.Scope.UserIDs,
		run.Fence, lease.Seconds(), nullID(run.Reverts), run.CreatedBy, run.StartedAt).Scan(&end)
	run.LeaseEnd = instant(end)
	return err
}

// takeOver expires the live run of the source if its lease has ended, with the
// counts of what it brought.
func takeOver(ctx context.Context, tx *transaction, org identity.Organization, source string, at time.Time) error {
	var id timesheet.ID
	// The first look takes no lock: batches under way hold the run, and who
	// comes while it lives need not wait for them.
	for _, lock := range []string{"", " FOR UPDATE"} {
		var left float64
		err := tx.QueryRow(ctx, `
			SELECT id, extract(epoch FROM lease_until - now())::float8 FROM imports
			WHERE org_id = $1 AND source = $2 AND state = 'open' AND NOT dry_run`+lock, string(org), source).Scan(&id, &left)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if left > 0 {
			return fault.New(fault.Conflict, "import_running", "Another run of the source %s is live. It ends, or its lease does, in %d seconds at most. Start yours then; with another Idempotency-Key, if you send one.", source, int(left)+1).
				With("import_id", id.String()).After(time.Duration(left * float64(time.Second)))
		}
	}
	counts, err := partCounts(ctx, tx, org, id)
	if err != nil {
		return err
	}
	if err := dropManifest(ctx, tx, org, id); err != nil {
		return err
	}
	return finishRun(ctx, tx, org, intake.Import{ID: id, State: intake.Expired, EndedAt: at, Counts: counts[id]})
}

func dropManifest(ctx context.Context, tx *transaction, org identity.Organization, run timesheet.ID) error {
	_, err := tx.Exec(ctx, `DELETE FROM import_keys WHERE org_id = $1 AND import_id = $2`, string(org), run)
	return err
}

// Renew puts the end of the lease off. It waits for no batch under way: those
// hold the run FOR KEY SHARE.
func (k *Runs) Renew(ctx context.Context, org identity.Organization, ref intake.RunRef, lease time.Duration) (intake.Import, error) {
	var run intake.Import
	err := inTx(ctx, k.pool, func(tx *transaction) error {
		if _, err := tx.Exec(ctx, `
			UPDATE imports SET lease_until = now() + make_interval(secs => $4)
			WHERE org_id = $1 AND id = $2 AND fence = $3 AND kind = 'run' AND state = 'open' AND NOT dry_run`,
			string(org), ref.ID, ref.Fence, lease.Seconds()); err != nil {
			return err
		}
		var err error
		run, err = openRun(ctx, tx, org, ref, intake.KindRun, "")
		return err
	})
	return run, err
}

// openRun reads a run of the kind that is open and held by ref; lock is "",
// FOR KEY SHARE or FOR UPDATE.
func openRun(ctx context.Context, tx *transaction, org identity.Organization, ref intake.RunRef, kind intake.Kind, lock string) (intake.Import, error) {
	rows, err := tx.Query(ctx, `SELECT `+importColumns+` FROM imports i WHERE i.org_id = $1 AND i.id = $2 AND i.kind = $3 `+lock, string(org), ref.ID, string(kind))
	if err != nil {
		return intake.Import{}, err
	}
	found, err := pgx.CollectRows(rows, scanImport)
	switch {
	case err != nil:
		return intake.Import{}, err
	case len(found) == 0:
		return intake.Import{}, fault.New(fault.NotFound, "not_found", "There is no such run.")
	case found[0].State != intake.Open:
		return intake.Import{}, fault.New(fault.Conflict, "import_not_open", "The run is %s: nothing can be added to it. Start another.", found[0].State)
	case found[0].Fence != ref.Fence:
		return intake.Import{}, fault.New(fault.Conflict, "stale_fence", "The header Import-Fence is not that of this run. Send the fence that its start gave.")
	}
	return found[0], nil
}

// End runs fn with the run locked.
func (k *Runs) End(ctx context.Context, org identity.Organization, ref intake.RunRef, fn func(intake.Closing) error) error {
	return inTx(ctx, k.pool, func(tx *transaction) error {
		run, err := openRun(ctx, tx, org, ref, intake.KindRun, "FOR UPDATE")
		if err != nil {
			return err
		}
		counts, err := partCounts(ctx, tx, org, run.ID)
		if err != nil {
			return err
		}
		run.Counts = counts[run.ID]
		return fn(&closing{tx: tx, org: org, run: run, now: k.now().UTC()})
	})
}

// partCounts adds up the counts of the parts of each run.
func partCounts(ctx context.Context, tx *transaction, org identity.Organization, runs ...timesheet.ID) (map[timesheet.ID]intake.Counts, error) {
	rows, err := tx.Query(ctx, `
		SELECT import_id, sum(received)::int8, sum(created)::int8, sum(updated)::int8, sum(unchanged)::int8, sum(conflicts)::int8, sum(rejected)::int8
		FROM import_parts WHERE org_id = $1 AND import_id = ANY ($2) GROUP BY import_id`, string(org), runs)
	if err != nil {
		return nil, err
	}
	counts := make(map[timesheet.ID]intake.Counts, len(runs))
	var id timesheet.ID
	var c intake.Counts
	_, err = pgx.ForEachRow(rows, []any{&id, &c.Received, &c.Created, &c.Updated, &c.Unchanged, &c.Conflicts, &c.Rejected}, func() error {
		counts[id] = c
		return nil
	})
	return counts, err
}
