package intake

import (
	"context"
	"slices"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
)

// Lease is how long a run keeps others of its source away after each call.
const Lease = 60 * time.Second

// RunRef is a caller's hold on a run: its id, and the fence that the start
// gave. Who has an older fence was taken over and can change nothing.
type RunRef struct {
	ID    timesheet.ID
	Fence int64
}

// Runs is where runs of many requests live. A run that is unknown is a
// fault.NotFound; one that is not open, or has another fence, a fault.Conflict
// (import_not_open, stale_fence).
type Runs interface {
	// Begin starts a run and gives it with its fence. While another run of the
	// source is live it is a fault.Conflict (import_running) that says when to
	// try again; one whose lease has ended expires instead, and its batches
	// under way are waited for. A dry run takes no lease and waits for nobody.
	Begin(ctx context.Context, org identity.Organization, run Import, lease time.Duration, settle func(Import) (replay.Claim, replay.Answer)) (Import, error)
	// Renew puts the end of the lease off, and gives the run.
	Renew(ctx context.Context, org identity.Organization, ref RunRef, lease time.Duration) (Import, error)
	// End runs fn with the run locked against everything else. What fn does is
	// kept when it returns nil. fn may run more than once.
	End(ctx context.Context, org identity.Organization, ref RunRef, fn func(Closing) error) error
}

// Runner starts and ends runs.
type Runner struct {
	runs    Runs
	userIDs identity.UserIDs
	lock    timesheet.Day
	newID   func() timesheet.ID
	now     func() time.Time
}

// NewRunner makes a Runner. Days before lock are closed; a zero lock closes
// none.
func NewRunner(runs Runs, userIDs identity.UserIDs, lock LockBefore, newID func() timesheet.ID, now func() time.Time) *Runner {
	return &Runner{runs, userIDs, timesheet.Day(lock), newID, now}
}

// Declaration is what a run says of itself when it starts.
type Declaration struct {
	Source string
	Mode   Mode
	Scope  Scope
	DryRun bool
}

// maxScopeWorkers bounds how many workers a run may name.
const maxScopeWorkers = 1000

func (d Declaration) check() error {
	if err := timesheet.CheckUploadSource(d.Source); err != nil {
		return fault.InField("/source", fault.Of(err).Code, "%s", fault.Of(err).Text)
	}
	if d.Mode != Upsert && d.Mode != Mirror {
		return fault.InField("/mode", "not_a_mode", "A run is an upsert or a mirror.")
	}
	if d.Scope.From.IsZero() || d.Scope.To.IsZero() {
		return fault.InField("/from", "required", "Say which days the run is about: from and to, both inclusive.")
	}
	if d.Scope.To.Before(d.Scope.From) {
		return fault.InField("/to", "out_of_range", "to must not be before from.")
	}
	if d.Scope.UserIDs != nil && len(d.Scope.UserIDs) == 0 {
		return fault.InField("/user_ids", "required", "Name the workers that the run is about, or leave user_ids out for all.")
	}
	if len(d.Scope.UserIDs) > maxScopeWorkers {
		return fault.InField("/user_ids", "too_many", "A run names at most %d workers; leave user_ids out for all.", maxScopeWorkers)
	}
	for _, id := range d.Scope.UserIDs {
		if err := identity.CheckUserID(id); err != nil {
			return fault.InField("/user_ids", fault.Of(err).Code, "%s", fault.Of(err).Text)
		}
	}
	return nil
}

// Start begins a run. settle, which may be nil, makes the answer that is kept
// for a request with an Idempotency-Key.
func (r *Runner) Start(ctx context.Context, by identity.Principal, d Declaration, settle func(Import) (replay.Claim, replay.Answer)) (Import, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return Import{}, err
	}
	if err := d.check(); err != nil {
		return Import{}, err
	}
	d.Scope.UserIDs = slices.Clone(d.Scope.UserIDs)
	for i, id := range d.Scope.UserIDs {
		d.Scope.UserIDs[i] = r.userIDs.Canonical(id)
	}
	return r.runs.Begin(ctx, by.Organization, Import{
		ID: r.newID(), Source: d.Source, Mode: d.Mode, Kind: KindRun, State: Open, DryRun: d.DryRun, Scope: d.Scope,
		CreatedBy: by.ID, StartedAt: r.now().UTC().Truncate(time.Microsecond),
	}, Lease, settle)
}

// Renew keeps a run alive for another Lease.
func (r *Runner) Renew(ctx context.Context, by identity.Principal, ref RunRef) (Import, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return Import{}, err
	}
	return r.runs.Renew(ctx, by.Organization, ref, Lease)
}

// Abort ends a run where it stands: what landed stays, nothing is deleted, the
// cursor does not move.
func (r *Runner) Abort(ctx context.Context, by identity.Principal, ref RunRef) (Import, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return Import{}, err
	}
	var ended Import
	err := r.runs.End(ctx, by.Organization, ref, func(closing Closing) error {
		ended = closing.Run()
		ended.State, ended.EndedAt, ended.LeaseEnd = Aborted, r.now().UTC().Truncate(time.Microsecond), time.Time{}
		return closing.Finish(ctx, ended)
	})
	return ended, err
}
