package reporting

import (
	"context"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// MaxTotals bounds the rows of a report.
const MaxTotals = 10_000

// Reporter adds hours up.
type Reporter struct {
	books   Books
	userIDs identity.UserIDs
}

// NewReporter makes a Reporter.
func NewReporter(books Books, userIDs identity.UserIDs) *Reporter { return &Reporter{books, userIDs} }

// Hours answers a question. People are told about their own hours, approvers
// about another's or everyone's when they name them; machines about everyone's
// unless they name one. Rejected entries count in no total.
func (r *Reporter) Hours(ctx context.Context, by identity.Principal, q Question) ([]Total, error) {
	if err := by.Require(identity.ReadTimesheets); err != nil {
		return nil, err
	}
	if q.From.IsZero() || q.To.IsZero() {
		return nil, fault.InField("/from", "required", "Say for which days: from and to, both inclusive.")
	}
	if q.To.Before(q.From) {
		return nil, fault.InField("/to", "out_of_range", "to must not be before from.")
	}
	var err error
	if q.UserID, err = by.Selects(r.userIDs.Canonical(q.UserID)); err != nil {
		return nil, err
	}
	totals, err := r.books.Hours(ctx, by.Organization, q, MaxTotals+1)
	if len(totals) > MaxTotals {
		return nil, fault.New(fault.Invalid, "too_many_totals", "The report would have more than %d rows. Ask for fewer days, or fewer groups.", MaxTotals)
	}
	return totals, err
}
