package timekeeping

import (
	"context"
	"errors"
	"slices"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Expect is nil when an entry's present version is one that the caller means.
type Expect func(version int) error

// Amend changes an entry by hand: edit gives the content that it should have,
// made of the one it has. An entry that is not the caller's to see is a
// fault.NotFound. edit may run more than once.
func (r *Recorder) Amend(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect, edit func(timesheet.Content) (timesheet.Content, error)) (timesheet.Entry, error) {
	if err := by.Require(identity.CreateTimesheets); err != nil {
		return timesheet.Entry{}, err
	}
	return r.revise(ctx, by, id, expect, func(e timesheet.Entry) (timesheet.Entry, error) {
		was := e.Snapshot().Content
		content, err := edit(was)
		if err != nil {
			return timesheet.Entry{}, err
		}
		content.UserID = r.userIDs.Canonical(content.UserID)
		if err := by.MayGive(was.UserID, content.UserID); err != nil {
			return timesheet.Entry{}, err
		}
		amended, err := e.Amend(content, by.ID, r.now())
		if err != nil || amended.Snapshot().Version == e.Snapshot().Version {
			return e, err
		}
		if err := r.period().CheckOpen(was.Day); err != nil {
			return timesheet.Entry{}, err
		}
		return amended, r.check(content)
	})
}

// Withdraw deletes an entry by hand; its key and history stay.
func (r *Recorder) Withdraw(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect) error {
	if err := by.Require(identity.DeleteTimesheets); err != nil {
		return err
	}
	_, err := r.revise(ctx, by, id, expect, func(e timesheet.Entry) (timesheet.Entry, error) {
		withdrawn, err := e.Withdraw(by.ID, r.now())
		if err != nil {
			return timesheet.Entry{}, err
		}
		return withdrawn, r.period().CheckOpen(e.Snapshot().Content.Day)
	})
	return err
}

// revise changes one entry under the locks of the workers whom it concerns,
// before and after. What is decided of it is decided of the entry as it is
// then, so that no number of other writers can keep the change from happening.
func (r *Recorder) revise(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect, change func(timesheet.Entry) (timesheet.Entry, error)) (timesheet.Entry, error) {
	// step says what becomes of an entry, and whose hours that concerns.
	step := func(before timesheet.Entry) (after timesheet.Entry, concerned []string, err error) {
		owner := before.Snapshot().Content.UserID
		if !by.Sees(owner) || before.Deleted() {
			return after, nil, fault.New(fault.NotFound, "not_found", "There is no such entry, or it is not yours.")
		}
		if expect != nil {
			if err := expect(before.Snapshot().Version); err != nil {
				return after, nil, err
			}
		}
		after, err = change(before)
		return after, []string{owner, after.Snapshot().Content.UserID}, err
	}
	seen, err := r.entries.Get(ctx, by.Organization, id)
	if err != nil {
		return timesheet.Entry{}, err
	}
	after, locked, err := step(seen)
	if err != nil || after.Snapshot().Version == seen.Snapshot().Version {
		return after, err
	}
	// Whom to lock is guessed from what was seen. Who turns out to be concerned
	// too, because others moved the entry meanwhile, is locked as well the next
	// time: soon all are whom it is moved between.
	for range maxStarts {
		var missed []string
		err = r.entries.Atomically(ctx, by.Organization, func(tx Tx) error {
			if err := tx.Lock(ctx, locked, worker.Contractor); err != nil {
				return err
			}
			before, err := tx.Entry(ctx, id)
			if err != nil {
				return err
			}
			var concerned []string
			if after, concerned, err = step(before); err != nil || after.Snapshot().Version == before.Snapshot().Version {
				return err
			}
			missed = slices.DeleteFunc(concerned, func(userID string) bool { return slices.Contains(locked, userID) })
			if len(missed) > 0 {
				return errMoved
			}
			if err := allowed(ctx, tx, before, after); err != nil {
				return err
			}
			return tx.Store(ctx, by.ID, before, after)
		})
		if !errors.Is(err, errMoved) {
			return after, err
		}
		locked = append(locked, missed...)
	}
	return timesheet.Entry{}, fault.New(fault.Unavailable, "busy", "The entry is being moved between workers again and again. Send the same request once more.").After(time.Second)
}

// allowed is nil when the change from before to after may be made by hand. Who is
// concerned must be locked.
func allowed(ctx context.Context, tx Tx, before, after timesheet.Entry) error {
	touched := touchedBy(before, after)
	states, totals, err := tx.Around(ctx, touched.weeks, touched.days())
	if err != nil {
		return err
	}
	return touched.allowed(states, totals)
}

// maxStarts bounds how often a change starts over because its entry moved.
const maxStarts = 10

// errMoved says that a worker is concerned who is not locked.
var errMoved = errors.New("the entry moved to another worker meanwhile")
