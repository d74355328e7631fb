package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
)

// maker is who made a version of an entry.
type maker struct {
	run     timesheet.ID // zero when it was none
	reverts timesheet.ID // the import that the run took back; zero when it is no revert
}

// past is who made each version of an entry; the first is version 1.
type past []maker

// pasts gives who made the versions of the entries.
func (u *undo) pasts(ctx context.Context, changed []intake.Undoable) (map[timesheet.ID]past, error) {
	ids := make([]timesheet.ID, len(changed))
	for i, c := range changed {
		ids[i] = c.Now.ID()
	}
	rows, err := u.tx.Query(ctx, `
		SELECT v.id, v.version, v.import_id, r.reverts
		FROM (
			SELECT id, version, import_id FROM history WHERE org_id = $1 AND id = ANY ($2)
			UNION ALL
			SELECT id, version, import_id FROM entries WHERE org_id = $1 AND id = ANY ($2)
		) v LEFT JOIN imports r ON r.org_id = $1 AND r.id = v.import_id AND r.kind = 'revert'
		ORDER BY v.id, v.version`, string(u.org), ids)
	if err != nil {
		return nil, err
	}
	pasts := make(map[timesheet.ID]past, len(ids))
	var id timesheet.ID
	var version int
	var run, reverts *timesheet.ID
	_, err = pgx.ForEachRow(rows, []any{&id, &version, &run, &reverts}, func() error {
		var m maker
		if run != nil {
			m.run = *run
		}
		if reverts != nil {
			m.reverts = *reverts
		}
		pasts[id] = append(pasts[id], m)
		return nil
	})
	return pasts, err
}

// without goes back from a version to the one from which the run took the
// entry, 0 for none: past what the run made, and past what others made and
// reverts took back. received is the version that the run met, which may have been
// received something about since a revert gave it back. doing is false when the
// version is not the run's doing; touched is true when others have changed the
// entry between its changes.
func (p past) without(run timesheet.ID, version int) (before, received int, doing, touched bool) {
	for version > 0 {
		switch m := p[version-1]; {
		case m.run == run:
			doing = true
			version--
			received = version
			continue
		case !m.reverts.IsZero() && m.reverts != run:
			version = p.first(m.reverts) - 1
			continue
		}
		break
	}
	for _, m := range p[:version] {
		touched = touched || m.run == run
	}
	return version, received, doing, touched
}

// first is the first version that the run made; there is one, since it was
// taken back.
func (p past) first(run timesheet.ID) int {
	for i, m := range p {
		if m.run == run {
			return i + 1
		}
	}
	return 1
}
