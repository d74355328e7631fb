package timesheet

import (
	"time"
)

// Received is the last revision that was received of an entry. It is kept
// apart from the entry's present state, which a person may have changed since.
type Received struct {
	Digest          Digest    // zero when there is none: by hand, or cleared by a mirror's deletion
	SourceUpdatedAt time.Time // the last known stamp, UTC; zero when the source gave none
}

// Revision is one state of an entry as its source sends it.
type Revision struct {
	Origin          Origin
	Content         Content
	Digest          Digest    // of Content
	SourceUpdatedAt time.Time // when the source changed it, UTC; zero when it does not say
	// LastStamp is the last stamp that the key had in the same request, in a
	// revision that this one replaced; it stands when this one has none.
	LastStamp time.Time
}

// older tells whether a revision with the stamp a comes before one with the
// stamp b. Only two stamps can be compared.
func older(a, b time.Time) bool { return !a.IsZero() && !b.IsZero() && a.Before(b) }

// stampAfter gives the last known stamp once r has been received after last: a
// revision without one leaves it standing.
func (r Revision) stampAfter(last time.Time) time.Time {
	switch {
	case !r.SourceUpdatedAt.IsZero():
		return r.SourceUpdatedAt
	case last.Before(r.LastStamp):
		return r.LastStamp
	}
	return last
}

// then gives what was last received once r has been.
func (last Received) then(r Revision) Received {
	return Received{Digest: r.Digest, SourceUpdatedAt: r.stampAfter(last.SourceUpdatedAt)}
}

// SeenIn tells what can be told of r by the last received revision alone:
// that it is the same, or an older one, and that receiving it would leave
// nothing to write. It is the short way for what a source sends again and
// again, and never differs from Judge as long as no correction is open.
func (r Revision) SeenIn(last Received) (code Code, seen bool) {
	switch {
	case older(r.SourceUpdatedAt, last.SourceUpdatedAt):
		return Stale, true
	case !last.Digest.IsZero() && r.Digest == last.Digest && last.then(r) == last:
		return "", true
	}
	return "", false
}

// Outcome is what became of a revision.
type Outcome string

// Every revision has exactly one of these outcomes.
const (
	OutcomeCreated   Outcome = "created"
	OutcomeUpdated   Outcome = "updated"
	OutcomeUnchanged Outcome = "unchanged"
	OutcomeRejected  Outcome = "rejected"
	OutcomeConflict  Outcome = "conflict"
	OutcomeDeleted   Outcome = "deleted" // of absences only
)

// Code says more about an outcome; programs rely on it.
type Code string

// The codes that Judge gives; rows are refused for other reasons elsewhere.
const (
	Stale        Code = "stale"         // unchanged: an older revision than the last received
	Superseded   Code = "superseded"    // unchanged: a later revision came in the same request
	PeriodClosed Code = "period_closed" // rejected: LOCK_BEFORE
	EditedByHand Code = "edited_by_hand"
	DeletedHand  Code = "deleted_by_hand"
	IsApproved   Code = "entry_approved"
	InApproved   Code = "week_approved" // of a new key, or of a move, into an approved week
)

// Held is all that is known under a key when a revision of it arrives.
type Held struct {
	Entry  Entry // the zero Entry when there never was one
	Exists bool
	Open   *Correction // the correction that waits for an approver; nil for none
	// Dismissed is the last correction of the key, when an approver dismissed it;
	// as long as there is no entry, the last of those that one dismissed.
	Dismissed *Correction
}

// Receipt is the circumstance in which a revision arrives.
type Receipt struct {
	By     string // who sends it
	Run    ID     // the run that it belongs to; zero for none
	Now    time.Time
	Period Period
	Sealed map[WorkerWeek]bool // the approved weeks among those that are concerned
	NewID  func() ID
}

// Verdict is what a revision does to what is held. Whatever of it is not
// zero is to be stored.
type Verdict struct {
	Outcome Outcome
	Code    Code

	Entry        Entry       // the entry after it; for created and updated
	Received     *Received   // the last received revision after it; for unchanged ones that say something new
	CorrectionID ID          // the open correction; for conflicts
	Propose      *Correction // the correction as it is to be stored; nil when it says nothing new
	Obsolete     bool        // the open correction is at an end: the source took its change back
	Restamp      *Correction // the dismissed correction with a newer stamp of the same revision; nil when it says nothing new
	Known        bool        // a conflict that was recorded before: same key, code and content
}

// Writes tells whether anything is to be stored of the verdict.
func (v Verdict) Writes() bool {
	return v.Outcome == OutcomeCreated || v.Outcome == OutcomeUpdated || v.Outcome == OutcomeDeleted || v.Received != nil || v.Propose != nil || v.Obsolete || v.Restamp != nil
}

// Stored is one verdict with what was held before it.
type Stored struct {
	Before  Held
	Verdict Verdict
}

// Judge says what a revision does to what is held under its key. It is the
// contract's "Identity and revisions"; the rule of 24 hours, which is about
// several entries, is not part of it.
func Judge(h Held, r Revision, at Receipt) Verdict {
	s := h.Entry.s
	if older(r.SourceUpdatedAt, s.Received.SourceUpdatedAt) || h.Open != nil && older(r.SourceUpdatedAt, h.Open.SourceUpdatedAt) ||
		h.dismissed() && older(r.SourceUpdatedAt, h.Dismissed.SourceUpdatedAt) {
		return Verdict{Outcome: OutcomeUnchanged, Code: Stale}
	}
	if h.dismissed() && h.Dismissed.Digest == r.Digest {
		v := Verdict{Outcome: OutcomeUnchanged, Obsolete: h.Open != nil}
		if last := r.stampAfter(h.Dismissed.SourceUpdatedAt); !last.Equal(h.Dismissed.SourceUpdatedAt) {
			c := *h.Dismissed
			c.SourceUpdatedAt = last
			v.Restamp = &c
		}
		return v
	}
	if h.Exists && h.holds(r) {
		v := Verdict{Outcome: OutcomeUnchanged, Obsolete: h.Open != nil}
		if next := s.Received.then(r); next != s.Received {
			v.Received = &next
		}
		return v
	}
	live := h.Exists && !h.Entry.Deleted()
	if at.Period.Closed(r.Content.Day) || live && at.Period.Closed(s.Content.Day) {
		return Verdict{Outcome: OutcomeRejected, Code: PeriodClosed}
	}
	code := h.guard()
	if code == "" && (at.Sealed[WeekOf(r.Content)] || live && at.Sealed[WeekOf(s.Content)]) {
		code = InApproved
	}
	if code != "" {
		return h.propose(r, code, at)
	}
	obsolete := h.Open != nil // what it waited for is no longer so
	switch {
	case live:
		e := h.Entry.next(WasUpdated, at.By, at.Run, at.Now)
		e.s.Content, e.s.Received = r.Content, s.Received.then(r)
		e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Pending, time.Time{}, "", ""
		return Verdict{Outcome: OutcomeUpdated, Entry: e, Obsolete: obsolete}
	case h.Exists:
		e := h.Entry.next(WasRestored, at.By, at.Run, at.Now)
		e.s.Content, e.s.Received = r.Content, s.Received.then(r)
		e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Pending, time.Time{}, "", ""
		e.s.Deletion, e.s.DeletedAt, e.s.HandBy = "", time.Time{}, ""
		return Verdict{Outcome: OutcomeCreated, Entry: e, Obsolete: obsolete}
	}
	now := stamp(at.Now)
	return Verdict{Outcome: OutcomeCreated, Obsolete: obsolete, Entry: Entry{Snapshot{
		ID: at.NewID(), Origin: r.Origin, Content: r.Content, Status: Pending,
		Version: 1, Change: WasCreated, CreatedAt: now, CreatedBy: at.By, UpdatedAt: now, UpdatedBy: at.By, ImportID: at.Run,
		Received: Received{}.then(r),
	}}}
}

// Rejudge says what the open correction of h does when it is judged as if what
// it proposes came now. What is proposed anew is so by whom, and by the run,
// that brought it.
func Rejudge(h Held, at Receipt) Verdict {
	var v Verdict
	if h.Open.Deletion {
		v = JudgeAbsence(h, at)
	} else {
		v = Judge(h, h.Open.Revision(), at)
	}
	if v.Propose != nil {
		v.Propose.ProposedBy, v.Propose.ProposedAt, v.Propose.ImportID = h.Open.ProposedBy, h.Open.ProposedAt, h.Open.ImportID
	}
	return v
}

// holds tells whether the revision says what was last received or what the
// entry says now.
func (h Held) holds(r Revision) bool {
	last := h.Entry.s.Received.Digest
	return !last.IsZero() && r.Digest == last || !h.Entry.Deleted() && r.Digest == h.Entry.s.Content.Digest()
}

// dismissed tells whether a revision of a key without an entry was dismissed;
// of an entry, the dismissed revision is the last received one.
func (h Held) dismissed() bool { return !h.Exists && h.Dismissed != nil && !h.Dismissed.Deletion }

// guard says what keeps a new revision from changing the entry; "" for nothing.
func (h Held) guard() Code {
	switch e := h.Entry; {
	case !h.Exists:
		return ""
	case e.s.Deletion == ByHand:
		return DeletedHand
	case e.Deleted():
		return ""
	case e.s.Status == Approved:
		return IsApproved
	case e.TouchedByHand():
		return EditedByHand
	}
	return ""
}

// propose opens a correction, or gives the open one the newer revision.
func (h Held) propose(r Revision, why Code, at Receipt) Verdict {
	c := Correction{Origin: r.Origin, EntryID: h.Entry.s.ID, OpenedAt: stamp(at.Now)}
	known := false
	if h.Open != nil {
		c = *h.Open
		known = c.Digest == r.Digest && c.Why == why
	} else {
		c.ID, c.State = at.NewID(), CorrectionOpen
	}
	v := Verdict{Outcome: OutcomeConflict, Code: why, CorrectionID: c.ID, Known: known}
	lastStamp := r.stampAfter(c.SourceUpdatedAt)
	if known && lastStamp.Equal(c.SourceUpdatedAt) {
		return v
	}
	// It stays the proposal of the run that brought it, however often it comes again.
	if h.Open == nil || c.Deletion || c.Digest != r.Digest {
		c.ImportID, c.ProposedBy = at.Run, at.By
	}
	c.Why, c.Deletion, c.Content, c.Digest, c.SourceUpdatedAt = why, false, r.Content, r.Digest, lastStamp
	c.Version++
	c.ProposedAt = stamp(at.Now)
	v.Propose = &c
	return v
}
