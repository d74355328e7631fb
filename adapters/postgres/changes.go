package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// placed is one change of an entry, at its position in a write: from a state
// (the zero Entry when it is new) to the next. Entries are large and a write
// has thousands: they stay where they are.
type placed struct {
	before, after *timesheet.Entry
	position      int
}

// newWrite makes the id of a write of the change feed.
func newWrite() (timesheet.ID, error) {
	id, err := uuid.NewV7()
	return timesheet.ID(id), err
}

// storeEntries stores changes of entries as part of a write of the change feed:
// new entries as they are, of changed ones the earlier state in history. The
// workers concerned must be locked. An entry may change more than once; its
// changes stand in their order. number has to follow.
func storeEntries(ctx context.Context, tx *transaction, org identity.Organization, write timesheet.ID, changes []placed) error {
	created, changed := make([]placed, 0, len(changes)), []placed(nil)
	for _, c := range changes {
		if c.before.ID().IsZero() {
			created = append(created, c)
		} else {
			changed = append(changed, c)
		}
	}
	switch len(created) {
	case 0:
	case 1:
		if err := insertEntry(tx, string(org), write, created[0]); err != nil {
			return err
		}
	default:
		if err := copyEntries(ctx, tx, string(org), write, created); err != nil {
			return err
		}
	}
	for len(changed) > 0 {
		met := make(map[timesheet.ID]bool, len(changed))
		first, again := changed[:0:0], []placed(nil)
		for _, c := range changed {
			if id := c.after.ID(); met[id] {
				again = append(again, c)
			} else {
				met[id], first = true, append(first, c)
			}
		}
		if err := reviseEntries(ctx, tx, string(org), write, first); err != nil {
			return err
		}
		changed = again
	}
	return nil
}

// number gives a write its number, at last: the organisation's counter is held
// until the commit, so that numbers are in commit order.
func number(tx *transaction, org identity.Organization, write timesheet.ID, by string, run timesheet.ID, at time.Time) {
	tx.atLast(numbering, string(org), write, at, by, nullID(run))
}

const (
	numbering = `
		WITH next AS (
			INSERT INTO write_counters AS c (org_id, number) VALUES ($1, 1)
			ON CONFLICT (org_id) DO UPDATE SET number = c.number + 1
			RETURNING number
		)
		INSERT INTO writes (org_id, number, write_id, at, principal, import_id)
		SELECT $1, number, $2, $3, $4, $5 FROM next`
	insertionOfEntry = `
		INSERT INTO entries (` + allEntryColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::text::jsonb, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,
			$29, $30, $31, $32)`
)

// insertEntry inserts one new entry at last, which needs no answer, where COPY
// takes two.
func insertEntry(tx *transaction, org string, write timesheet.ID, p placed) error {
	s := p.after.Snapshot()
	tags, err := tagsJSON(s.Content.Tags)
	if err != nil {
		return err
	}
	tx.atLast(insertionOfEntry,
		org, s.ID, s.Origin.Source, s.Origin.ExternalID, s.Content.UserID, s.Content.Day.Time(), s.Content.Duration.Seconds(), s.Content.Project,
		nullText(s.Content.Task), nullText(s.Content.Description), s.Content.Billable, nullInstant(s.Content.StartedAt), nullText(s.Content.TimeZone), tags,
		string(s.Status), s.Version, string(s.Change), s.CreatedAt, s.CreatedBy, s.UpdatedAt, s.UpdatedBy, nullID(s.ImportID), nullText(s.HandBy),
		nullInstant(s.DecidedAt), nullText(s.DecidedBy), nullText(s.Reason), nullInstant(s.DeletedAt), nullText(string(s.Deletion)),
		nullDigest(s.Received.Digest), nullInstant(s.Received.SourceUpdatedAt), write, p.position)
	return nil
}

// reviseEntries keeps the earlier states in history and stores the new ones.
// errRaced when one of the entries is no longer in the state it was judged by.
func reviseEntries(ctx context.Context, tx *transaction, org string, writeID timesheet.ID, changed []placed) error {
	var a changedArrays
	for _, c := range changed {
		if err := a.add(c); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO history (`+allEntryColumns+`)
		SELECT `+allEntryColumns+` FROM entries WHERE org_id = $1 AND id = ANY ($2)`, org, a.id); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		UPDATE entries e SET
			user_id = s.user_id, day = s.day, seconds = s.seconds, project = s.project, task = s.task, description = s.description,
			billable = s.billable, started_at = s.started_at, time_zone = s.time_zone, tags = s.tags::jsonb, status = s.status,
			version = s.version, change = s.change, updated_at = s.updated_at, updated_by = s.updated_by, import_id = s.import_id,
			hand_by = s.hand_by, decided_at = s.decided_at, decided_by = s.decided_by, reason = s.reason, deleted_at = s.deleted_at,
			deletion = s.deletion, received_digest = s.received_digest, received_stamp = s.received_stamp,
			write_id = $2, position = s.position
		FROM unnest($3::uuid[], $4::text[], $5::date[], $6::int[], $7::text[], $8::text[], $9::text[], $10::bool[], $11::timestamptz[],
			$12::text[], $13::text[], $14::text[], $15::int[], $16::text[], $17::timestamptz[], $18::text[], $19::uuid[], $20::text[],
			$21::timestamptz[], $22::text[], $23::text[], $24::timestamptz[], $25::text[], $26::bytea[], $27::timestamptz[], $28::int[])
			AS s (id, user_id, day, seconds, project, task, description, billable, started_at, time_zone, tags, status, version, change,
			updated_at, updated_by, import_id, hand_by, decided_at, decided_by, reason, deleted_at, deletion, received_digest, received_stamp, position)
		WHERE e.org_id = $1 AND e.id = s.id AND e.version = s.version - 1
		RETURNING 1`,
		org, writeID, a.id, a.userID, a.day, a.seconds, a.project, a.task, a.description, a.billable, a.startedAt, a.timeZone, a.tags,
		a.status, a.version, a.change, a.updatedAt, a.updatedBy, a.importID, a.handBy, a.decidedAt, a.decidedBy, a.reason, a.deletedAt,
		a.deletion, a.digest, a.stamp, a.position)
	if err != nil {
		return err
	}
	done, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	if len(done) != len(changed) {
		return fmt.Errorf("%w: %d of %d entries had changed", errRaced, len(changed)-len(done), len(changed))
	}
	return nil
}

// changedArrays has one array a column, as unnest takes them.
type changedArrays struct {
	id                                         []timesheet.ID
	userID, project, status, change, updatedBy []string
	day, updatedAt                             []time.Time
	seconds, version, position                 []int32
	task, description, timeZone, tags          []*string
	billable                                   []bool
	startedAt, decidedAt, deletedAt, stamp     []*time.Time
	importID                                   []*timesheet.ID
	handBy, decidedBy, reason, deletion        []*string
	digest                                     [][]byte
}

func (a *changedArrays) add(p placed) error {
	s := p.after.Snapshot()
	tags, err := tagsJSON(s.Content.Tags)
	if err != nil {
		return err
	}
	a.id = append(a.id, s.ID)
	a.userID = append(a.userID, s.Content.UserID)
	a.day = append(a.day, s.Content.Day.Time())
	a.seconds = append(a.seconds, int32(s.Content.Duration.Seconds()))
	a.project = append(a.project, s.Content.Project)
	a.task = append(a.task, nullText(s.Content.Task))
	a.description = append(a.description, nullText(s.Content.Description))
	a.billable = append(a.billable, s.Content.Billable)
	a.startedAt = append(a.startedAt, nullInstant(s.Content.StartedAt))
	a.timeZone = append(a.timeZone, nullText(s.Content.TimeZone))
	a.tags = append(a.tags, tags)
	a.status = append(a.status, string(s.Status))
	a.version = append(a.version, int32(s.Version))
	a.change = append(a.change, string(s.Change))
	a.updatedAt = append(a.updatedAt, s.UpdatedAt)
	a.updatedBy = append(a.updatedBy, s.UpdatedBy)
	a.importID = append(a.importID, nullID(s.ImportID))
	a.handBy = append(a.handBy, nullText(s.HandBy))
	a.decidedAt = append(a.decidedAt, nullInstant(s.DecidedAt))
	a.decidedBy = append(a.decidedBy, nullText(s.DecidedBy))
	a.reason = append(a.reason, nullText(s.Reason))
	a.deletedAt = append(a.deletedAt, nullInstant(s.DeletedAt))
	a.deletion = append(a.deletion, nullText(string(s.Deletion)))
	a.digest = append(a.digest, nullDigest(s.Received.Digest))
	a.stamp = append(a.stamp, nullInstant(s.Received.SourceUpdatedAt))
	a.position = append(a.position, int32(p.position))
	return nil
}
