package intake

import (
	"context"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Undoing is where what an import did is found and undone.
type Undoing interface {
	// Begin starts the revert of an import, as a run of its source: faults are
	// those of Runs.Begin, a fault.NotFound for an unknown import and a
	// fault.Conflict (not_revertible) for one that is live, a dry run or a
	// revert itself.
	Begin(ctx context.Context, org identity.Organization, id timesheet.ID, revert Import, lease time.Duration) (Import, error)
	// Atomically runs fn with the revert held open, and its lease put off.
	Atomically(ctx context.Context, org identity.Organization, revert RunRef, lease time.Duration, fn func(Undo) error) error
	// End writes the revert's end with what it came to. When it is complete
	// the import is marked as reverted, its open corrections become obsolete,
	// its refused rows are not retried but those that it settled, or found that
	// their source no longer has, are, and the cursor of its source goes back to
	// the import's predecessor, if the import was the last to move it.
	End(ctx context.Context, org identity.Organization, revert RunRef, ended Import) error
	// Left names at most limit of the entries that the import changed and that
	// others have changed since, other reverts included, and that were not
	// undone; and how many there are.
	Left(ctx context.Context, org identity.Organization, id timesheet.ID, limit int) ([]timesheet.Entry, int, error)
}

// Undo is one transaction of a revert.
type Undo interface {
	// Changed looks at limit changes of the import at most, after the given
	// place in its writes, and gives the entries whose present state is its
	// doing; and the place from which to go on, the zero place at the end. What
	// another revert has given back is the doing of who had made it.
	Changed(ctx context.Context, id timesheet.ID, after WritePlace, limit int) ([]Undoable, WritePlace, error)
	// Lock locks the workers until the transaction ends.
	Lock(ctx context.Context, userIDs []string) error
	// Weeks is as in Book.
	Weeks(ctx context.Context, weeks []timesheet.WorkerWeek) (map[timesheet.WorkerWeek]timesheet.WeekState, error)
	// Totals gives the seconds that count on each of the days.
	Totals(ctx context.Context, days []timesheet.WorkerDay) (map[timesheet.WorkerDay]int, error)
	// Store writes the entries' earlier states, as one write of the change feed.
	Store(ctx context.Context, by string, revert timesheet.ID, writing []Stored) error
	// Unreceive gives at most limit entries that the import received something
	// about without changing them what was last received before, unless they
	// received something else since; and tells whether there are more.
	Unreceive(ctx context.Context, id timesheet.ID, limit int) (more bool, err error)
}

// WritePlace is a place in the writes of an import.
type WritePlace struct {
	Number   int64
	Position int
}

// Undoable is an entry that an import changed: as it is, and as it was before
// the import first changed it (the zero Entry when that created it), with what
// was last received then.
type Undoable struct {
	Now      timesheet.Entry
	Before   timesheet.Entry
	Touched  bool // others have changed it between two changes of the import
	Returned bool // another revert has given it back to the import: Left names it too
	Place    WritePlace
}

// Reverter takes imports back.
type Reverter struct {
	undoing Undoing
	lock    timesheet.Day
	newID   func() timesheet.ID
	now     func() time.Time
}

// NewReverter makes a Reverter. What lies before lock is left alone.
func NewReverter(undoing Undoing, lock LockBefore, newID func() timesheet.ID, now func() time.Time) *Reverter {
	return &Reverter{undoing, timesheet.Day(lock), newID, now}
}

const (
	undoChunk = 1000 // entries a transaction
	maxLeft   = 5000 // names in a report
)

// TouchedSince is the code of entries that a revert leaves alone because others
// have changed them.
const TouchedSince = "touched_since"

// Revert takes back what an import did: what it created is deleted, what it
// updated gets its earlier state back, what it deleted returns. Left alone, and
// named in the report as rejected, is what was touched since, is approved, lies
// in a closed period or would break a rule. It goes on in steps of its own;
// when it is interrupted, repeating it continues it.
func (r *Reverter) Revert(ctx context.Context, by identity.Principal, id timesheet.ID) (Report, error) {
	if err := mayLookBack(by); err != nil {
		return Report{}, err
	}
	run, err := r.undoing.Begin(ctx, by.Organization, id, Import{
		ID: r.newID(), Mode: Upsert, Kind: KindRevert, State: Open, Reverts: id, CreatedBy: by.ID, StartedAt: r.now().UTC().Truncate(time.Microsecond),
	}, Lease)
	if err != nil {
		return Report{}, err
	}
	u := undoing{Reverter: r, by: by, id: id, ref: RunRef{run.ID, run.Fence}, report: Report{ImportID: run.ID}}
	end := func(ctx context.Context, state State) error {
		run.State, run.EndedAt, run.Counts = state, r.now().UTC().Truncate(time.Microsecond), u.report.Counts
		return r.undoing.End(ctx, by.Organization, u.ref, run)
	}
	if err = u.everything(ctx); err == nil {
		err = end(ctx, Completed)
	}
	if err != nil {
		// Whoever repeats it need not wait for the lease.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = end(ending, Aborted)
		return Report{}, err
	}
	return u.report, nil
}
