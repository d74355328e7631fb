package timesheet

import (
	"time"

	"timesheets/domain/fault"
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
		return Entry{}, fault.New(fault.Conflict, "entry_approved", "The entry is approved already. Reopen its week first.")
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
	switch {
	case e.Deleted():
		return fault.New(fault.NotFound, "not_found", "There is no such entry.")
	case e.s.Content.UserID == by:
		return fault.New(fault.Forbidden, "own_entry", "Nobody decides about their own hours: ask another approver.")
	case e.s.HandBy == by:
		return fault.New(fault.Forbidden, "changed_by_you", "You were the last to change this entry by hand: another approver has to decide about it.")
	}
	return nil
}
