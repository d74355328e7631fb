// Package reporting adds hours up, and tells programs what has changed.
package reporting

import (
	"context"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Books is what reports are made of.
type Books interface {
	// Hours gives the totals of what counts (live entries that are not
	// rejected), grouped, in the order of the groups; at most limit rows.
	Hours(ctx context.Context, org identity.Organization, q Question, limit int) ([]Total, error)
	// Changes gives at most limit changes that come after the given place, in
	// the order in which they were committed.
	Changes(ctx context.Context, org identity.Organization, after Place, limit int) ([]Change, error)
	// LastWrite gives the number of the organisation's last write, 0 before the
	// first.
	LastWrite(ctx context.Context, org identity.Organization) (int64, error)
}

// Group is what totals are grouped by.
type Group string

// The groups.
const (
	ByWorker   Group = "user_id"
	ByProject  Group = "project"
	ByWeek     Group = "week"
	ByMonth    Group = "month"
	ByStatus   Group = "status"
	ByBillable Group = "billable"
	BySource   Group = "source"
)

// Groups lists them all.
func Groups() []Group {
	return []Group{ByWorker, ByProject, ByWeek, ByMonth, ByStatus, ByBillable, BySource}
}

// Question is what a report is asked.
type Question struct {
	GroupBy  []Group       // each at most once; none: one total of all
	From, To timesheet.Day // both inclusive
	UserID   string        // "" for everyone
}

// Total is one row of a report.
type Total struct {
	Of      []string // a value for each group, in their order: week as 2026-W47, month as 2026-11, billable as true or false
	Seconds int64
	Entries int64
}

// Place is a place in the change feed: after the change with this number and
// index. The zero Place is before the first.
type Place struct {
	Number int64
	Index  int
}

// Change is one change of an entry, with the entry as it was after it.
type Change struct {
	Place
	At       time.Time // as its history says
	By       string
	ImportID timesheet.ID // zero when it was by hand
	Entry    timesheet.Entry
}
