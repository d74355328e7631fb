package timesheet

import (
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// CorrectionState is what became of a correction.
type CorrectionState string

// A correction is open until an approver accepts or dismisses it, or it has no
// object any more: its source took the change back, or could apply it after all.
const (
	CorrectionOpen      CorrectionState = "open"
	CorrectionAccepted  CorrectionState = "accepted"
	CorrectionDismissed CorrectionState = "dismissed"
	CorrectionObsolete  CorrectionState = "obsolete"
)

// ParseCorrectionState reads a state by its name.
func ParseCorrectionState(s string) (CorrectionState, error) {
	switch st := CorrectionState(s); st {
	case CorrectionOpen, CorrectionAccepted, CorrectionDismissed, CorrectionObsolete:
		return st, nil
	}
	return "", fault.New(fault.Invalid, "not_a_state", "A correction is open, accepted, dismissed or obsolete.")
}

// Correction is a late change: a revision that may not be applied by itself,
// because a person changed, deleted or approved what it would change. It
// belongs to a key, whose entry may not exist yet.
type Correction struct {
	ID      ID
	Origin  Origin
	EntryID ID // zero while there is no entry
	Why     Code
	State   CorrectionState // "" is open
	Version int             // 1 when opened, one more with each newer proposal

	// What is proposed: to delete the entry, or to give it this content.
	Deletion        bool
	Content         Content
	Digest          Digest // of a dismissed deletion: what was last received then
	SourceUpdatedAt time.Time

	OpenedAt   time.Time
	ProposedAt time.Time // when the present proposal was received last with something new about it
	ProposedBy string    // who brought it first
	ImportID   ID        // the run that brought it first

	ClosedAt time.Time // zero while open
	ClosedBy string
	Reason   string // why it was closed; may be empty
}

// Revision gives what is proposed as the source sent it; not of deletions.
func (c Correction) Revision() Revision {
	return Revision{Origin: c.Origin, Content: c.Content, Digest: c.Digest, SourceUpdatedAt: c.SourceUpdatedAt}
}

// Accept gives the entry as an approver's decision for the correction makes it:
// approved with the content that the source sent, or deleted. The zero Entry
// says that nothing is left to do. Nobody accepts a correction of their own
// hours, nor of an entry that they were the last to change by hand. h is what
// is held under the key, newID the id of an entry that does not exist yet.
func (c Correction) Accept(h Held, by string, newID func() ID, now time.Time) (Entry, error) {
	if err := c.decidable(h, by); err != nil {
		return Entry{}, err
	}
	if c.Deletion {
		if !h.Exists || h.Entry.Deleted() {
			return Entry{}, nil
		}
		return h.Entry.absent(by, ID{}, now), nil
	}
	var e Entry
	switch {
	case !h.Exists:
		e = Entry{Snapshot{ID: newID(), Origin: c.Origin, CreatedBy: by, CreatedAt: stamp(now)}}.next(WasCreated, by, ID{}, now)
	case h.Entry.Deleted():
		e = h.Entry.next(WasRestored, by, ID{}, now)
	default:
		e = h.Entry.next(WasUpdated, by, ID{}, now)
	}
	e.s.Content, e.s.Received = c.Content, e.s.Received.then(c.Revision())
	e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Approved, e.s.UpdatedAt, by, ""
	// It is again what its source says.
	e.s.Deletion, e.s.DeletedAt, e.s.HandBy = "", time.Time{}, ""
	return e, nil
}

// Dismiss gives what counts as last received once an approver has decided
// against the correction: its revision, so that the same again changes nothing.
func (c Correction) Dismiss(h Held, by string) (Received, error) {
	if err := c.decidable(h, by); err != nil {
		return Received{}, err
	}
	if c.Deletion {
		return h.Entry.s.Received, nil
	}
	return h.Entry.s.Received.then(c.Revision()), nil
}

// decidable is nil when by may decide about the correction.
func (c Correction) decidable(h Held, by string) error {
	return identity.MayDecide(by, identity.OwnCorrection, []string{c.Content.UserID, h.Entry.s.Content.UserID}, h.Entry.s.HandBy)
}
