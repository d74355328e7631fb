package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Ledger keeps what uploads bring.
type Ledger struct {
	pool *pgxpool.Pool
	way  *precedence.RightOfWay
	now  func() time.Time
}

var (
	_ intake.Ledger  = (*Ledger)(nil)
	_ intake.Archive = (*Ledger)(nil)
)

// NewLedger gives the ledger in the pool's database.
func NewLedger(pool *pgxpool.Pool, way *precedence.RightOfWay, now func() time.Time) *Ledger {
	return &Ledger{pool, way, now}
}

// withinReach is true unless the source $2 of $1 has no key between the first
// and the last of $3: one probe, where there would be one for each key. That is
// how new entries of most trackers come, whose ids grow. The least key that is
// not before the first is asked for in the order of the index, since a bare
// EXISTS may be planned as a scan of the whole table.
const withinReach = `(
				SELECT r.external_id FROM entries r
				WHERE r.org_id = $1 AND r.source = $2 AND r.external_id >= (SELECT min(x) FROM unnest($3::text[]) AS x)
				ORDER BY r.external_id LIMIT 1
			) <= (SELECT max(x) FROM unnest($3::text[]) AS x)`

// Glance looks the keys up by index probes: LATERAL with LIMIT keeps the
// planner from reading the whole table for a long list of keys.
func (l *Ledger) Glance(ctx context.Context, org identity.Organization, source string, keys []string) ([]intake.Glimpse, error) {
	glances := make([]intake.Glimpse, len(keys))
	err := onConn(ctx, l.pool, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT k.ord::int4, e.id, e.user_id, e.received_digest, e.received_stamp, ''
			FROM unnest($3::text[]) WITH ORDINALITY AS k (external_id, ord)
			CROSS JOIN LATERAL (
				SELECT id, user_id, received_digest, received_stamp FROM entries e
				WHERE e.org_id = $1 AND e.source = $2 AND e.external_id = k.external_id LIMIT 1
			) e
			WHERE `+withinReach+`
			UNION ALL
			SELECT k.ord::int4, NULL, NULL, NULL, NULL, 'open'
			FROM unnest($3::text[]) WITH ORDINALITY AS k (external_id, ord)
			WHERE EXISTS (SELECT 1 FROM corrections c WHERE c.org_id = $1 AND c.source = $2 AND c.state = 'open')
			AND EXISTS (SELECT 1 FROM corrections c WHERE c.org_id = $1 AND c.source = $2 AND c.external_id = k.external_id AND c.state = 'open')
			UNION ALL
			SELECT k.ord::int4, NULL, NULL, NULL, NULL, 'refused'
			FROM unnest($3::text[]) WITH ORDINALITY AS k (external_id, ord)
			WHERE EXISTS (SELECT 1 FROM refused_keys r WHERE r.org_id = $1 AND r.source = $2)
			AND EXISTS (SELECT 1 FROM refused_keys r WHERE r.org_id = $1 AND r.source = $2 AND r.external_id = k.external_id)`,
			string(org), source, keys)
		if err != nil {
			return err
		}
		var (
			ord    int
			id     *timesheet.ID
			userID *string
			digest []byte
			stamp  *time.Time
			also   string
		)
		_, err = pgx.ForEachRow(rows, []any{&ord, &id, &userID, &digest, &stamp, &also}, func() error {
			g := &glances[ord-1]
			switch also {
			case "open":
				g.Open = true
				return nil
			case "refused":
				g.Refused = true
				return nil
			}
			g.ID, g.UserID = *id, *userID
			copy(g.Received.Digest[:], digest)
			g.Received.SourceUpdatedAt = instant(stamp)
			return nil
		})
		return err
	})
	return glances, translate(err)
}

// Resolve looks workers up by identity or e-mail.
func (l *Ledger) Resolve(ctx context.Context, org identity.Organization, refs []intake.WorkerRef) ([]string, error) {
	sources, ids, emails := make([]string, len(refs)), make([]string, len(refs)), make([]string, len(refs))
	for i, ref := range refs {
		sources[i], ids[i], emails[i] = ref.Source, ref.ID, ref.Email
	}
	return query(ctx, l.pool, pgx.RowTo[string], `
		SELECT coalesce(
			CASE WHEN k.email <> '' THEN (SELECT w.user_id FROM workers w WHERE w.org_id = $1 AND w.email = k.email)
			ELSE (SELECT i.user_id FROM worker_identities i WHERE i.org_id = $1 AND i.source = k.source AND i.tracker_id = k.id) END, '')
		FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k (source, id, email, ord)
		ORDER BY k.ord`, string(org), sources, ids, emails)
}

// Entry gives one entry, tombstones included.
func (l *Ledger) Entry(ctx context.Context, org identity.Organization, id timesheet.ID) (timesheet.Entry, error) {
	found, err := query(ctx, l.pool, scanEntry, entryByID, string(org), id)
	if err != nil {
		return timesheet.Entry{}, err
	}
	return only(found)
}

// Renew puts the end of a run's lease off, and gives the run.
func (l *Ledger) Renew(ctx context.Context, org identity.Organization, ref intake.RunRef, lease time.Duration) (intake.Import, error) {
	return NewRuns(l.pool, l.now).Renew(ctx, org, ref, lease)
}

// Atomically runs fn in one transaction, again when it lost a race.
func (l *Ledger) Atomically(ctx context.Context, org identity.Organization, fn func(intake.Book) error) error {
	return inTx(ctx, l.pool, func(tx *transaction) error {
		return fn(&book{tx: tx, org: org, now: l.now().UTC(), way: l.way})
	})
}
