package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"timesheets/application/intake"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

const partColumns = `part, digest, report, received, created, updated, unchanged, conflicts, rejected, unreadable, text_bytes`

func scanPart(row pgx.CollectableRow) (intake.Part, error) {
	var p intake.Part
	var digest []byte
	err := row.Scan(&p.Number, &digest, &p.Outcomes, &p.Received, &p.Created, &p.Updated, &p.Unchanged, &p.Conflicts, &p.Rejected, &p.Unreadable, &p.Text)
	copy(p.Digest[:], digest)
	return p, err
}

const partByNumber = `SELECT ` + partColumns + ` FROM import_parts WHERE org_id = $1 AND import_id = $2 AND part = $3`

// Part gives what is recorded of a batch of a run.
func (l *Ledger) Part(ctx context.Context, org identity.Organization, run timesheet.ID, number int) (*intake.Part, []intake.KeptRow, error) {
	found, err := query(ctx, l.pool, scanPart, partByNumber, string(org), run, number)
	if err != nil || len(found) == 0 {
		return nil, nil, err
	}
	kept, err := query(ctx, l.pool, scanKeptRow, `
		SELECT `+keptRowColumns+` FROM import_rows WHERE org_id = $1 AND import_id = $2 AND part = $3`, string(org), run, number)
	return &found[0], kept, err
}

// Refused gives kept rows that a retry may judge again. Their texts are added up
// where they are kept: what has no room is not even read.
func (l *Ledger) Refused(ctx context.Context, org identity.Organization, source, code string, limit, room int) ([]intake.RefusedRow, error) {
	// Ids of imports are in the order of time: who was judged least lately
	// comes first, so that no row waits behind others for ever.
	return query(ctx, l.pool, func(row pgx.CollectableRow) (r intake.RefusedRow, err error) {
		err = row.Scan(&r.ExternalID, &r.Text, &r.Outdated, &r.ImportID, &r.Place.Part, &r.Place.Index)
		return r, err
	}, `
		SELECT external_id, row_text, outdated, import_id, part, row_index FROM (
			SELECT *, sum(octet_length(row_text)) OVER (ORDER BY import_id, part, row_index) AS text_bytes FROM (
				SELECT k.external_id, r.row_text, k.outdated, k.import_id, k.part, k.row_index FROM refused_keys k
				JOIN import_rows r ON r.org_id = k.org_id AND r.import_id = k.import_id AND r.part = k.part AND r.row_index = k.row_index
				WHERE k.org_id = $1 AND k.source = $2 AND k.settled_in IS NULL AND ($3 = '' OR k.code = $3) AND r.row_text IS NOT NULL
				ORDER BY k.import_id, k.part, k.row_index LIMIT $4
			) first
		) added
		WHERE text_bytes <= $5 ORDER BY import_id, part, row_index`, string(org), source, code, limit, room)
}

func (b *book) StillRefused(ctx context.Context, source string, rows []intake.RefusedRow) (bool, error) {
	keys := make([]string, len(rows))
	was := make(map[string]intake.RefusedRow, len(rows))
	for i, r := range rows {
		keys[i], was[r.ExternalID] = r.ExternalID, r
	}
	found, err := b.tx.Query(ctx, `
		SELECT external_id, outdated, import_id, part, row_index FROM refused_keys
		WHERE org_id = $1 AND source = $2 AND external_id = ANY ($3) AND settled_in IS NULL ORDER BY external_id FOR UPDATE`, string(b.org), source, keys)
	if err != nil {
		return false, err
	}
	same := 0
	var r intake.RefusedRow
	_, err = pgx.ForEachRow(found, []any{&r.ExternalID, &r.Outdated, &r.ImportID, &r.Place.Part, &r.Place.Index}, func() error {
		if is := was[r.ExternalID]; is.ImportID == r.ImportID && is.Place == r.Place && is.Outdated == r.Outdated {
			same++
		}
		return nil
	})
	return same == len(rows), err
}

func (b *book) Enter(ctx context.Context, ref intake.RunRef, number int) (*intake.Part, error) {
	if _, err := openRun(ctx, b.tx, b.org, ref, intake.KindRun, "FOR KEY SHARE"); err != nil {
		return nil, err
	}
	rows, err := b.tx.Query(ctx, partByNumber, string(b.org), ref.ID, number)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, scanPart)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (b *book) Kept(ctx context.Context, run intake.Import) (rows, text int, err error) {
	// Parts with problems go one at a time, or two together would pass the bound.
	if _, err := b.tx.Exec(ctx, `SELECT 1 FROM sources WHERE org_id = $1 AND source = $2 FOR UPDATE`, string(b.org), run.Source); err != nil {
		return 0, 0, err
	}
	err = b.tx.QueryRow(ctx, `
		SELECT coalesce(sum(conflicts + rejected), 0)::int8, coalesce(sum(text_bytes), 0)::int8 FROM import_parts WHERE org_id = $1 AND import_id = $2`,
		string(b.org), run.ID).Scan(&rows, &text)
	return rows, text, err
}

func (b *book) KeepPart(ctx context.Context, run intake.Import, p intake.Part, rows []intake.KeptRow, keys []string) error {
	const insert = `
		INSERT INTO import_parts (org_id, import_id, ` + partColumns + `, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	record := []any{string(b.org), run.ID, p.Number, p.Digest[:], p.Outcomes, p.Received, p.Created, p.Updated, p.Unchanged, p.Conflicts, p.Rejected,
		p.Unreadable, p.Text, b.now}
	if len(rows) == 0 {
		b.tx.atLast(insert, record...)
	} else {
		// Who brings the same part at the same time fails here, where that means
		// to look again.
		if _, err := b.tx.Exec(ctx, insert, record...); err != nil {
			return err
		}
	}
	if len(keys) > 0 {
		b.tx.atLast(`
			INSERT INTO import_keys (org_id, import_id, external_id) SELECT $1, $2, k FROM unnest($3::text[]) AS k ORDER BY k
			ON CONFLICT DO NOTHING`, string(b.org), run.ID, keys)
	}
	return b.keepRows(ctx, run.ID, rows)
}

// forget deletes what is remembered of the source $2 under the given keys, but
// for what another transaction holds: that commits later, and says what is
// remembered then. Most sources have nothing: that is asked once, not for each
// key.
func forget(keys string) string {
	return `
		WITH gone AS (
			SELECT r.external_id FROM refused_keys r WHERE r.org_id = $1 AND r.source = $2
			AND EXISTS (SELECT 1 FROM refused_keys a WHERE a.org_id = $1 AND a.source = $2)
			AND r.external_id IN (` + keys + `)
			FOR UPDATE OF r SKIP LOCKED
		)
		DELETE FROM refused_keys r USING gone WHERE r.org_id = $1 AND r.source = $2 AND r.external_id = gone.external_id`
}

func (b *book) Refusals(ctx context.Context, source string, run timesheet.ID, refused []intake.KeptRow, settled, judged []string) error {
	if len(judged) > 0 {
		b.tx.atLast(forget(`SELECT k FROM unnest($3::text[]) AS k`), string(b.org), source, judged)
	}
	if len(refused) == 0 && len(settled) == 0 {
		return nil
	}
	keys := slices.Clone(settled)
	for _, r := range refused {
		keys, b.refused = append(keys, r.ExternalID), append(b.refused, r.ExternalID)
	}
	// What is there is locked in the order of keys, and what is not is added in
	// that order: two batches can wait for each other only one way round.
	if _, err := b.tx.Exec(ctx, `
		SELECT 1 FROM refused_keys WHERE org_id = $1 AND source = $2 AND external_id = ANY ($3) ORDER BY external_id FOR UPDATE`,
		string(b.org), source, keys); err != nil {
		return err
	}
	if len(settled) > 0 {
		// What waited until this import waits again when that is taken back; what
		// another has settled before is superseded.
		if _, err := b.tx.Exec(ctx, `
			DELETE FROM refused_keys WHERE org_id = $1 AND source = $2 AND external_id = ANY ($3) AND ($4::uuid IS NULL OR settled_in <> $4)`,
			string(b.org), source, settled, nullID(run)); err != nil {
			return err
		}
		if _, err := b.tx.Exec(ctx, `UPDATE refused_keys SET settled_in = $4 WHERE org_id = $1 AND source = $2 AND external_id = ANY ($3)`,
			string(b.org), source, settled, nullID(run)); err != nil {
			return err
		}
	}
	if len(refused) == 0 {
		return nil
	}
	if err := lockReceipts(ctx, b.tx, b.org, false); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for _, r := range slices.SortedFunc(slices.Values(refused), func(a, b intake.KeptRow) int { return strings.Compare(a.ExternalID, b.ExternalID) }) {
		batch.Queue(`
			INSERT INTO refused_keys AS k (org_id, source, external_id, code, day, user_id, import_id, part, row_index, at, received_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())
			ON CONFLICT (org_id, source, external_id) DO UPDATE SET code = excluded.code, day = excluded.day, user_id = excluded.user_id,
				import_id = excluded.import_id, part = excluded.part, row_index = excluded.row_index, at = excluded.at, received_at = excluded.received_at, outdated = false,
				settled_in = NULL, outdated_in = NULL, received_in = CASE WHEN $11 THEN coalesce(k.received_in, k.import_id) END`,
			string(b.org), source, r.ExternalID, r.Code, nullDay(r.Day), nullText(r.UserID), run, r.Part, r.Index, r.At, r.Again)
	}
	return b.tx.SendBatch(ctx, batch).Close()
}
