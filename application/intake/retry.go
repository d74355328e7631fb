package intake

import (
	"context"
	"errors"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// RefusedRow is a kept row that a retry may judge again: the last receipt of
// its key, and refused.
type RefusedRow struct {
	ExternalID string
	Text       []byte       // as received
	Outdated   bool         // a mirror has found since that the source no longer has it
	ImportID   timesheet.ID // the import that judged it last, and keeps it
	Place      RowPlace     // in that import
}

// Reread reads the text of a kept row, as the text of an upload was read.
type Reread func(text []byte) Row

// Retrier judges kept rows again.
type Retrier struct {
	receiver *Receiver
	reread   Reread
}

// NewRetrier makes a Retrier.
func NewRetrier(receiver *Receiver, reread Reread) *Retrier { return &Retrier{receiver, reread} }

// Outdated is the code of a row that a retry does not judge, since its source
// no longer has it.
const Outdated = "outdated"

// Retry judges again the rows of a source that were refused with the code (""
// for every code) at the last receipt of their key, MaxRows at a time: those
// first that were judged least lately, and no more than have room in what is
// kept of an import. It is an import of its own. Rows whose text was not kept are
// not among them.
func (r *Retrier) Retry(ctx context.Context, by identity.Principal, source, code string) (Report, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return Report{}, err
	}
	if err := timesheet.CheckUploadSource(source); err != nil {
		return Report{}, fault.InField("/source", fault.Of(err).Code, "%s", fault.Of(err).Text)
	}
	for range maxStarts {
		report, err := r.again(ctx, by, source, code)
		if !errors.Is(err, errReceived) {
			return report, err
		}
	}
	return Report{}, fault.New(fault.Unavailable, "busy", "The same rows are being received again and again. Send the same request once more.").After(time.Second)
}

// errReceived says that a row was received again while it was being retried.
var errReceived = errors.New("a later receipt came in between")

func (r *Retrier) again(ctx context.Context, by identity.Principal, source, code string) (Report, error) {
	// Who is refused again is kept again, in full.
	refused, err := r.receiver.ledger.Refused(ctx, by.Organization, source, code, MaxRows, MaxKeptTextRun)
	if err != nil {
		return Report{}, err
	}
	rows := make([]Row, len(refused))
	for i, kept := range refused {
		row := r.reread(kept.Text)
		row.keyed, row.Text = kept.ExternalID, kept.Text
		rows[i] = row
	}
	b, err := r.receiver.prepare(ctx, by, Upload{Source: source, Rows: rows}, func(b *batch) {
		for i, kept := range refused {
			if kept.Outdated {
				b.results[i].Outcome, b.results[i].Code, b.results[i].Problem = timesheet.OutcomeUnchanged, Outdated, nil
			}
			b.refusedBefore[kept.ExternalID] = true
		}
	})
	if err != nil {
		return Report{}, err
	}
	return r.receiver.conclude(ctx, b, KindRetry, func(book Book) error {
		still, err := book.StillRefused(ctx, source, refused)
		if err == nil && !still {
			err = errReceived
		}
		return err
	})
}
