package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Keep writes the record of an import that is at its end, and its rows.
func (b *book) Keep(ctx context.Context, i intake.Import, rows []intake.KeptRow) error {
	if i.DryRun {
		if err := forgetDryRuns(ctx, b.tx, b.org, i.StartedAt); err != nil {
			return err
		}
	}
	b.tx.atLast(`
		INSERT INTO imports (org_id, id, source, mode, kind, state, dry_run, created_by, started_at, ended_at,
			received, created, updated, unchanged, deleted, conflicts, rejected)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		string(b.org), i.ID, i.Source, string(i.Mode), string(i.Kind), string(i.State), i.DryRun, i.CreatedBy, i.StartedAt, nullInstant(i.EndedAt),
		i.Received, i.Created, i.Updated, i.Unchanged, i.Deleted, i.Conflicts, i.Rejected)
	return b.keepRows(ctx, i.ID, rows)
}

// forgottenAtOnce is how many rows a dry run forgets of each table: no fewer
// than a run may keep of problems.
const forgottenAtOnce = intake.MaxProblems

// forgetDryRuns drops the records of dry runs that began long enough before
// now. Each dry run does it for those before it, so they never pile up; ten at
// a time, and of large ones a part, so that none of them takes long.
func forgetDryRuns(ctx context.Context, tx *transaction, org identity.Organization, now time.Time) error {
	rows, err := tx.Query(ctx, `
		SELECT id FROM imports WHERE org_id = $1 AND dry_run AND started_at < $2
		ORDER BY started_at LIMIT 10 FOR UPDATE SKIP LOCKED`, string(org), now.Add(-intake.DryRunKept))
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[timesheet.ID])
	if err != nil || len(old) == 0 {
		return err
	}
	for _, table := range []string{"import_rows", "import_keys", "import_parts"} {
		if _, err := tx.Exec(ctx, `
			DELETE FROM `+table+` WHERE ctid = ANY (ARRAY (SELECT ctid FROM `+table+` WHERE org_id = $1 AND import_id = ANY ($2) LIMIT $3))`,
			string(org), old, forgottenAtOnce); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `
		DELETE FROM imports i WHERE i.org_id = $1 AND i.id = ANY ($2)
		AND NOT EXISTS (SELECT 1 FROM import_rows r WHERE r.org_id = $1 AND r.import_id = i.id)
		AND NOT EXISTS (SELECT 1 FROM import_keys k WHERE k.org_id = $1 AND k.import_id = i.id)
		AND NOT EXISTS (SELECT 1 FROM import_parts p WHERE p.org_id = $1 AND p.import_id = i.id)`, string(org), old)
	return err
}

// keepRows writes the rows of an import that were refused or are in conflict.
func (b *book) keepRows(ctx context.Context, run timesheet.ID, rows []intake.KeptRow) error {
	if len(rows) == 0 {
		return nil
	}
	if err := b.tx.start(ctx); err != nil {
		return err
	}
	_, err := b.tx.conn.CopyFrom(ctx, pgx.Identifier{"import_rows"}, []string{"org_id", "import_id", "part", "row_index", "source", "external_id", "digest",
		"outcome", "code", "field", "detail", "correction_id", "known", "row_text", "text_truncated", "at"},
		pgx.CopyFromSlice(len(rows), func(n int) ([]any, error) {
			r := rows[n]
			return []any{string(b.org), run, r.Part, r.Index, r.Source, nullText(r.ExternalID), r.Digest[:], string(r.Outcome), r.Code,
				r.Problem.Field, r.Problem.Detail, nullID(r.CorrectionID), r.Known, r.Text, r.TextTruncated, r.At}, nil
		}))
	return err
}

// importColumns are those of imports i. The counts of an open run stand in its
// parts.
const importColumns = `i.id, i.source, i.mode, i.kind, i.state, i.dry_run, i.first_day, i.last_day, i.user_ids, i.fence, i.lease_until,
	coalesce(i.cursor, ''), i.reverts, i.created_by, i.started_at, i.ended_at,
	i.received, i.created, i.updated, i.unchanged, i.deleted, i.conflicts, i.rejected`

const keptRowColumns = `part, row_index, source, external_id, digest, outcome, code, field, detail, correction_id, known, row_text, text_truncated, at`

// Import gives one import.
func (l *Ledger) Import(ctx context.Context, org identity.Organization, id timesheet.ID) (intake.Import, error) {
	found, err := l.imports(ctx, org, `SELECT `+importColumns+` FROM imports i WHERE i.org_id = $1 AND i.id = $2`, string(org), id)
	if err != nil {
		return intake.Import{}, err
	}
	if len(found) == 0 {
		return intake.Import{}, fault.New(fault.NotFound, "not_found", "There is no such import.")
	}
	return found[0], nil
}

// Imports gives a page of imports, newest first.
func (l *Ledger) Imports(ctx context.Context, org identity.Organization, source string, after intake.ImportPlace, limit int) ([]intake.Import, error) {
	s := selection{args: []any{string(org)}}
	s.where("i.org_id = $1")
	if source != "" {
		s.where("i.source = ?", source)
	}
	if !after.StartedAt.IsZero() {
		s.where("(i.started_at, i.id) < (?, ?)", after.StartedAt, after.ID)
	}
	return l.imports(ctx, org, `SELECT `+importColumns+` FROM imports i WHERE `+s.conditionText()+`
		ORDER BY i.started_at DESC, i.id DESC LIMIT `+s.arg(limit), s.args...)
}

// imports reads imports with their counts, those of open runs as of the same
// moment.
func (l *Ledger) imports(ctx context.Context, org identity.Organization, sql string, args ...any) ([]intake.Import, error) {
	var found []intake.Import
	err := inSnapshot(ctx, l.pool, func(tx *transaction) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		if found, err = pgx.CollectRows(rows, scanImport); err != nil {
			return err
		}
		var open []timesheet.ID
		for _, i := range found {
			if i.State == intake.Open {
				open = append(open, i.ID)
			}
		}
		if len(open) == 0 {
			return nil
		}
		counts, err := partCounts(ctx, tx, org, open...)
		for n, i := range found {
			if i.State == intake.Open {
				found[n].Counts = counts[i.ID]
			}
		}
		return err
	})
	return found, err
}

// Rows gives a page of the kept rows of an import.
func (l *Ledger) Rows(ctx context.Context, org identity.Organization, id timesheet.ID, after intake.RowPlace, limit, room int) ([]intake.KeptRow, error) {
	return query(ctx, l.pool, scanKeptRow, `
		SELECT `+keptRowColumns+` FROM (
			SELECT *, sum(octet_length(row_text)) OVER (ORDER BY part, row_index ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS text_before FROM (
				SELECT `+keptRowColumns+` FROM import_rows WHERE org_id = $1 AND import_id = $2 AND (part, row_index) > ($3, $4)
				ORDER BY part, row_index LIMIT $5
			) page
		) added
		WHERE coalesce(text_before, 0) <= $6 ORDER BY part, row_index`, string(org), id, after.Part, after.Index, limit, room)
}

func scanImport(row pgx.CollectableRow) (intake.Import, error) {
	var i importScan
	err := row.Scan(i.targets()...)
	return i.result(), err
}

// importScan is importColumns as they are scanned: all of them may be null,
// where an import is joined to something that has none.
type importScan struct {
	id, reverts                                    *timesheet.ID
	source, mode, kind, state, cursor, createdBy   *string
	dryRun                                         *bool
	first, last, lease, started, ended             *time.Time
	userIDs                                        []string
	fence                                          *int64
	received, created, updated, unchanged, deleted *int
	conflicts, rejected                            *int
}

func (i *importScan) targets() []any {
	return []any{&i.id, &i.source, &i.mode, &i.kind, &i.state, &i.dryRun, &i.first, &i.last, &i.userIDs, &i.fence, &i.lease,
		&i.cursor, &i.reverts, &i.createdBy, &i.started, &i.ended,
		&i.received, &i.created, &i.updated, &i.unchanged, &i.deleted, &i.conflicts, &i.rejected}
}

// result is the zero Import when there is none.
func (i *importScan) result() intake.Import {
	if i.id == nil {
		return intake.Import{}
	}
	r := intake.Import{
		ID: *i.id, Source: *i.source, Mode: intake.Mode(*i.mode), Kind: intake.Kind(*i.kind), State: intake.State(*i.state), DryRun: *i.dryRun,
		Scope: intake.Scope{From: day(i.first), To: day(i.last), UserIDs: i.userIDs}, Fence: *i.fence, LeaseEnd: instant(i.lease), Cursor: *i.cursor,
		CreatedBy: *i.createdBy, StartedAt: instant(i.started), EndedAt: instant(i.ended),
		Counts: intake.Counts{Received: *i.received, Created: *i.created, Updated: *i.updated, Unchanged: *i.unchanged, Deleted: *i.deleted,
			Conflicts: *i.conflicts, Rejected: *i.rejected},
	}
	if i.reverts != nil {
		r.Reverts = *i.reverts
	}
	return r
}

func scanKeptRow(row pgx.CollectableRow) (intake.KeptRow, error) {
	var r intake.KeptRow
	var key *string
	var digest []byte
	var correction *timesheet.ID
	r.Problem = &intake.Problem{}
	err := row.Scan(&r.Part, &r.Index, &r.Source, &key, &digest, &r.Outcome, &r.Code, &r.Problem.Field, &r.Problem.Detail, &correction, &r.Known,
		&r.Text, &r.TextTruncated, &r.At)
	r.ExternalID, r.Problem.Code, r.At = text(key), r.Code, r.At.UTC()
	copy(r.Digest[:], digest)
	if correction != nil {
		r.CorrectionID = *correction
	}
	return r, err
}
