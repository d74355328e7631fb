package approval

import (
	"context"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Decider approves and rejects entries.
type Decider struct {
	entries Entries
	lock    timesheet.Day
	now     func() time.Time
}

// NewDecider makes a Decider. Nothing is decided about days before lock; a
// zero lock closes none.
func NewDecider(entries Entries, lock timesheet.Day, now func() time.Time) *Decider {
	return &Decider{entries, lock, now}
}

// Expect is nil when an entry's present version is one that the caller means.
type Expect func(version int) error

// Approve approves an entry. Approving it twice changes nothing.
func (d *Decider) Approve(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect) (timesheet.Entry, error) {
	return d.decide(ctx, by, id, expect, func(e timesheet.Entry) (timesheet.Entry, error) { return e.Approve(by.ID, d.now()) })
}

// Reject rejects an entry, for a reason that its worker will read.
func (d *Decider) Reject(ctx context.Context, by identity.Principal, id timesheet.ID, reason string, expect Expect) (timesheet.Entry, error) {
	return d.decide(ctx, by, id, expect, func(e timesheet.Entry) (timesheet.Entry, error) { return e.Reject(by.ID, reason, d.now()) })
}

// Known is nil when there is the entry to decide about: only then what is wrong
// with a decision is told.
func (d *Decider) Known(ctx context.Context, by identity.Principal, id timesheet.ID) error {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return err
	}
	entry, err := d.entries.Get(ctx, by.Organization, id)
	if err == nil && entry.Deleted() {
		err = errNoEntry
	}
	return err
}

var errNoEntry = fault.New(fault.NotFound, "not_found", "There is no such entry.")

func (d *Decider) decide(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect, decision func(timesheet.Entry) (timesheet.Entry, error)) (timesheet.Entry, error) {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return timesheet.Entry{}, err
	}
	seen, err := d.entries.Get(ctx, by.Organization, id)
	if err != nil {
		return timesheet.Entry{}, err
	}
	var after timesheet.Entry
	err = d.entries.Decide(ctx, by.Organization, func(tx Tx) error {
		owner := seen.Snapshot().Content.UserID
		if err := tx.Lock(ctx, []string{owner}, worker.Contractor); err != nil {
			return err
		}
		before, err := tx.Entry(ctx, id)
		if err != nil {
			return err
		}
		if before.Snapshot().Content.UserID != owner {
			return fault.New(fault.Conflict, "entry_moved", "The entry has just been given to another worker. Look at it again.")
		}
		if before.Deleted() {
			return errNoEntry
		}
		if expect != nil {
			if err := expect(before.Snapshot().Version); err != nil {
				return err
			}
		}
		if after, err = decision(before); err != nil || after.Snapshot().Version == before.Snapshot().Version {
			return err
		}
		if err := (timesheet.Period{LockBefore: d.lock}).CheckOpen(before.Snapshot().Content.Day); err != nil {
			return err
		}
		return tx.Store(ctx, by.ID, before, after)
	})
	return after, err
}
