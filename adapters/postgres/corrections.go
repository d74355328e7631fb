package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// lastCorrection orders the corrections c of a key: the open one, if any, is the
// last, else the one that was closed last.
const lastCorrection = `(c.state = 'open') DESC, c.closed_at DESC, c.id DESC`

// stillOpen is the condition of a correction c that is found by its id or its key
// and changed only while it is open. It asks for closed_at where others ask for
// state, which is the same: so the indexes of what is open will not do. As long
// as the table was never analyzed, the planner takes any of them for as good as
// one that leads to the row, and reads all that is open for each.
const stillOpen = `c.closed_at IS NULL`

const correctionColumns = `c.id, c.source, c.external_id, c.entry_id, c.why, c.state, c.version, c.deletion, c.user_id, c.day, c.seconds, c.project, c.task,
	c.description, c.billable, c.started_at, c.time_zone, c.tags, c.digest, c.stamp, c.opened_at, c.proposed_at, c.proposed_by, c.import_id,
	c.closed_at, c.closed_by, c.closed_reason`

// lastCorrections adds to what is held under keys of a source the last
// correction of each, if it is open or dismissed, and the last that was dismissed
// while there was no entry, which would remember it. Most sources have none.
func lastCorrections(ctx context.Context, tx *transaction, org identity.Organization, source string, keys []string, held func(*timesheet.Correction) *timesheet.Held) error {
	var b pgx.Batch
	askLastCorrections(&b, org, source, keys, held)
	return tx.SendBatch(ctx, &b).Close()
}

// askLastCorrections is lastCorrections as part of a batch.
func askLastCorrections(b *pgx.Batch, org identity.Organization, source string, keys []string, held func(*timesheet.Correction) *timesheet.Held) {
	b.Queue(`
		SELECT DISTINCT ON (c.external_id, c.state = 'dismissed' AND c.entry_id IS NULL) `+correctionColumns+`
		FROM corrections c WHERE c.org_id = $1 AND c.source = $2 AND c.external_id = ANY ($3)
		AND EXISTS (SELECT 1 FROM corrections any_ WHERE any_.org_id = $1 AND any_.source = $2)
		ORDER BY c.external_id, c.state = 'dismissed' AND c.entry_id IS NULL, `+lastCorrection, string(org), source, keys).Query(func(rows pgx.Rows) error {
		last, err := pgx.CollectRows(rows, scanCorrection)
		for i := range last {
			switch c := &last[i]; c.State {
			case timesheet.CorrectionOpen:
				held(c).Open = c
			case timesheet.CorrectionDismissed:
				if h := held(c); h.Dismissed == nil {
					h.Dismissed = c
				}
			case timesheet.CorrectionAccepted, timesheet.CorrectionObsolete:
			}
		}
		return err
	})
}

func scanCorrection(row pgx.CollectableRow) (timesheet.Correction, error) {
	var (
		c               timesheet.Correction
		r               contentRow
		entryID, run    *timesheet.ID
		userID, project *string
		day             *time.Time
		seconds         *int64
		billable        *bool
		digest          []byte
		stamp, closedAt *time.Time
		closedBy        *string
		reason          *string
	)
	err := row.Scan(&c.ID, &c.Origin.Source, &c.Origin.ExternalID, &entryID, &c.Why, &c.State, &c.Version, &c.Deletion, &userID, &day, &seconds, &project, &r.task, &r.description,
		&billable, &r.startedAt, &r.timeZone, &r.tags, &digest, &stamp, &c.OpenedAt, &c.ProposedAt, &c.ProposedBy, &run,
		&closedAt, &closedBy, &reason)
	if err != nil {
		return c, err
	}
	if !c.Deletion {
		r.userID, r.day, r.seconds, r.project, r.billable = *userID, *day, *seconds, *project, *billable
		if c.Content, err = r.content(); err != nil {
			return c, err
		}
	}
	if entryID != nil {
		c.EntryID = *entryID
	}
	if run != nil {
		c.ImportID = *run
	}
	copy(c.Digest[:], digest)
	c.ClosedAt, c.ClosedBy, c.Reason = instant(closedAt), text(closedBy), text(reason)
	c.SourceUpdatedAt, c.OpenedAt, c.ProposedAt = instant(stamp), c.OpenedAt.UTC(), c.ProposedAt.UTC()
	return c, nil
}

// correctionBatch collects statements about corrections. They are few: one
// statement each, sent together.
type correctionBatch struct {
	batch    pgx.Batch
	proposes bool
	err      error
}

// propose opens a correction, or gives the open one its new proposal. One that is
// judged anew was received when it was.
func (b *correctionBatch) propose(org identity.Organization, c timesheet.Correction) {
	tags, err := tagsJSON(c.Content.Tags)
	if err != nil {
		b.err = err
		return
	}
	args := []any{string(org), c.ID, c.Origin.Source, c.Origin.ExternalID, nullID(c.EntryID), string(c.Why), c.Deletion}
	if c.Deletion {
		args = append(args, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	} else {
		args = append(args, c.Content.UserID, c.Content.Day.Time(), c.Content.Duration.Seconds(), c.Content.Project, nullText(c.Content.Task),
			nullText(c.Content.Description), c.Content.Billable, nullInstant(c.Content.StartedAt), nullText(c.Content.TimeZone), tags)
	}
	b.proposes = true
	args = append(args, nullDigest(c.Digest), nullInstant(c.SourceUpdatedAt), c.OpenedAt, c.ProposedAt, c.ProposedBy, nullID(c.ImportID), c.Version)
	b.batch.Queue(`
		INSERT INTO corrections AS k (org_id, id, source, external_id, entry_id, state, why, deletion, user_id, day, seconds, project, task, description,
			billable, started_at, time_zone, tags, digest, stamp, opened_at, proposed_at, proposed_by, import_id, version, received_at)
		VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::text::jsonb, $18, $19, $20, $21, $22, $23, $24, clock_timestamp())
		ON CONFLICT (org_id, id) DO UPDATE SET version = excluded.version, why = excluded.why, deletion = excluded.deletion, user_id = excluded.user_id, day = excluded.day,
			seconds = excluded.seconds, project = excluded.project, task = excluded.task, description = excluded.description, billable = excluded.billable,
			started_at = excluded.started_at, time_zone = excluded.time_zone, tags = excluded.tags, digest = excluded.digest, stamp = excluded.stamp,
			proposed_at = excluded.proposed_at, proposed_by = excluded.proposed_by, import_id = excluded.import_id,
			received_at = CASE WHEN k.proposed_at = excluded.proposed_at THEN k.received_at ELSE excluded.received_at END
		WHERE k.state = 'open' AND k.version = excluded.version - 1
		RETURNING 1`, args...).Query(exactlyOne)
}

// close ends an open correction.
func (b *correctionBatch) close(org identity.Organization, c timesheet.Correction, state timesheet.CorrectionState, at time.Time, by string) {
	b.batch.Queue(`
		UPDATE corrections c SET state = $3, closed_at = $4, closed_by = $5
		WHERE c.org_id = $1 AND c.id = $2 AND `+stillOpen+` AND c.version = $6 RETURNING 1`,
		string(org), c.ID, string(state), at, by, c.Version).Query(exactlyOne)
}

// restamp gives a dismissed correction a newer stamp.
func (b *correctionBatch) restamp(org identity.Organization, c timesheet.Correction) {
	b.batch.Queue(`UPDATE corrections SET stamp = $3 WHERE org_id = $1 AND id = $2 AND state = 'dismissed' RETURNING 1`,
		string(org), c.ID, c.SourceUpdatedAt).Query(exactlyOne)
}

// exactlyOne fails with errRaced when the statement found nothing to change.
func exactlyOne(rows pgx.Rows) error {
	done, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err == nil && len(done) != 1 {
		err = errRaced
	}
	return err
}

func (b *correctionBatch) store(ctx context.Context, tx *transaction, org identity.Organization) error {
	if b.err != nil || b.batch.Len() == 0 {
		return b.err
	}
	if b.proposes {
		if err := lockReceipts(ctx, tx, org, false); err != nil {
			return err
		}
	}
	return tx.SendBatch(ctx, &b.batch).Close()
}
