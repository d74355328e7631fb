package postgres

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"timesheets/domain/timesheet"
)

// entryColumns lists the columns of entries and of history, in their order in
// the migration, without org_id and without the place in the change feed.
const entryColumns = `id, source, external_id, user_id, day, seconds, project, task, description, billable,
	started_at, time_zone, tags, status, version, change, created_at, created_by, updated_at, updated_by,
	import_id, hand_by, decided_at, decided_by, reason, deleted_at, deletion, received_digest, received_stamp`

// allEntryColumns has them all, for copying rows to history and into entries.
const allEntryColumns = `org_id, ` + entryColumns + `, write_id, position`

// contentRow is the part of a row that says what an entry, or a correction,
// says: the one place where contents and columns meet.
type contentRow struct {
	userID, project             string
	day                         time.Time
	seconds                     int64
	task, description, timeZone *string
	billable                    bool
	startedAt                   *time.Time
	tags                        []byte
}

func (r *contentRow) content() (timesheet.Content, error) {
	duration, err := timesheet.DurationFromSeconds(r.seconds)
	if err != nil {
		return timesheet.Content{}, err
	}
	c := timesheet.Content{
		UserID: r.userID, Day: timesheet.DayIn(r.day), Project: r.project, Task: text(r.task), Description: text(r.description),
		Billable: r.billable, Duration: duration, StartedAt: instant(r.startedAt), TimeZone: text(r.timeZone),
	}
	if r.tags != nil {
		err = json.Unmarshal(r.tags, &c.Tags)
	}
	return c, err
}

// scanEntry reads entryColumns.
func scanEntry(row pgx.CollectableRow) (timesheet.Entry, error) {
	s, extra := timesheet.Snapshot{}, entryRest{}
	var c contentRow
	err := row.Scan(&s.ID, &s.Origin.Source, &s.Origin.ExternalID, &c.userID, &c.day, &c.seconds, &c.project, &c.task, &c.description, &c.billable,
		&c.startedAt, &c.timeZone, &c.tags, &s.Status, &s.Version, &s.Change, &s.CreatedAt, &s.CreatedBy, &s.UpdatedAt, &s.UpdatedBy,
		&extra.importID, &extra.handBy, &extra.decidedAt, &extra.decidedBy, &extra.reason, &extra.deletedAt, &extra.deletion, &extra.digest, &extra.stamp)
	if err != nil {
		return timesheet.Entry{}, err
	}
	if s.Content, err = c.content(); err != nil {
		return timesheet.Entry{}, err
	}
	s.CreatedAt, s.UpdatedAt = s.CreatedAt.UTC(), s.UpdatedAt.UTC()
	if extra.importID != nil {
		s.ImportID = *extra.importID
	}
	s.HandBy, s.DecidedBy, s.Reason, s.Deletion = text(extra.handBy), text(extra.decidedBy), text(extra.reason), timesheet.Deletion(text(extra.deletion))
	s.DecidedAt, s.DeletedAt = instant(extra.decidedAt), instant(extra.deletedAt)
	copy(s.Received.Digest[:], extra.digest)
	s.Received.SourceUpdatedAt = instant(extra.stamp)
	return timesheet.Restore(s)
}

// entryRest is what of a row may be null.
type entryRest struct {
	importID                            *timesheet.ID
	handBy, decidedBy, reason, deletion *string
	decidedAt, deletedAt, stamp         *time.Time
	digest                              []byte
}

// Null stands for "none" in the database; the domain has the zero value.

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func nullText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func nullInstant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func nullID(id timesheet.ID) *timesheet.ID {
	if id.IsZero() {
		return nil
	}
	return &id
}

func nullDigest(d timesheet.Digest) []byte {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// tagsJSON writes tags as the column keeps them: null for none.
func tagsJSON(tags []string) (*string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(tags)
	if err != nil {
		return nil, err
	}
	s := string(b)
	return &s, nil
}

// entryColumnsOf is entryColumns with the alias of their table.
func entryColumnsOf(alias string) string {
	names := strings.Split(entryColumns, ",")
	for i, name := range names {
		names[i] = alias + "." + strings.TrimSpace(name)
	}
	return strings.Join(names, ", ")
}
