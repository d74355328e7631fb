package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Undoing finds and undoes what imports did.
type Undoing struct {
	pool *pgxpool.Pool
	now  func() time.Time
}

var (
	_ intake.Undoing = (*Undoing)(nil)
	_ intake.Undo    = (*undo)(nil)
)

// NewUndoing gives it for the pool's database.
func NewUndoing(pool *pgxpool.Pool, now func() time.Time) *Undoing { return &Undoing{pool, now} }

// Begin starts a revert as a run of the source of the import that it undoes.
func (u *Undoing) Begin(ctx context.Context, org identity.Organization, id timesheet.ID, revert intake.Import, lease time.Duration) (intake.Import, error) {
	err := inTx(ctx, u.pool, func(tx *transaction) error {
		rows, err := tx.Query(ctx, `SELECT `+importColumns+` FROM imports i WHERE i.org_id = $1 AND i.id = $2`, string(org), id)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, scanImport)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return fault.New(fault.NotFound, "not_found", "There is no such import.")
		case found[0].DryRun || found[0].Kind == intake.KindRevert:
			return fault.New(fault.Conflict, "not_revertible", "A dry run and a revert cannot be reverted: import again instead.")
		}
		revert.Source = found[0].Source
		// An open run whose lease has ended expires here.
		err = beginRun(ctx, tx, org, &revert, lease)
		if f := fault.Of(err); found[0].State == intake.Open && f != nil && f.Code == "import_running" {
			return fault.New(fault.Conflict, "not_revertible", "The run is still open. Abort it first.")
		}
		return err
	})
	return revert, err
}

// Atomically runs fn with the revert held open.
func (u *Undoing) Atomically(ctx context.Context, org identity.Organization, ref intake.RunRef, lease time.Duration, fn func(intake.Undo) error) error {
	return inTx(ctx, u.pool, func(tx *transaction) error {
		if _, err := openRun(ctx, tx, org, ref, intake.KindRevert, "FOR UPDATE"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE imports SET lease_until = now() + make_interval(secs => $3) WHERE org_id = $1 AND id = $2`,
			string(org), ref.ID, lease.Seconds()); err != nil {
			return err
		}
		return fn(&undo{book{tx: tx, org: org, now: u.now().UTC()}})
	})
}

// End writes the revert's end, and what its success means for the import.
func (u *Undoing) End(ctx context.Context, org identity.Organization, ref intake.RunRef, ended intake.Import) error {
	return inTx(ctx, u.pool, func(tx *transaction) error {
		if _, err := openRun(ctx, tx, org, ref, intake.KindRevert, "FOR UPDATE"); err != nil {
			return err
		}
		if err := finishRun(ctx, tx, org, ended); err != nil || ended.State != intake.Completed {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE corrections SET state = 'obsolete', closed_at = $3, closed_by = $4, closed_reason = 'reverted'
			WHERE org_id = $1 AND import_id = $2 AND state = 'open'`, string(org), ended.Reverts, ended.EndedAt, ended.CreatedBy); err != nil {
			return err
		}
		for _, sql := range []string{
			`UPDATE imports SET state = 'reverted' WHERE org_id = $1 AND id = $2`,
			// Who came after a run that is taken back came after its predecessor.
			`UPDATE imports n SET cursor_before = i.cursor_before, cursor_before_import = i.cursor_before_import FROM imports i
			WHERE i.org_id = $1 AND i.id = $2 AND n.org_id = $1 AND n.source = i.source AND n.cursor_before_import = i.id`,
			`UPDATE sources s SET cursor = i.cursor_before, cursor_import = i.cursor_before_import FROM imports i
			WHERE i.org_id = $1 AND i.id = $2 AND s.org_id = $1 AND s.source = i.source AND s.cursor_import = i.id`,
			// In the order of keys, as batches lock them.
			`SELECT 1 FROM refused_keys r JOIN imports i ON i.org_id = r.org_id AND i.source = r.source
			WHERE i.org_id = $1 AND i.id = $2 AND i.id IN (coalesce(r.received_in, r.import_id), r.settled_in, r.outdated_in)
			ORDER BY r.external_id FOR UPDATE OF r`,
			`DELETE FROM refused_keys r USING imports i WHERE i.org_id = $1 AND i.id = $2 AND r.org_id = $1 AND r.source = i.source AND coalesce(r.received_in, r.import_id) = i.id`,
			// What it settled, or found that the source no longer has, waits again.
			`UPDATE refused_keys r SET settled_in = nullif(r.settled_in, i.id), outdated_in = nullif(r.outdated_in, i.id), outdated = r.outdated AND r.outdated_in IS DISTINCT FROM i.id
			FROM imports i WHERE i.org_id = $1 AND i.id = $2 AND r.org_id = $1 AND r.source = i.source AND i.id IN (r.settled_in, r.outdated_in)`,
		} {
			if _, err := tx.Exec(ctx, sql, string(org), ended.Reverts); err != nil {
				return err
			}
		}
		return nil
	})
}

// Left names entries that the import changed and others have changed since. A
// revert of the same import is nobody else.
func (u *Undoing) Left(ctx context.Context, org identity.Organization, id timesheet.ID, limit int) ([]timesheet.Entry, int, error) {
	const touched = `
		FROM (
			SELECT DISTINCT h.id FROM writes w JOIN history h ON h.org_id = $1 AND h.write_id = w.write_id
			WHERE w.org_id = $1 AND w.import_id = $2
		) t JOIN entries e ON e.org_id = $1 AND e.id = t.id
		WHERE e.import_id IS DISTINCT FROM $2
		AND NOT (coalesce(e.import_id = ANY ($3), false) OR EXISTS (SELECT 1 FROM history h WHERE h.org_id = $1 AND h.id = e.id AND h.import_id = ANY ($3)))`
	var n int
	var left []timesheet.Entry
	err := inSnapshot(ctx, u.pool, func(tx *transaction) error {
		// No index leads to them: once is often enough.
		rows, err := tx.Query(ctx, `SELECT id FROM imports WHERE org_id = $1 AND reverts = $2`, string(org), id)
		if err != nil {
			return err
		}
		reverts, err := pgx.CollectRows(rows, pgx.RowTo[timesheet.ID])
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count(*) `+touched, string(org), id, reverts).Scan(&n); err != nil || n == 0 {
			return err
		}
		if rows, err = tx.Query(ctx, `SELECT `+entryColumnsOf("e")+touched+` ORDER BY e.id LIMIT $4`, string(org), id, reverts, limit); err != nil {
			return err
		}
		left, err = pgx.CollectRows(rows, scanEntry)
		return err
	})
	return left, n, err
}

// undo is one transaction of a revert.
type undo struct{ book }

func (u *undo) Changed(ctx context.Context, id timesheet.ID, after intake.WritePlace, limit int) ([]intake.Undoable, intake.WritePlace, error) {
	rows, err := u.tx.Query(ctx, `
		SELECT w.number, p.position, p.returned, `+entryColumnsOf("e")+`
		FROM writes w CROSS JOIN LATERAL (
			(SELECT e.position, e.id, false AS returned FROM entries e
			WHERE e.org_id = $1 AND e.write_id = w.write_id AND e.position > CASE w.number WHEN $3 THEN $4 ELSE -1 END
			ORDER BY e.position LIMIT $5)
			UNION ALL
			(SELECT h.position, h.id, true FROM history h
			JOIN entries e ON e.org_id = $1 AND e.id = h.id
			JOIN imports r ON r.org_id = $1 AND r.id = e.import_id AND r.kind = 'revert' AND r.reverts <> $2
			WHERE h.org_id = $1 AND h.write_id = w.write_id AND h.position > CASE w.number WHEN $3 THEN $4 ELSE -1 END
			AND NOT EXISTS (SELECT 1 FROM history l WHERE l.org_id = $1 AND l.id = h.id AND l.version > h.version AND l.import_id = $2)
			ORDER BY h.position LIMIT $5)
			ORDER BY position LIMIT $5
		) p JOIN entries e ON e.org_id = $1 AND e.id = p.id
		WHERE w.org_id = $1 AND w.import_id = $2 AND w.number >= $3
		ORDER BY w.number, p.position LIMIT $5`, string(u.org), id, after.Number, after.Position, limit)
	if err != nil {
		return nil, intake.WritePlace{}, err
	}
	changed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c intake.Undoable, err error) {
		c.Now, err = scanEntry(behind{row, []any{&c.Place.Number, &c.Place.Position, &c.Returned}})
		return c, err
	})
	if err != nil || len(changed) == 0 {
		return nil, intake.WritePlace{}, err
	}
	next := changed[len(changed)-1].Place
	changed, err = u.before(ctx, id, changed)
	return changed, next, err
}

// before adds the states from which the import took the entries, and leaves
// out those whose present state is not its doing.
func (u *undo) before(ctx context.Context, run timesheet.ID, changed []intake.Undoable) ([]intake.Undoable, error) {
	pasts, err := u.pasts(ctx, changed)
	if err != nil {
		return nil, err
	}
	var ids []timesheet.ID
	var versions, met []int32
	at := make(map[timesheet.ID]int, len(changed))
	mine := changed[:0]
	for _, c := range changed {
		s := c.Now.Snapshot()
		version, received, doing, touched := pasts[s.ID].without(run, s.Version)
		if !doing {
			continue
		}
		c.Touched = touched
		at[s.ID], ids, versions, met = len(mine), append(ids, s.ID), append(versions, int32(version)), append(met, int32(received))
		mine = append(mine, c)
	}
	// What was last received is that of history, unless the import received
	// something about the entry before it changed it.
	rows, err := u.tx.Query(ctx, `
		SELECT CASE WHEN r.entry_id IS NULL THEN l.received_digest ELSE r.digest END, CASE WHEN r.entry_id IS NULL THEN l.received_stamp ELSE r.stamp END,
			`+entryColumnsOf("h")+`
		FROM unnest($2::uuid[], $4::int[], $5::int[]) AS k (id, version, met)
		JOIN history h ON h.org_id = $1 AND h.id = k.id AND h.version = k.version
		JOIN history l ON l.org_id = $1 AND l.id = k.id AND l.version = k.met
		LEFT JOIN received_before r ON r.org_id = $1 AND r.import_id = $3 AND r.entry_id = k.id`, string(u.org), ids, run, versions, met)
	if err != nil {
		return nil, err
	}
	var digest []byte
	var stamp *time.Time
	before, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (timesheet.Entry, error) {
		e, err := scanEntry(behind{row, []any{&digest, &stamp}})
		if err != nil {
			return e, err
		}
		s := e.Snapshot()
		s.Received = timesheet.Received{SourceUpdatedAt: instant(stamp)}
		copy(s.Received.Digest[:], digest)
		return timesheet.Restore(s)
	})
	if err != nil {
		return nil, err
	}
	for _, b := range before {
		mine[at[b.ID()]].Before = b
	}
	return mine, nil
}

func (u *undo) Lock(ctx context.Context, userIDs []string) error {
	return u.book.Lock(ctx, userIDs, worker.Contractor)
}

func (u *undo) Unreceive(ctx context.Context, id timesheet.ID, limit int) (bool, error) {
	rows, err := u.tx.Query(ctx, `
		SELECT b.entry_id, e.user_id FROM received_before b JOIN entries e ON e.org_id = $1 AND e.id = b.entry_id
		WHERE b.org_id = $1 AND b.import_id = $2 ORDER BY b.entry_id LIMIT $3`, string(u.org), id, limit)
	if err != nil {
		return false, err
	}
	var ids []timesheet.ID
	var workers []string
	var entry timesheet.ID
	var userID string
	if _, err = pgx.ForEachRow(rows, []any{&entry, &userID}, func() error {
		ids, workers = append(ids, entry), append(workers, userID)
		return nil
	}); err != nil || len(ids) == 0 {
		return false, err
	}
	if err := u.Lock(ctx, workers); err != nil {
		return false, err
	}
	if _, err := u.tx.Exec(ctx, `
		UPDATE entries e SET received_digest = b.digest, received_stamp = b.stamp
		FROM received_before b WHERE b.org_id = $1 AND b.import_id = $2 AND b.entry_id = ANY ($3) AND e.org_id = $1 AND e.id = b.entry_id
		AND e.received_digest IS NOT DISTINCT FROM b.after_digest AND e.received_stamp IS NOT DISTINCT FROM b.after_stamp`,
		string(u.org), id, ids); err != nil {
		return false, err
	}
	_, err = u.tx.Exec(ctx, `DELETE FROM received_before WHERE org_id = $1 AND import_id = $2 AND entry_id = ANY ($3)`, string(u.org), id, ids)
	return len(ids) == limit, err
}

// behind is a row whose first columns are scanned into first.
type behind struct {
	pgx.CollectableRow
	first []any
}

// Scan scans the first columns, and the others into targets.
func (b behind) Scan(targets ...any) error {
	return b.CollectableRow.Scan(append(b.first, targets...)...)
}
