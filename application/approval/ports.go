// Package approval is what approvers do, and what workers hand in to them: see
// what waits for a decision, decide about entries and weeks, and about late
// changes to them. Nobody decides about their own hours, nor about an entry
// that they were the last to change by hand.
package approval

import (
	"context"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Entries is where entries wait for a decision.
type Entries interface {
	// Get gives one entry, tombstones included. An unknown id is a
	// fault.NotFound.
	Get(ctx context.Context, org identity.Organization, id timesheet.ID) (timesheet.Entry, error)
	// Pending gives at most limit live pending entries of all workers but the
	// excepted one, newest first (day, id descending), of those that come after
	// the entry with the given day and id; the zero Day and ID are before the
	// first.
	Pending(ctx context.Context, org identity.Organization, except string, day timesheet.Day, id timesheet.ID, limit int) ([]timesheet.Entry, error)
	// Decide runs fn in one transaction, which is committed when fn returns
	// nil. fn may run more than once and must have no effect but through its Tx.
	Decide(ctx context.Context, org identity.Organization, fn func(Tx) error) error
}

// Tx is one transaction on entries. What changes must be locked first.
type Tx interface {
	// Lock locks the workers until the transaction ends, so that nobody else
	// changes their entries; it creates those that were never seen.
	Lock(ctx context.Context, userIDs []string, unseen worker.Kind) error
	// Entry gives the entry as of now.
	Entry(ctx context.Context, id timesheet.ID) (timesheet.Entry, error)
	// Store writes the entry's change from before to after, as one write of the
	// change feed.
	Store(ctx context.Context, by string, before, after timesheet.Entry) error
}

// Weeks is where weeks are kept, and late changes to them.
type Weeks interface {
	// Known is nil for a worker who was seen, else a fault.NotFound.
	Known(ctx context.Context, org identity.Organization, userID string) error
	// Week gives a week with its live entries, in any order, as of one moment. A
	// worker who was never seen is a fault.NotFound, a week with more entries than
	// most a fault.Conflict; 0 is no bound.
	Week(ctx context.Context, org identity.Organization, of timesheet.WorkerWeek, most int) (timesheet.Sheet, []timesheet.Entry, error)
	// Weeks gives at most limit weeks that have an entry or to which something
	// has happened, newest first (week descending, then user id), of those that
	// come after the given place. Where they lie far apart it may give fewer, and
	// the place that it has reached; else that is the zero place.
	Weeks(ctx context.Context, org identity.Organization, filter WeekFilter, after WeekPlace, limit int) (page []Overview, reached WeekPlace, err error)
	// Missing gives at most limit weeks, by user id after the given one, of
	// workers who were active on one of its days and whose week is neither
	// submitted nor approved.
	Missing(ctx context.Context, org identity.Organization, week timesheet.Week, after string, limit int) ([]Overview, error)
	// Corrections gives at most limit late changes that pass the filter, those
	// that were opened last first (then by id, descending), of those that come
	// after the given place.
	Corrections(ctx context.Context, org identity.Organization, filter CorrectionFilter, after CorrectionPlace, limit int) ([]LateChange, error)
	// Correction gives one late change; an unknown id is a fault.NotFound.
	Correction(ctx context.Context, org identity.Organization, id timesheet.ID) (LateChange, error)
	// Revise runs fn in one transaction, which is committed when fn returns
	// nil. fn may run more than once and must have no effect but through its Tx.
	Revise(ctx context.Context, org identity.Organization, fn func(WeekTx) error) error
}

// WeekTx is one transaction on weeks. Whose weeks change must be locked first.
// What writes is called in the order in which it stands here.
type WeekTx interface {
	// Lock is as for entries, but of those that were never seen it creates only
	// whom Save or Store then names. With no kind for them they are a
	// fault.NotFound.
	Lock(ctx context.Context, userIDs []string, unseen worker.Kind) error
	// Sheet gives a week with its live entries. One with more than
	// timesheet.MaxWeekEntries is a fault.Conflict.
	Sheet(ctx context.Context, of timesheet.WorkerWeek) (timesheet.Sheet, []timesheet.Entry, error)
	// RemovedBy tells whether an entry is no longer in the week because the person,
	// by hand, deleted it or gave it another day or worker, whatever has become of
	// it since.
	RemovedBy(ctx context.Context, of timesheet.WorkerWeek, person string) (bool, error)
	// Concerning gives the open corrections that would change an entry of the
	// week, or bring one into it, each with all that is held under its key.
	Concerning(ctx context.Context, of timesheet.WorkerWeek) ([]timesheet.Held, error)
	// Correction gives one late change as of now.
	Correction(ctx context.Context, id timesheet.ID) (LateChange, error)
	// States gives the states of those of the weeks that are submitted or
	// approved.
	States(ctx context.Context, weeks []timesheet.WorkerWeek) (map[timesheet.WorkerWeek]timesheet.WeekState, error)
	// Totals gives the seconds that count on each of the days.
	Totals(ctx context.Context, days []timesheet.WorkerDay) (map[timesheet.WorkerDay]int, error)

	// Save writes a week that has moved from before to after.
	Save(ctx context.Context, before, after timesheet.Sheet) error
	// Close writes the end of a correction that is open.
	Close(ctx context.Context, c timesheet.Correction) error
	// Obsolete ends corrections that are open: they have no object any more. There
	// may be thousands.
	Obsolete(ctx context.Context, open []timesheet.Correction, by, reason string, at time.Time) error
	// Receive writes what counts as last received of the entry.
	Receive(ctx context.Context, entry timesheet.Entry, last timesheet.Received) error
	// Store writes what the verdicts ask for, as one write of the change feed.
	Store(ctx context.Context, by string, writing []timesheet.Stored) error
}

// WeekFilter selects weeks; zero members select all.
type WeekFilter struct {
	UserID   string
	From, To timesheet.Week // both inclusive
	State    timesheet.WeekState
}

// WeekPlace is where a page of weeks begins: after the week of this worker, or
// without one after that week of everybody. The zero place is before the first.
type WeekPlace = timesheet.WorkerWeek

// Overview is a week in a list: its state and what counts in it.
type Overview struct {
	Of       timesheet.WorkerWeek
	State    timesheet.WeekState
	Version  int
	Amended  bool
	Entries  int // that count
	Seconds  int64
	Pending  int // of Entries
	Rejected int // entries that do not count
}

// CorrectionFilter selects corrections; zero members select all.
type CorrectionFilter struct {
	State  timesheet.CorrectionState
	UserID string // whose entry it is, or would be
	Source string
}

// CorrectionPlace is where a page of corrections begins.
type CorrectionPlace struct {
	OpenedAt int64 // microseconds since 1970-01-01, UTC
	ID       timesheet.ID
}

// LateChange is a correction with what is held under its key now: old and new,
// side by side.
type LateChange struct {
	Correction timesheet.Correction
	Held       timesheet.Held
}

// Whose gives the workers whose hours the change is about: of the entry as it
// is, and as it is proposed; "" where there is none.
func (l LateChange) Whose() (now, proposed string) {
	return l.Held.Entry.Snapshot().Content.UserID, l.Correction.Content.UserID
}
