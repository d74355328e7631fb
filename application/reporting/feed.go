package reporting

import (
	"context"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// MaxPage is the most changes that a page has.
const MaxPage = 500

// Feed tells programs what has changed.
type Feed struct{ books Books }

// NewFeed makes a Feed.
func NewFeed(books Books) *Feed { return &Feed{books} }

// Changes gives at most limit changes of the whole organisation after the given
// place, in the order in which they were committed, and whether there are more.
// It never skips and never reorders: whoever follows it rebuilds the table. A
// place that it has not reached yet is a fault.Malformed (cursor_mismatch): the
// database is an earlier one than what the caller has followed.
func (f *Feed) Changes(ctx context.Context, by identity.Principal, after Place, limit int) (page []Change, more bool, err error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, false, err
	}
	if !by.IsMachine() {
		return nil, false, fault.New(fault.Forbidden, "machines_only", "The change feed is for machines: use a token of the client credentials grant.").
			With("scope", string(identity.ReadTimesheets))
	}
	limit = min(limit, MaxPage)
	page, err = f.books.Changes(ctx, by.Organization, after, limit+1)
	if err != nil {
		return nil, false, err
	}
	if len(page) > limit {
		return page[:limit], true, nil
	}
	if len(page) == 0 && after != (Place{}) {
		last, err := f.books.LastWrite(ctx, by.Organization)
		if err != nil {
			return nil, false, err
		}
		if after.Number > last {
			return nil, false, fault.New(fault.Malformed, "cursor_mismatch",
				"The cursor is ahead of all changes: the database was put back to an earlier time. Follow the feed from its beginning.")
		}
	}
	return page, false, nil
}
