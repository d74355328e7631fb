package importing

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// Importer brings the entries of one tracker to the API.
type Importer struct {
	tracker    Tracker
	timesheets Timesheets
	runs       Runs
	patience   Patience
}

// New makes an importer. It holds nothing between runs.
func New(tracker Tracker, timesheets Timesheets, runs Runs, patience Patience) *Importer {
	return &Importer{tracker: tracker, timesheets: timesheets, runs: runs, patience: patience}
}

// Options are the choices of one run.
type Options struct {
	Source string // the name that the entries carry
	Mode   Mode   // "" is Upsert
	Tier   Tier   // how far back to read when no window is given; "" is Recent
	Guards Guards // of a mirror
	DryRun bool   // ask what would change, change nothing
	// Watch, if not nil, is told how far the run is: after every page and every
	// batch, and before every wait. It is called by one goroutine at a time.
	Watch func(Progress)
}

// Run reads every entry of window and uploads it. The zero window stands for
// all of a file, which a mirror does not take; of a live tracker, for the days
// that are due by the tier and by how far the source was read.
//
// It ends when every row has its verdict and the API has the run as complete,
// when the tracker or the API fail for good, or when ctx ends, which should
// have a deadline: until then a call without an answer is repeated. The summary
// is true in each of these cases. An error means that the run is not finished;
// ExitCode says what that means.
func (i *Importer) Run(ctx context.Context, window Window, options Options) (Summary, error) {
	if err := timesheet.CheckUploadSource(options.Source); err != nil {
		return Summary{}, err
	}
	if options.Mode == "" {
		options.Mode = Upsert
	}
	if options.Mode == Mirror && window.IsZero() && !i.tracker.Live() {
		// The first and last entries of an export do not say where it was cut.
		return Summary{Source: options.Source, Mode: options.Mode, DryRun: options.DryRun}, fault.New(fault.Invalid, "mirror_without_days",
			"A mirror of a file deletes whatever the file does not have: say with --from and --to of which days it has everything.")
	}
	began := i.patience.Now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &run{
		Importer: i,
		options:  options,
		stop:     stop,
		slots:    make(chan struct{}, inFlight),
		settled:  newTally(),
		summary:  Summary{Source: options.Source, Window: window, Mode: options.Mode, DryRun: options.DryRun, Codes: map[string]int{}},
	}
	if options.Mode == Mirror {
		r.keys = newKeys()
	}
	err := r.carryOut(ctx, window)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = ended(cause)
	}
	r.settled.into(&r.summary)
	r.summary.sort()
	r.summary.Took.Total = i.patience.Now().Sub(began)
	return r.summary, err
}

// ended says why a run was ended from outside, or by its first failed batch.
func ended(cause error) error {
	switch {
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.Wrap(cause, fault.Unavailable, "out_of_time", "The run's time is up. What has landed stays; a later run brings the rest.")
	case errors.Is(cause, context.Canceled):
		return fault.Wrap(cause, fault.Unavailable, "stopped", "The run was stopped. What has landed stays; a later run brings the rest.")
	}
	return cause
}

// run is the state of one run.
type run struct {
	*Importer
	options Options
	stop    context.CancelCauseFunc // ends the run with its first failed batch
	run     Run                     // as the API knows it

	settled *tally // of the windows that were read to their end
	packing packing
	keys    *keys // that were sent; nil unless the run is a mirror

	slots   chan struct{} // holds one token per batch in flight
	uploads sync.WaitGroup

	mu       sync.Mutex // guards what follows
	part     int        // number of the last batch that was made
	summary  Summary
	progress Progress
}

// carryOut takes the run from its start to its end.
func (r *run) carryOut(ctx context.Context, window Window) error {
	window, err := r.start(ctx, window)
	if err != nil {
		return fmt.Errorf("start the run: %w", err)
	}
	rest := r.keepAlive(ctx)
	known, err := r.reach(ctx)
	began := r.patience.Now()
	if err == nil {
		r.summary.CursorBefore, r.summary.Cursor = known.cursor, known.cursor
		err = r.readAll(ctx, window)
	}
	r.uploads.Wait()
	rest()
	if err == nil {
		err = r.complete(ctx, known.earned(window, began))
	}
	if err != nil && !errors.Is(err, errLost) && !errors.Is(context.Cause(ctx), errLost) {
		r.abort(ctx)
	}
	return err
}

// insist tries again what may pass, and counts and shows the waits.
func (r *run) insist(ctx context.Context, tries int, try func() error) error {
	return r.patience.insist(ctx, tries, r.waits, try)
}

// watch changes the progress and shows it.
func (r *run) watch(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Waiting, r.progress.Reason = 0, nil
	change(&r.progress)
	r.progress.Read, r.progress.Landed = r.summary.Read, r.summary.Sum()
	if r.options.Watch != nil {
		r.options.Watch(r.progress)
	}
}
