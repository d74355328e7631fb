// Package timekeeping is what people and programs do with single entries:
// record, amend and withdraw them by hand, and read them.
package timekeeping

import (
	"context"

	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Entries is where entries are kept.
type Entries interface {
	// Get gives one entry, tombstones included. An unknown id is a
	// fault.NotFound.
	Get(ctx context.Context, org identity.Organization, id timesheet.ID) (timesheet.Entry, error)
	// List gives at most limit live entries that pass the filter, newest first
	// (day, id descending), of those that come after the given place.
	List(ctx context.Context, org identity.Organization, filter Filter, after Place, limit int) ([]timesheet.Entry, error)
	// History gives at most limit changes of one entry, newest first, of those
	// that made versions before the given one (0: all) and made the entry, or left
	// it, the worker's (of "": anybody's). Their Before is left out.
	History(ctx context.Context, org identity.Organization, id timesheet.ID, of string, before, limit int) ([]Change, error)
	// Atomically runs fn in one transaction, which is committed when fn returns
	// nil. fn may run more than once and must have no effect but through its Tx.
	Atomically(ctx context.Context, org identity.Organization, fn func(Tx) error) error
}

// Tx is one transaction on entries. What changes must be locked first.
type Tx interface {
	// Lock locks the workers until the transaction ends, so that nobody else
	// changes their entries; it creates those that were never seen.
	Lock(ctx context.Context, userIDs []string, unseen worker.Kind) error
	// Entry gives the entry as of now.
	Entry(ctx context.Context, id timesheet.ID) (timesheet.Entry, error)
	// Around gives the states of those of the weeks that are submitted or
	// approved, and the seconds that count on each of the days.
	Around(ctx context.Context, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error)
	// LockAround is Lock of one worker and then Around, mostly in one exchange with
	// the server.
	LockAround(ctx context.Context, userID string, unseen worker.Kind, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error)
	// Store writes the entry's change from before (the zero Entry for a new
	// one) to after, as one write of the change feed.
	Store(ctx context.Context, by string, before, after timesheet.Entry) error
	// Settle keeps the answer to a request with an Idempotency-Key, with the
	// effect or not at all.
	Settle(ctx context.Context, claim replay.Claim, answer replay.Answer) error
}

// Filter selects entries; zero members select all.
type Filter struct {
	UserID   string
	From, To timesheet.Day // both inclusive
	Project  string
	Status   timesheet.Status
	Source   string
	ImportID timesheet.ID // the run that made the last change
}

// Place is where a page begins: after the entry with this day and id. The zero
// Place is before the first.
type Place struct {
	Day timesheet.Day
	ID  timesheet.ID
}

// PlaceOf gives the place of an entry in a list.
func PlaceOf(e timesheet.Entry) Place { return Place{e.Snapshot().Content.Day, e.ID()} }
