package timekeeping

import (
	"context"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Reviewer reads entries.
type Reviewer struct {
	entries Entries
	userIDs identity.UserIDs
}

// NewReviewer makes a Reviewer.
func NewReviewer(entries Entries, userIDs identity.UserIDs) *Reviewer {
	return &Reviewer{entries, userIDs}
}

// MaxPage is the most entries that a page has.
const MaxPage = 500

// Get gives one entry. Another's is a fault.NotFound, as if there were none.
func (r *Reviewer) Get(ctx context.Context, by identity.Principal, id timesheet.ID) (timesheet.Entry, error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return timesheet.Entry{}, err
	}
	entry, err := r.entries.Get(ctx, by.Organization, id)
	if err != nil {
		return timesheet.Entry{}, err
	}
	if entry.Deleted() || !by.Sees(entry.Snapshot().Content.UserID) {
		return timesheet.Entry{}, fault.New(fault.NotFound, "not_found", "There is no such entry, or it is not yours.")
	}
	return entry, nil
}

// List gives a page of at most limit entries, newest first, and whether there
// are more. Without a user id people get
// their own, approvers too, and machines get all. Naming another worker, or
// Everyone, without being allowed to see them is a fault.Forbidden.
func (r *Reviewer) List(ctx context.Context, by identity.Principal, filter Filter, after Place, limit int) (page []timesheet.Entry, more bool, err error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, false, err
	}
	if filter.UserID, err = by.Selects(r.userIDs.Canonical(filter.UserID)); err != nil {
		return nil, false, err
	}
	limit = min(limit, MaxPage)
	page, err = r.entries.List(ctx, by.Organization, filter, after, limit+1)
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}
