package timesheet

import (
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// MaxReason bounds the reason of a decision, in characters.
const MaxReason = 2000

// Approve gives the entry as approved. Nobody approves their own entry, nor
// one that they last changed by hand. Approving an approved entry changes
// nothing; a rejected one must be changed by its worker first.
func (e Entry) Approve(by string, now time.Time) (Entry, error) {
	if err := e.decidable(by); err != nil {
		return Entry{}, err
	}
	switch e.s.Status {
	case Approved:
		return e, nil
	case Rejected:
		return Entry{}, fault.New(fault.Conflict, "entry_rejected", "The entry was rejected. Once its worker changes it, it waits for a decision again.")
	case Pending:
	}
	e = e.next(WasApproved, by, ID{}, now)
	e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Approved, e.s.UpdatedAt, by, ""
	return e, nil
}

// Reject gives the entry as rejected, for a reason of 1 to MaxReason
// characters. Rejecting a rejected entry changes nothing; an approved one
// stays approved until its week is reopened.
func (e Entry) Reject(by, reason string, now time.Time) (Entry, error) {
	if err := e.decidable(by); err != nil {
		return Entry{}, err
	}
	if err := checkReason(reason, "a rejection"); err != nil {
		return Entry{}, err
	}
	switch e.s.Status {
	case Rejected:
		return e, nil
	case Approved:
		return Entry{}, fault.New(fault.Conflict, "entry_approved", "The entry is approved already. Reopening its week makes it pending again; an open week is approved first.")
	case Pending:
	}
	e = e.next(WasRejected, by, ID{}, now)
	e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Rejected, e.s.UpdatedAt, by, reason
	return e, nil
}

// reopened gives the approved entry as one that waits for a decision again.
func (e Entry) reopened(by string, now time.Time) Entry {
	e = e.next(WasUpdated, by, ID{}, now)
	e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Pending, time.Time{}, "", ""
	return e
}

func (e Entry) decidable(by string) error {
	if e.Deleted() {
		return fault.New(fault.NotFound, "not_found", "There is no such entry.")
	}
	return identity.MayDecide(by, identity.OwnEntry, []string{e.s.Content.UserID}, e.s.HandBy)
}
