package timekeeping

import (
	"context"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Change is one change of an entry: its place in the change feed, and the
// entry before it (the zero Entry when the change created it) and after it,
// which says who made it, when, and by which run.
type Change struct {
	Number int64 // of the write, in the order of commits
	Index  int   // within the write
	Before timesheet.Entry
	After  timesheet.Entry
}

// History gives the changes of one entry, newest first, that made versions
// before the given one (0: all), at most limit; and whether there are more. A
// deleted entry has its history still. Another's is a fault.NotFound.
func (r *Reviewer) History(ctx context.Context, by identity.Principal, id timesheet.ID, before, limit int) (page []Change, more bool, err error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, false, err
	}
	entry, err := r.entries.Get(ctx, by.Organization, id)
	if err != nil {
		return nil, false, err
	}
	if !by.Sees(entry.Snapshot().Content.UserID) {
		return nil, false, fault.New(fault.NotFound, "not_found", "There is no such entry, or it is not yours.")
	}
	limit = min(limit, MaxPage)
	page, err = r.entries.History(ctx, by.Organization, id, before, limit+1)
	for i := range page {
		if i+1 < len(page) {
			page[i].Before = page[i+1].After
		}
	}
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}
