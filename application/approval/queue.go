package approval

import (
	"context"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Queue shows what waits for a decision.
type Queue struct{ entries Entries }

// NewQueue makes a Queue.
func NewQueue(entries Entries) *Queue { return &Queue{entries} }

// MaxPage is the most entries that a page has.
const MaxPage = 500

// Pending gives at most limit of the pending entries of others, newest first,
// of those that come after the given one, and whether there are more.
func (q *Queue) Pending(ctx context.Context, by identity.Principal, day timesheet.Day, id timesheet.ID, limit int) (page []timesheet.Entry, more bool, err error) {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return nil, false, err
	}
	limit = min(limit, MaxPage)
	page, err = q.entries.Pending(ctx, by.Organization, by.ID, day, id, limit+1)
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}
