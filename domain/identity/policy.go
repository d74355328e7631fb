package identity

import (
	"slices"

	"timesheets/domain/fault"
)

// The policy: who may see, change and decide about whose hours, once a scope
// lets them do such a thing at all (Principal.Require). It is all here; nothing
// of it crosses an organisation, which is part of every key.

// SeesEveryone tells whether the principal may see what belongs to any worker of
// their organisation: approvers and machines do.
func (p Principal) SeesEveryone() bool {
	return p.IsMachine() || p.IsPerson() && p.Holds(ApproveTimesheets)
}

// Sees tells whether the principal may see, and with the scopes for it change,
// what belongs to the worker: people their own, approvers and machines
// everyone's of their organisation.
func (p Principal) Sees(userID string) bool {
	return p.SeesEveryone() || p.IsPerson() && p.ID == userID
}

// Everyone as the user id of a list or a report asks for all workers; it is for
// approvers and machines.
const Everyone = "*"

// Selects says whose things a list or a report has for the principal, when they
// ask for userID in its canonical spelling: one worker's, or everyone's, which is
// "". Without a user id people get their own, approvers too, and machines get
// all. Naming another, or Everyone, without being allowed to see them is a
// fault.Forbidden (other_worker).
func (p Principal) Selects(userID string) (string, error) {
	switch {
	case userID == "" && p.IsPerson():
		return p.ID, nil
	case userID == Everyone && p.SeesEveryone():
		return "", nil
	case userID == "" && p.IsMachine(), userID != "" && p.Sees(userID):
		return userID, nil
	}
	return "", fault.New(fault.Forbidden, "other_worker", "You see your own hours only. Leave user_id out, or ask an approver.")
}

// MayRecord is nil when the principal may make hours for the worker.
func (p Principal) MayRecord(userID string) error {
	if p.IsPerson() && !p.Sees(userID) {
		return fault.New(fault.Forbidden, "other_worker", "You may record your own hours only. Leave user_id out, or ask an approver.")
	}
	return nil
}

// MayGive is nil when the principal may give an entry of one worker, whom they
// see, to another.
func (p Principal) MayGive(from, to string) error {
	if from != to && !p.SeesEveryone() {
		return fault.New(fault.Forbidden, "other_worker", "Only approvers and machines give an entry to another worker.")
	}
	return nil
}

// MayHandIn is nil when the principal may submit the worker's weeks, and take
// them back.
func (p Principal) MayHandIn(userID string) error {
	if !p.IsPerson() || p.ID != userID {
		return fault.New(fault.Forbidden, "other_worker", "A week is handed in, and taken back, by its worker alone.")
	}
	return nil
}

// What somebody decides about, as the code of the fault names it when the hours
// are their own.
const (
	OwnEntry      = "own_entry"
	OwnWeek       = "own_week"
	OwnCorrection = "own_correction"
)

// MayDecide is nil when the person may decide about hours of the workers:
// nobody does about their own (fault.Forbidden with the code own), nor about
// what they were the last to change by hand (changed_by_you).
func MayDecide(person, own string, whose []string, changedBy ...string) error {
	switch {
	case slices.Contains(whose, person):
		return fault.New(fault.Forbidden, own, "Nobody decides about their own hours: ask another approver.")
	case slices.Contains(changedBy, person):
		return fault.New(fault.Forbidden, "changed_by_you", "You were the last to change this by hand: another approver has to decide about it.")
	}
	return nil
}
