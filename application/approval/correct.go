package approval

import (
	"context"
	"slices"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Corrector shows late changes and decides about them.
type Corrector struct {
	weeks   Weeks
	userIDs identity.UserIDs
	lock    timesheet.Day
	newID   func() timesheet.ID
	now     func() time.Time
}

// NewCorrector makes a Corrector. Nothing is accepted on days before lock; a
// zero lock closes none.
func NewCorrector(weeks Weeks, userIDs identity.UserIDs, lock timesheet.Day, newID func() timesheet.ID, now func() time.Time) *Corrector {
	return &Corrector{weeks, userIDs, lock, newID, now}
}

// List gives a page of at most limit late changes, newest first, and whether
// there are more.
func (c *Corrector) List(ctx context.Context, by identity.Principal, filter CorrectionFilter, after CorrectionPlace, limit int) (page []LateChange, more bool, err error) {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return nil, false, err
	}
	filter.UserID = c.userIDs.Canonical(filter.UserID)
	limit = min(limit, MaxPage)
	page, err = c.weeks.Corrections(ctx, by.Organization, filter, after, limit+1)
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}

// Known is nil when there is the late change to decide about: only then what is
// wrong with a decision is told.
func (c *Corrector) Known(ctx context.Context, by identity.Principal, id timesheet.ID) error {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return err
	}
	_, err := c.weeks.Correction(ctx, by.Organization, id)
	return err
}

// Accept makes a late change happen, by every rule as of now: the entry is
// approved with what its source says, or deleted. An approved week is sealed
// anew, and marked as amended. Accepting what is accepted changes nothing.
func (c *Corrector) Accept(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect) (LateChange, error) {
	return c.decide(ctx, by, id, expect, timesheet.CorrectionAccepted, "", c.accept)
}

// Dismiss decides against a late change; the reason may be empty. The same
// revision changes nothing from then on. Dismissing what is dismissed changes
// nothing.
func (c *Corrector) Dismiss(ctx context.Context, by identity.Principal, id timesheet.ID, reason string, expect Expect) (LateChange, error) {
	return c.decide(ctx, by, id, expect, timesheet.CorrectionDismissed, reason, c.dismiss)
}

// decision does what follows from a decision, and gives the change as it is then.
type decision func(ctx context.Context, tx WeekTx, by identity.Principal, change LateChange, end timesheet.Correction) (LateChange, error)

func (c *Corrector) decide(ctx context.Context, by identity.Principal, id timesheet.ID, expect Expect, state timesheet.CorrectionState, reason string, decision decision) (LateChange, error) {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return LateChange{}, err
	}
	seen, err := c.weeks.Correction(ctx, by.Organization, id)
	if err != nil {
		return LateChange{}, err
	}
	if err := timesheet.CheckNote(reason); err != nil {
		return LateChange{}, err
	}
	var done LateChange
	err = revise(ctx, c.weeks, by.Organization, concerned(seen), worker.Contractor, func(tx WeekTx, locked []string) error {
		change, err := tx.Correction(ctx, id)
		if err != nil {
			return err
		}
		switch change.Correction.State {
		case state:
			done = change
			return nil
		case timesheet.CorrectionOpen:
		default:
			return fault.New(fault.Conflict, "correction_closed", "The correction was %s by %s at %s, and stays so. Look at the entry as it is now.", change.Correction.State, change.Correction.ClosedBy,
				change.Correction.ClosedAt.Format(time.RFC3339)).With("state", string(change.Correction.State)).With("by", change.Correction.ClosedBy)
		}
		if expect != nil {
			if err := expect(change.Correction.Version); err != nil {
				return err
			}
		}
		for _, userID := range concerned(change) {
			if _, ok := slices.BinarySearch(locked, userID); !ok {
				return unlocked{[]string{userID}}
			}
		}
		done, err = decision(ctx, tx, by, change, closed(change.Correction, state, by.ID, reason, c.now()))
		return err
	})
	return done, err
}

// concerned lists the workers whose entries a late change is about.
func concerned(l LateChange) []string {
	now, proposed := l.Whose()
	return slices.DeleteFunc([]string{now, proposed}, func(id string) bool { return id == "" })
}

func (c *Corrector) accept(ctx context.Context, tx WeekTx, by identity.Principal, change LateChange, end timesheet.Correction) (LateChange, error) {
	before := change.Held
	entry, err := change.Correction.Accept(before, by.ID, c.newID, c.now())
	if err != nil {
		return change, err
	}
	done := LateChange{Correction: end, Held: before}
	if entry.ID().IsZero() {
		return done, tx.Close(ctx, end)
	}
	if err := c.fits(ctx, tx, before.Entry, entry); err != nil {
		return change, err
	}
	done.Correction.EntryID = entry.ID()
	done.Held.Entry, done.Held.Exists = entry, true
	for _, w := range weeksOf(before.Entry, entry) {
		if err := c.amend(ctx, tx, by, w, entry); err != nil {
			return change, err
		}
	}
	if err := tx.Close(ctx, done.Correction); err != nil {
		return change, err
	}
	return done, tx.Store(ctx, by.ID, []timesheet.Stored{{Before: timesheet.Held{Entry: before.Entry, Exists: before.Exists}, Verdict: timesheet.Verdict{Entry: entry}}})
}

// fits is nil when no rule is broken by the change.
func (c *Corrector) fits(ctx context.Context, tx WeekTx, before, after timesheet.Entry) error {
	period := timesheet.Period{Today: timesheet.DayIn(c.now().UTC()), LockBefore: c.lock}
	if !before.ID().IsZero() && !before.Deleted() {
		if err := period.CheckOpen(before.Snapshot().Content.Day); err != nil {
			return err
		}
	}
	if after.Deleted() {
		return nil
	}
	content := after.Snapshot().Content
	if err := period.CheckOpen(content.Day); err != nil {
		return err
	}
	wrong := content.Check()
	if err := period.Check(content.Day); err != nil {
		wrong = append(wrong, fault.Of(err).Fields...)
	}
	if len(wrong) > 0 {
		f := fault.New(fault.Invalid, "invalid_entry", "What is proposed breaks a rule: see errors. Dismiss it, or correct it at its source.")
		f.Fields = wrong
		return f
	}
	shifts := []timesheet.Shift{timesheet.ShiftOf(before, after)}
	totals, err := tx.Totals(ctx, timesheet.DaysOf(shifts))
	if err != nil {
		return err
	}
	for _, o := range timesheet.Overflows(totals, shifts) {
		return fault.New(fault.Invalid, timesheet.DayOver24h, "%s Dismiss the correction, or make room first.", o)
	}
	return nil
}

// weeksOf lists the weeks that a change of an entry concerns.
func weeksOf(before, after timesheet.Entry) []timesheet.WorkerWeek {
	var weeks []timesheet.WorkerWeek
	for _, e := range []timesheet.Entry{before, after} {
		if e.ID().IsZero() || e.Deleted() {
			continue
		}
		if w := timesheet.WeekOf(e.Snapshot().Content); !slices.Contains(weeks, w) {
			weeks = append(weeks, w)
		}
	}
	return weeks
}

// amend seals an approved week anew as it will be with the entry's new state.
func (c *Corrector) amend(ctx context.Context, tx WeekTx, by identity.Principal, of timesheet.WorkerWeek, entry timesheet.Entry) error {
	sheet, entries, err := tx.Sheet(ctx, of)
	if err != nil || sheet.State != timesheet.WeekApproved {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e timesheet.Entry) bool { return e.ID() == entry.ID() })
	if !entry.Deleted() && timesheet.WeekOf(entry.Snapshot().Content) == of {
		entries = append(entries, entry)
	}
	if len(entries) > timesheet.MaxWeekEntries {
		return timesheet.TooManyEntries(of.Week)
	}
	return tx.Save(ctx, sheet, sheet.Amend(by.ID, entries, c.now()))
}

func (c *Corrector) dismiss(ctx context.Context, tx WeekTx, by identity.Principal, change LateChange, end timesheet.Correction) (LateChange, error) {
	last, err := change.Correction.Dismiss(change.Held, by.ID)
	if err != nil {
		return change, err
	}
	if end.Deletion {
		end.Digest = last.Digest
	}
	if err := tx.Close(ctx, end); err != nil {
		return change, err
	}
	if change.Held.Exists && last != change.Held.Entry.Snapshot().Received {
		if err := tx.Receive(ctx, change.Held.Entry, last); err != nil {
			return change, err
		}
	}
	return LateChange{Correction: end, Held: change.Held}, nil
}
