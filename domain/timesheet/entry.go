package timesheet

import (
	"time"

	"timesheets/domain/fault"
)

// Status is what became of an entry's approval.
type Status string

// An entry waits for a decision, or one was made.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Rejected Status = "rejected"
)

// ParseStatus reads a status by its name.
func ParseStatus(s string) (Status, error) {
	switch st := Status(s); st {
	case Pending, Approved, Rejected:
		return st, nil
	}
	return "", fault.New(fault.Invalid, "not_a_status", "A status is pending, approved or rejected.")
}

// Change is the kind of an entry's last change, as the change feed names it.
type Change string

// What can happen to an entry.
const (
	WasCreated  Change = "created"
	WasUpdated  Change = "updated"
	WasDeleted  Change = "deleted"
	WasRestored Change = "restored"
	WasApproved Change = "approved"
	WasRejected Change = "rejected"
)

// Deletion is how an entry was deleted; "" while it is not.
type Deletion string

// Ways to delete an entry. What was deleted by hand comes back only by an
// approver's decision; the others come back when their source sends them.
const (
	ByHand   Deletion = "hand"
	ByMirror Deletion = "mirror"
	ByRevert Deletion = "revert"
)

// Snapshot is an entry's state in plain form: what adapters store and show.
type Snapshot struct {
	ID      ID
	Origin  Origin
	Content Content
	Status  Status

	Version   int // 1 when created, one more with each change
	Change    Change
	CreatedAt time.Time
	CreatedBy string
	UpdatedAt time.Time
	UpdatedBy string
	ImportID  ID // the run that made the last change; zero when by hand

	// HandBy made the entry by hand or was the last to change or delete it by
	// hand; "" when only imports did.
	HandBy string

	DecidedAt time.Time // zero while pending
	DecidedBy string
	Reason    string // why it was rejected

	DeletedAt time.Time // zero while it lives
	Deletion  Deletion

	Received Received // the last revision received from the source
}

// Entry is one piece of work. It is valid: the only ways to one are Record,
// Judge and Restore.
type Entry struct{ s Snapshot }

// Restore gives the entry that a stored state stands for. A state that could
// never have been stored is a fault.Internal with the code entry_corrupt.
func Restore(s Snapshot) (Entry, error) {
	if _, err := ParseStatus(string(s.Status)); err != nil {
		return Entry{}, fault.Wrap(err, fault.Internal, "entry_corrupt", "The entry %s cannot be read.", s.ID)
	}
	if s.ID.IsZero() || s.Version < 1 || s.Content.UserID == "" || s.Content.Day.IsZero() || s.Content.Duration == (Duration{}) || s.Change == "" ||
		s.DeletedAt.IsZero() != (s.Deletion == "") {
		return Entry{}, fault.New(fault.Internal, "entry_corrupt", "The entry %s cannot be read.", s.ID)
	}
	return Entry{s}, nil
}

// Snapshot gives the entry's state.
func (e Entry) Snapshot() Snapshot { return e.s }

// ID gives the entry's id.
func (e Entry) ID() ID { return e.s.ID }

// Record makes a new entry by hand, for the worker that content names. The
// content must have passed Content.Check; by is who makes it.
func Record(id ID, content Content, by string, now time.Time) Entry {
	now = stamp(now)
	return Entry{Snapshot{
		ID: id, Origin: Origin{Source: SourceAPI, ExternalID: id.String()}, Content: content, Status: Pending,
		Version: 1, Change: WasCreated, CreatedAt: now, CreatedBy: by, UpdatedAt: now, UpdatedBy: by, HandBy: by,
	}}
}

// Deleted tells whether only a tombstone is left.
func (e Entry) Deleted() bool { return e.s.Deletion != "" }

// Counted gives the seconds that count on the entry's day: none when it is
// deleted or rejected.
func (e Entry) Counted() int {
	if e.Deleted() || e.s.Status == Rejected {
		return 0
	}
	return e.s.Content.Duration.Seconds()
}

// TouchedByHand tells whether a person changed or deleted what a source sent.
func (e Entry) TouchedByHand() bool { return e.s.HandBy != "" && e.s.Origin.Source != SourceAPI }

// Amend gives the entry with new content, changed by hand. Approved entries
// stay as they are (409 entry_approved); a rejected one becomes pending again.
// The same content again changes nothing: the entry comes back as it is.
func (e Entry) Amend(content Content, by string, now time.Time) (Entry, error) {
	if err := e.changeable(); err != nil {
		return Entry{}, err
	}
	if content.Same(e.s.Content) {
		return e, nil
	}
	e = e.next(WasUpdated, by, ID{}, now)
	e.s.Content, e.s.HandBy = content, by
	e.s.Status, e.s.DecidedAt, e.s.DecidedBy, e.s.Reason = Pending, time.Time{}, "", ""
	return e, nil
}

// Withdraw gives the entry as deleted by hand: its key and history stay.
func (e Entry) Withdraw(by string, now time.Time) (Entry, error) {
	if err := e.changeable(); err != nil {
		return Entry{}, err
	}
	e = e.next(WasDeleted, by, ID{}, now)
	e.s.HandBy, e.s.Deletion, e.s.DeletedAt = by, ByHand, e.s.UpdatedAt
	return e, nil
}

func (e Entry) changeable() error {
	switch {
	case e.Deleted():
		return fault.New(fault.NotFound, "not_found", "There is no such entry.")
	case e.s.Status == Approved:
		return fault.New(fault.Conflict, "entry_approved", "The entry is approved and cannot be changed. Ask an approver to reopen its week, which makes it pending again; an open week is approved first.")
	}
	return nil
}

// next gives the entry with its version raised, and who changed it, when and
// by which run.
func (e Entry) next(change Change, by string, run ID, now time.Time) Entry {
	e.s.Version++
	e.s.Change, e.s.UpdatedAt, e.s.UpdatedBy, e.s.ImportID = change, stamp(now), by, run
	return e
}

// stamp gives the instant as databases keep it: UTC, whole microseconds.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
