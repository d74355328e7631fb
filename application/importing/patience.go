package importing

import (
	"context"
	"errors"
	"time"

	"timesheets/domain/fault"
)

// Patience is how the job tries again what may pass.
type Patience struct {
	// Delays starts the waits of one operation. Each call of next gives how long
	// to wait before the next try: growing, and never the same for two jobs.
	Delays func() (next func() time.Duration)
	// Wait returns after d, or the context's error as soon as it ends.
	Wait func(ctx context.Context, d time.Duration) error
	// Beat returns when the lease of a live run is to be renewed, well before its
	// end, or the context's error as soon as it ends.
	Beat func(ctx context.Context) error
	// Now is the time of day, for deadlines.
	Now func() time.Time
}

// pageTries is how often a page of a tracker is asked for in a row. A batch is
// repeated until the run's deadline.
const pageTries = 6

// insist calls try until it succeeds, until it fails for good, or until the
// next try would come after the context's deadline: then it gives up at once,
// whatever the other side asked for. At most tries times, 0 for no limit; a
// try that the other side asked to repeat later (RetryAfter) does not count.
// waiting is told of each wait.
func (p Patience) insist(ctx context.Context, tries int, waiting func(time.Duration, error), try func() error) error {
	next := p.Delays()
	for tried := 1; ; {
		err := try()
		if !passing(err) || ctx.Err() != nil {
			return err
		}
		wait := next()
		if asked := fault.Of(err).RetryAfter; asked > 0 {
			wait = max(wait, asked)
		} else if tried == tries {
			return err
		} else {
			tried++
		}
		if deadline, ok := ctx.Deadline(); ok && !p.Now().Add(wait).Before(deadline) {
			return fault.Wrap(err, fault.Unavailable, "out_of_time",
				"The next try would be in %s, and this run may only last until %s. A later run starts where it is safe.",
				wait.Round(time.Second), deadline.UTC().Format(time.RFC3339))
		}
		waiting(wait, err)
		if stop := p.Wait(ctx, wait); stop != nil {
			return errors.Join(stop, err)
		}
	}
}

// passing tells whether a fault may be gone at the next try.
func passing(err error) bool {
	if err == nil {
		return false
	}
	kind := fault.Of(err).Kind
	return kind == fault.Unavailable || kind == fault.Exhausted
}
