package importing

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"timesheets/domain/fault"
)

// start begins the run, and gives the window that it reads.
func (r *run) start(ctx context.Context, window Window) (Window, error) {
	if window.IsZero() && r.tracker.Live() {
		known, err := r.reach(ctx)
		if err != nil {
			return window, err
		}
		window = known.due(r.options.Tier, r.patience.Now())
		r.summary.Window = window
	}
	d := Declaration{
		Source: r.options.Source, Mode: r.options.Mode, Window: window.bounded(r.patience.Now()), UserIDs: r.tracker.UserIDs(), DryRun: r.options.DryRun,
	}
	key := rand.Text()
	err := r.insist(ctx, 0, func() (err error) {
		r.run, err = r.runs.Start(ctx, d, key)
		return err
	})
	r.summary.Import = r.run.ID
	return window, err
}

// reach asks how far the source was read. Once the run is live nobody else
// moves that.
func (r *run) reach(ctx context.Context) (reach, error) {
	var cursor string
	err := r.insist(ctx, 0, func() (err error) {
		cursor, err = r.timesheets.Cursor(ctx, r.options.Source)
		return err
	})
	return reachOf(cursor, r.patience.Now()), err
}

// keepAlive renews the run's lease until rest is called: the tracker may be
// slow. A run that is no longer ours is stopped.
func (r *run) keepAlive(ctx context.Context) (rest func()) {
	if r.options.DryRun {
		return func() {} // which has no lease
	}
	ctx, cancel := context.WithCancel(ctx)
	resting := make(chan struct{})
	go func() {
		defer close(resting)
		for r.patience.Beat(ctx) == nil {
			err := r.patience.insist(ctx, 0, func(time.Duration, error) {}, func() error { return r.runs.Renew(ctx, r.run) })
			if err != nil && ctx.Err() == nil && !passing(err) {
				r.stop(lost(err))
				return
			}
		}
	}()
	return func() {
		cancel()
		<-resting
	}
}

// errLost is the cause of every fault that says that the run is not ours.
var errLost = errors.New("the run is lost")

// lost gives err, unless it says that the run is no longer ours.
func lost(err error) error {
	f := fault.Of(err)
	switch {
	case err == nil:
		return nil
	case f.Code == "stale_fence", f.Code == "import_not_open":
		return fault.Wrap(errors.Join(errLost, err), fault.Conflict, "taken_over",
			"Another run of the source took over, since nothing was heard of this one for longer than its lease. What has landed stays.")
	case f.Kind == fault.NotFound && f.Code == "not_found":
		return fault.Wrap(errors.Join(errLost, err), fault.Conflict, "run_unknown",
			"The API no longer knows this run: its data may be from a backup. A later run brings everything again.")
	}
	return err
}

// abortTime bounds what a run that failed does for the next one.
const abortTime = 10 * time.Second

// abort ends the run, also when ctx has ended, so that the next one need not
// wait for the end of its lease. When that fails, it waits.
func (r *run) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	_ = r.runs.Abort(ctx, r.run)
}
