package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// closing is a run at its end, within one transaction.
type closing struct {
	tx  *transaction
	org identity.Organization
	run intake.Import
	now time.Time
}

var _ intake.Closing = (*closing)(nil)

func (c *closing) Run() intake.Import { return c.run }

func (c *closing) Brought(ctx context.Context) (keys, unreadable int, err error) {
	err = c.tx.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM import_keys WHERE org_id = $1 AND import_id = $2),
			(SELECT coalesce(sum(unreadable), 0) FROM import_parts WHERE org_id = $1 AND import_id = $2)`,
		string(c.org), c.run.ID).Scan(&keys, &unreadable)
	return keys, unreadable, err
}

// scoped is the condition of entries e that lie in the run's scope.
func (c *closing) scoped() string {
	of := having("e.", "source", "$2")
	if len(c.run.Scope.UserIDs) > 0 {
		of = `e.org_id = $1 AND e.source = $2`
	}
	return of + ` AND e.deleted_at IS NULL AND e.day BETWEEN $3 AND $4 AND ($5::text[] IS NULL OR e.user_id = ANY ($5))`
}

func (c *closing) scope() []any {
	return []any{string(c.org), c.run.Source, c.run.Scope.From.Time(), c.run.Scope.To.Time(), c.run.Scope.UserIDs}
}

// absent is the condition of entries in the scope whose keys the run did not
// bring, and which no write, nor receipt without one, has touched since the run
// began. An entry whose deletion was dismissed is not missed, nor one of which
// something new was proposed since.
var absent = unbrought("e.external_id") + `
	AND (SELECT w.number FROM writes w WHERE w.org_id = $1 AND w.write_id = e.write_id) <= (
		SELECT base_number FROM imports WHERE org_id = $1 AND id = $6)
	AND (e.received_at IS NULL OR e.received_at < (SELECT begun_at FROM imports WHERE org_id = $1 AND id = $6))
	AND (
		SELECT c.state = 'dismissed' AND c.deletion AND c.digest IS NOT DISTINCT FROM e.received_digest
			OR c.state = 'open' AND NOT ` + receivedBefore("c.received_at", "c.proposed_at") + `
		FROM corrections c
		WHERE c.org_id = $1 AND c.source = $2 AND c.external_id = e.external_id ORDER BY ` + lastCorrection + ` LIMIT 1
	) IS NOT TRUE`

// receivedBefore asks whether what waits, for an approver or a retry, was received
// before the run $6 began. Where it is older than the column of the database's
// clock, only the time at by the processes' clocks says so.
func receivedBefore(column, at string) string {
	return `(SELECT coalesce(` + column + ` < r.begun_at, ` + at + ` <= r.started_at) FROM imports r WHERE r.org_id = $1 AND r.id = $6)`
}

// unbrought asks whether a key is missing in the manifest of the run $6. It counts,
// where NOT EXISTS would say the same: that becomes a join, which reads the whole
// manifest for each entry as long as nobody has analyzed the new table (20,000 keys:
// no end in half a minute; so: a tenth of a second).
func unbrought(key string) string {
	return `(SELECT count(*) FROM import_keys k WHERE k.org_id = $1 AND k.import_id = $6 AND k.external_id = ` + key + `) = 0`
}

func (c *closing) Absent(ctx context.Context, each func(timesheet.Entry)) (int, error) {
	var total int
	if err := c.tx.QueryRow(ctx, `SELECT count(*) FROM entries e WHERE `+c.scoped(), c.scope()...).Scan(&total); err != nil {
		return 0, err
	}
	rows, err := c.tx.Query(ctx, `SELECT `+entryColumns+` FROM entries e WHERE `+c.scoped()+` AND `+absent+` ORDER BY e.id`, append(c.scope(), c.run.ID)...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return 0, err
		}
		each(e)
	}
	return total, rows.Err()
}

func (c *closing) Unfounded(ctx context.Context) ([]timesheet.Correction, error) {
	rows, err := c.tx.Query(ctx, `
		SELECT `+correctionColumns+` FROM corrections c
		WHERE c.org_id = $1 AND c.source = $2 AND c.state = 'open' AND NOT c.deletion AND c.day BETWEEN $3 AND $4 AND ($5::text[] IS NULL OR c.user_id = ANY ($5))
		AND `+receivedBefore("c.received_at", "c.proposed_at")+` AND `+unbrought("c.external_id")+`
		AND (SELECT count(*) FROM entries e WHERE e.org_id = $1 AND e.source = $2 AND e.external_id = c.external_id AND e.deleted_at IS NULL) = 0
		ORDER BY c.id`, append(c.scope(), c.run.ID)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanCorrection)
}

func (c *closing) Held(ctx context.Context, ids []timesheet.ID) ([]timesheet.Held, error) {
	rows, err := c.tx.Query(ctx, `SELECT `+entryColumns+` FROM entries WHERE org_id = $1 AND id = ANY ($2) ORDER BY id`, string(c.org), ids)
	if err != nil {
		return nil, err
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, err
	}
	held := make([]timesheet.Held, len(entries))
	keys := make([]string, len(entries))
	at := make(map[string]int, len(entries))
	for i, e := range entries {
		held[i] = timesheet.Held{Entry: e, Exists: true}
		keys[i] = e.Snapshot().Origin.ExternalID
		at[keys[i]] = i
	}
	err = lastCorrections(ctx, c.tx, c.org, c.run.Source, keys, func(c *timesheet.Correction) *timesheet.Held { return &held[at[c.Origin.ExternalID]] })
	return held, err
}

func (c *closing) Lock(ctx context.Context, userIDs []string) error {
	return lockWorkers(ctx, c.tx, c.org, userIDs, worker.Contractor, c.now, new([]string))
}

func (c *closing) Store(ctx context.Context, by string, run timesheet.ID, writing []intake.Stored) error {
	b := book{tx: c.tx, org: c.org, now: c.now}
	return b.storeRaising(ctx, by, run, writing)
}

func (c *closing) Outdate(ctx context.Context) error {
	// In the order of keys, as batches lock them.
	_, err := c.tx.Exec(ctx, `
		WITH gone AS (
			SELECT e.external_id FROM refused_keys e
			WHERE e.org_id = $1 AND e.source = $2 AND e.day BETWEEN $3 AND $4 AND ($5::text[] IS NULL OR e.user_id = ANY ($5))
			AND `+receivedBefore("e.received_at", "e.at")+` AND NOT e.outdated AND `+unbrought("e.external_id")+`
			ORDER BY e.external_id FOR UPDATE
		)
		UPDATE refused_keys r SET outdated = true, outdated_in = $6 FROM gone
		WHERE r.org_id = $1 AND r.source = $2 AND r.external_id = gone.external_id`, append(c.scope(), c.run.ID)...)
	return err
}

func (c *closing) Finish(ctx context.Context, i intake.Import) error {
	if err := dropManifest(ctx, c.tx, c.org, i.ID); err != nil {
		return err
	}
	if i.State == intake.Completed && i.Cursor != "" && !i.DryRun {
		// The same transaction takes note of what the cursor was, for a revert.
		if _, err := c.tx.Exec(ctx, `
			UPDATE imports i SET cursor = $4, cursor_before = s.cursor, cursor_before_import = s.cursor_import
			FROM sources s WHERE i.org_id = $1 AND i.id = $2 AND s.org_id = $1 AND s.source = $3`,
			string(c.org), i.ID, i.Source, i.Cursor); err != nil {
			return err
		}
		if _, err := c.tx.Exec(ctx, `UPDATE sources SET cursor = $3, cursor_import = $4 WHERE org_id = $1 AND source = $2`,
			string(c.org), i.Source, i.Cursor, i.ID); err != nil {
			return err
		}
	}
	return finishRun(ctx, c.tx, c.org, i)
}

// finishRun writes the end of a run with its counts.
func finishRun(ctx context.Context, tx *transaction, org identity.Organization, i intake.Import) error {
	_, err := tx.Exec(ctx, `
		UPDATE imports SET state = $3, ended_at = $4, lease_until = NULL,
			received = $5, created = $6, updated = $7, unchanged = $8, deleted = $9, conflicts = $10, rejected = $11
		WHERE org_id = $1 AND id = $2`,
		string(org), i.ID, string(i.State), i.EndedAt, i.Received, i.Created, i.Updated, i.Unchanged, i.Deleted, i.Conflicts, i.Rejected)
	return err
}
