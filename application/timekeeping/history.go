package timekeeping

import (
	"context"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Change is one change of an entry: its place in the change feed, and the
// entry before it (the zero Entry when the change created it, or when it was
// another's whom the caller does not see) and after it,
// which says who made it, when, and by which run.
type Change struct {
	Number int64 // of the write, in the order of commits
	Index  int   // within the write
	Before timesheet.Entry
	After  timesheet.Entry
}

// History gives the changes of one entry, newest first, that made versions
// before the given one (0: all), at most limit; and whether there are more. A
// deleted entry has its history still. Another's is a fault.NotFound; of one that
// was another's for a time, who sees their own hours only is shown what it was
// as theirs: not the other changes, and not what it was before it came to them.
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
	var of string
	if !by.SeesEveryone() {
		of = by.ID
	}
	limit = min(limit, MaxPage)
	page, err = r.entries.History(ctx, by.Organization, id, of, before, limit+1)
	for i := range page {
		if i+1 < len(page) && page[i+1].After.Snapshot().Version == page[i].After.Snapshot().Version-1 {
			page[i].Before = page[i+1].After
		}
	}
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}
