package timesheet

import "time"

// JudgeAbsence says what it does to an entry that its source, by a complete
// listing of its days, no longer has it: the entry is deleted; one that a
// person approved or changed is not, its deletion is proposed; one on a closed
// day, or deleted already, or whose deletion an approver dismissed, is left as it
// is (unchanged). Where no entry lives, what was proposed to be one is at an end.
func JudgeAbsence(h Held, at Receipt) Verdict {
	switch s := h.Entry.s; {
	case !h.Exists || h.Entry.Deleted():
		return Verdict{Outcome: OutcomeUnchanged, Obsolete: h.Open != nil && !h.Open.Deletion && !at.Period.Closed(h.Open.Content.Day)}
	case at.Period.Closed(s.Content.Day) || h.keeps():
		return Verdict{Outcome: OutcomeUnchanged}
	case h.guard() != "":
		return h.proposeDeletion(h.guard(), at)
	}
	return Verdict{Outcome: OutcomeDeleted, Entry: h.Entry.absent(at.By, at.Run, at.Now), Obsolete: h.Open != nil}
}

// absent gives the entry as deleted because its source no longer has it. The
// last received content goes, so that whatever the source sends next is news;
// the stamp stays, so that what it sent before is not.
func (e Entry) absent(by string, run ID, now time.Time) Entry {
	e = e.next(WasDeleted, by, run, now)
	e.s.Deletion, e.s.DeletedAt = ByMirror, e.s.UpdatedAt
	e.s.Received.Digest = Digest{}
	return e
}

// keeps tells whether an approver has dismissed the deletion of the entry, and
// nothing new came from the source since.
func (h Held) keeps() bool {
	return h.Dismissed != nil && h.Dismissed.Deletion && h.Dismissed.Digest == h.Entry.s.Received.Digest
}

func (h Held) proposeDeletion(why Code, at Receipt) Verdict {
	c := Correction{Origin: h.Entry.s.Origin, EntryID: h.Entry.s.ID, OpenedAt: stamp(at.Now)}
	if h.Open != nil {
		c = *h.Open
		if c.Deletion && c.Why == why {
			return Verdict{Outcome: OutcomeConflict, Code: why, CorrectionID: c.ID, Known: true}
		}
	} else {
		c.ID, c.State = at.NewID(), CorrectionOpen
	}
	if !c.Deletion {
		c.ImportID, c.ProposedBy = at.Run, at.By
	}
	c.Version++
	c.Why, c.Deletion, c.Content, c.Digest = why, true, Content{}, Digest{}
	c.ProposedAt = stamp(at.Now)
	return Verdict{Outcome: OutcomeConflict, Code: why, CorrectionID: c.ID, Propose: &c}
}

// Undo gives the entry as it was before a run changed it: before is its state
// then, the zero Entry when the run created it. Its version goes on, and the
// last received revision is again what it was before the run.
func (e Entry) Undo(before Entry, at Receipt) Entry {
	change := WasUpdated
	switch {
	case before.s.ID.IsZero() || before.Deleted() && !e.Deleted():
		change = WasDeleted
	case e.Deleted() && !before.Deleted():
		change = WasRestored
	}
	u := e.next(change, at.By, at.Run, at.Now)
	if before.s.ID.IsZero() {
		u.s.Deletion, u.s.DeletedAt, u.s.Received = ByRevert, u.s.UpdatedAt, Received{}
		return u
	}
	b := before.s
	u.s.Content, u.s.HandBy, u.s.Received = b.Content, b.HandBy, b.Received
	u.s.Status, u.s.DecidedAt, u.s.DecidedBy, u.s.Reason = b.Status, b.DecidedAt, b.DecidedBy, b.Reason
	u.s.Deletion, u.s.DeletedAt = b.Deletion, time.Time{}
	if before.Deleted() {
		u.s.DeletedAt = u.s.UpdatedAt
	}
	return u
}
