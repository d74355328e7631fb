package intake

import (
	"context"
	"slices"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// undoing is one revert on its way.
type undoing struct {
	*Reverter
	by     identity.Principal
	id     timesheet.ID // of the import
	ref    RunRef       // of the revert
	report Report
}

// everything undoes what can be undone, and names what is left.
func (u *undoing) everything(ctx context.Context) error {
	for {
		walked, err := u.walk(ctx)
		if err != nil {
			return err
		}
		u.report.Counts = u.report.Counts.plus(walked.done)
		// A day may have had no room only because what makes it came later.
		if walked.full && walked.done != (Counts{}) {
			continue
		}
		u.report.take(walked.left)
		break
	}
	for more := true; more; {
		err := u.atomically(ctx, func(tx Undo) (err error) {
			more, err = tx.Unreceive(ctx, u.id, undoChunk)
			return err
		})
		if err != nil {
			return err
		}
	}
	touched, n, err := u.undoing.Left(ctx, u.by.Organization, u.id, maxLeft)
	if err != nil {
		return err
	}
	var left Report
	for _, e := range touched {
		code, text := TouchedSince, "The entry was changed since. It is left as it is."
		if e.Snapshot().Status == timesheet.Approved {
			code, text = string(timesheet.IsApproved), "The entry is approved. It is left as it is."
		}
		left.leave(e, code, text)
	}
	left.Rejected, left.Received = n, n
	u.report.take(left)
	return nil
}

func (u *undoing) atomically(ctx context.Context, fn func(Undo) error) error {
	return u.undoing.Atomically(ctx, u.by.Organization, u.ref, Lease, fn)
}

// walked is what came of some changes.
type walked struct {
	done Counts
	left Report
	full bool // something was left because its day has no room
}

// walk goes once through the import's writes, a transaction for each chunk.
func (u *undoing) walk(ctx context.Context) (walked, error) {
	var all walked
	for place, more := (WritePlace{}), true; more; more = place != (WritePlace{}) {
		var step walked
		var next WritePlace
		if err := u.atomically(ctx, func(tx Undo) (err error) {
			step = walked{}
			next, err = u.step(ctx, tx, place, &step)
			return err
		}); err != nil {
			return all, err
		}
		all.done, all.full, place = all.done.plus(step.done), all.full || step.full, next
		all.left.take(step.left)
	}
	return all, nil
}

// step undoes one chunk, and gives the place of the next.
func (u *undoing) step(ctx context.Context, tx Undo, from WritePlace, step *walked) (WritePlace, error) {
	seen, next, err := tx.Changed(ctx, u.id, from, undoChunk)
	if err != nil || len(seen) == 0 {
		return next, err
	}
	var workers []string
	mine := make(map[timesheet.ID]bool, len(seen))
	for _, c := range seen {
		mine[c.Now.ID()] = true
		workers = append(workers, c.Now.Snapshot().Content.UserID)
		if before := c.Before.Snapshot().Content.UserID; before != "" {
			workers = append(workers, before)
		}
	}
	slices.Sort(workers)
	if err := tx.Lock(ctx, slices.Compact(workers)); err != nil {
		return next, err
	}
	// What others changed before the locks were had is no longer the import's
	// doing. What moves up in its place has the next step.
	changed, _, err := tx.Changed(ctx, u.id, from, undoChunk)
	if err != nil {
		return next, err
	}
	changed = slices.DeleteFunc(changed, func(c Undoable) bool { return !mine[c.Now.ID()] })
	undos, err := unsealed(ctx, tx, u.judge(changed, step), step)
	if err != nil {
		return next, err
	}
	writing, err := fitting(ctx, tx, undos, step)
	if err != nil || len(writing) == 0 {
		return next, err
	}
	for _, w := range writing {
		switch w.Verdict.Entry.Snapshot().Change {
		case timesheet.WasDeleted:
			step.done.Deleted++
		case timesheet.WasRestored:
			step.done.add(timesheet.OutcomeCreated)
		case timesheet.WasUpdated, timesheet.WasCreated, timesheet.WasApproved, timesheet.WasRejected:
			step.done.add(timesheet.OutcomeUpdated)
		}
	}
	return next, tx.Store(ctx, u.by.ID, u.ref.ID, writing)
}

// judge says what each entry becomes, unless it is left alone.
func (u *undoing) judge(changed []Undoable, step *walked) []undo {
	receipt := timesheet.Receipt{By: u.by.ID, Run: u.ref.ID, Now: u.now()}
	period := timesheet.Period{LockBefore: u.lock}
	var undos []undo
	for _, c := range changed {
		switch {
		case c.Touched:
			step.leave(c, TouchedSince, "The entry was changed since. It is left as it is.")
		case locked(c.Now, period), locked(c.Before, period):
			step.leave(c, string(timesheet.PeriodClosed), "The entry lies in a closed period. It is left as it is.")
		default:
			undos = append(undos, undo{c, c.Now.Undo(c.Before, receipt)})
		}
	}
	return undos
}

// locked tells whether the entry lives in a closed period.
func locked(e timesheet.Entry, p timesheet.Period) bool {
	return !e.ID().IsZero() && !e.Deleted() && p.Closed(e.Snapshot().Content.Day)
}

// undo is one entry with what it becomes.
type undo struct {
	Undoable
	after timesheet.Entry
}

// unsealed gives what changes no approved week.
func unsealed(ctx context.Context, tx Undo, undos []undo, step *walked) ([]undo, error) {
	var weeks []timesheet.WorkerWeek
	for _, d := range undos {
		weeks = append(weeks, d.weeks()...)
	}
	states, err := tx.Weeks(ctx, weeks)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(undos, func(d undo) bool {
		in := slices.ContainsFunc(d.weeks(), func(w timesheet.WorkerWeek) bool { return states[w] == timesheet.WeekApproved })
		if in {
			step.leave(d.Undoable, string(timesheet.InApproved), "The entry lies in an approved week, or did. It is left as it is.")
		}
		return in
	}), nil
}

// weeks lists the weeks in which the entry lives, before and after.
func (d undo) weeks() []timesheet.WorkerWeek {
	var weeks []timesheet.WorkerWeek
	for _, e := range []timesheet.Entry{d.Now, d.after} {
		if !e.Deleted() {
			weeks = append(weeks, timesheet.WeekOf(e.Snapshot().Content))
		}
	}
	return weeks
}

// fitting gives what no day has too little room for.
func fitting(ctx context.Context, tx Undo, undos []undo, step *walked) ([]Stored, error) {
	shifts := make([]timesheet.Shift, len(undos))
	for i, d := range undos {
		shifts[i] = timesheet.ShiftOf(d.Now, d.after)
	}
	totals, err := tx.Totals(ctx, timesheet.DaysOf(shifts))
	if err != nil {
		return nil, err
	}
	over := make(map[int]bool)
	for _, o := range timesheet.Overflows(totals, shifts) {
		over[o.Index], step.full = true, true
		step.leave(undos[o.Index].Undoable, timesheet.DayOver24h, "Its earlier state no longer fits into its day. It is left as it is.")
	}
	var writing []Stored
	for i, d := range undos {
		if !over[i] {
			writing = append(writing, Stored{Before: timesheet.Held{Entry: d.Now, Exists: true}, Verdict: timesheet.Verdict{Entry: d.after}})
		}
	}
	return writing, nil
}

// leave names an entry that stays as it is, unless it will be named anyway.
func (w *walked) leave(c Undoable, code, text string) {
	if !c.Returned {
		w.left.leave(c.Now, code, text)
	}
}

// leave names an entry that stays as it is.
func (r *Report) leave(e timesheet.Entry, code, text string) {
	r.add(timesheet.OutcomeRejected)
	r.Results = append(r.Results, Result{
		ExternalID: e.Snapshot().Origin.ExternalID, ID: e.ID(),
		Outcome: timesheet.OutcomeRejected, Code: code, Problem: &Problem{Code: code, Detail: text},
	})
}

// take adds what another report names, as far as there is room for names.
func (r *Report) take(left Report) {
	r.Counts = r.Counts.plus(left.Counts)
	for _, result := range left.Results[:min(len(left.Results), maxLeft-len(r.Results))] {
		result.Index = len(r.Results)
		r.Results = append(r.Results, result)
	}
}
