package importing

import (
	"context"

	"timesheets/domain/fault"
)

// complete ends the run, which has brought everything and earned the cursor.
func (r *run) complete(ctx context.Context, cursor string) error {
	switch s := r.summary; {
	case s.Unanswered() != 0:
		return fault.New(fault.Internal, "counts_do_not_balance", "%d rows were read and %d have a verdict.", s.Read, s.Sum())
	case r.options.Mode == Mirror && r.settled.unreadable > 0:
		return fault.New(fault.Unavailable, "not_a_mirror",
			"%d entries of the tracker cannot be read, so what is missing cannot be told from what was deleted. Nothing is deleted; what could be read has landed.", r.settled.unreadable)
	}
	c := Completion{Cursor: cursor}
	if r.options.Mode == Mirror {
		n := r.keys.distinct()
		c.DistinctKeys, c.Guards = &n, r.options.Guards
	}
	var ending Ending
	began := r.patience.Now()
	err := r.insist(ctx, 0, func() (err error) {
		ending, err = r.runs.Complete(ctx, r.run, c)
		return err
	})
	r.waitedForAPI(began)
	if err != nil {
		return lost(err)
	}
	r.summary.Deleted, r.summary.DeletionsSkipped = ending.Deleted, ending.DeletionsSkipped
	if cursor != "" && !r.options.DryRun {
		r.summary.Cursor = cursor
	}
	if ending.Received < r.summary.Read {
		return fault.New(fault.Internal, "counts_do_not_balance", "%d rows were sent, and the API counts %d in the run.", r.summary.Read, ending.Received)
	}
	return nil
}
