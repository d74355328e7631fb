package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// lastCompleted finds, for each source name in s.source, the last completed
// import that was no dry run. Sources are few: one probe each.
const lastCompleted = `
	LEFT JOIN LATERAL (
		SELECT ` + importColumns + ` FROM imports i
		WHERE i.org_id = $1 AND i.source = s.source AND i.state = 'completed' AND i.kind IN ('request', 'run') AND NOT i.dry_run
		ORDER BY i.ended_at DESC, i.id DESC LIMIT 1
	) i ON true
	LEFT JOIN sources c ON c.org_id = $1 AND c.source = s.source`

// Sources gives a page of sources by name: each that anything was ever
// imported from.
func (l *Ledger) Sources(ctx context.Context, org identity.Organization, after string, limit int) ([]intake.Source, error) {
	// A loose scan of the index by source: one step a name, however many
	// imports there are.
	return query(ctx, l.pool, scanSource, `
		WITH RECURSIVE s (source, n) AS (
			(SELECT source, 1 FROM imports WHERE org_id = $1 AND source > $2 ORDER BY source LIMIT 1)
			UNION ALL
			SELECT (SELECT i.source FROM imports i WHERE i.org_id = $1 AND i.source > s.source ORDER BY i.source LIMIT 1), n + 1
			FROM s WHERE s.source IS NOT NULL AND s.n < $3
		)
		SELECT s.source, coalesce(c.cursor, ''), c.cursor_import, i.* FROM s `+lastCompleted+`
		WHERE s.source IS NOT NULL ORDER BY s.source LIMIT $3`, string(org), after, limit)
}

// Source gives one source.
func (l *Ledger) Source(ctx context.Context, org identity.Organization, source string) (intake.Source, error) {
	found, err := query(ctx, l.pool, scanSource, `
		SELECT s.source, coalesce(c.cursor, ''), c.cursor_import, i.*
		FROM (SELECT source FROM imports WHERE org_id = $1 AND source = $2 LIMIT 1) s `+lastCompleted, string(org), source)
	if err != nil {
		return intake.Source{}, err
	}
	if len(found) == 0 {
		return intake.Source{}, fault.New(fault.NotFound, "not_found", "Nothing was ever imported from a source of this name.")
	}
	return found[0], nil
}

func scanSource(row pgx.CollectableRow) (intake.Source, error) {
	var s intake.Source
	var from *timesheet.ID
	i := importScan{}
	if err := row.Scan(append([]any{&s.Name, &s.Cursor, &from}, i.targets()...)...); err != nil {
		return s, err
	}
	if from != nil {
		s.CursorFrom = *from
	}
	s.Last = i.result()
	return s, nil
}
