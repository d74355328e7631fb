package intake

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Closing is a run at its end, within one transaction, with nobody else
// writing into it.
type Closing interface {
	// Run gives the run, with the counts of its parts.
	Run() Import
	// Brought tells what arrived: how many keys, and how many rows whose key
	// could not be read.
	Brought(ctx context.Context) (keys, unreadable int, err error)
	// Absent gives the live entries of the run's source and scope whose keys
	// the run did not bring and that no write touched since it began, one by
	// one, and tells how many live entries the scope has. It is asked twice:
	// before the workers are locked, and under their locks.
	Absent(ctx context.Context, each func(timesheet.Entry)) (scope int, err error)
	// Unfounded gives the open corrections that propose an entry within the run's
	// source and scope where none lives, whose keys the run did not bring and
	// which were proposed before it began. It is asked twice, too.
	Unfounded(ctx context.Context) ([]timesheet.Correction, error)
	// Lock locks the workers until the transaction ends.
	Lock(ctx context.Context, userIDs []string) error
	// Outdate marks the refused rows of the run's source and scope that are
	// remembered from before it and whose keys it did not bring: a retry will
	// not judge them.
	Outdate(ctx context.Context) error
	// Finish writes the run's end and forgets which keys it brought. A completed
	// run that has a cursor gives it to its source.
	Finish(ctx context.Context, ended Import) error
	// Held gives all that is held of entries of the run's source.
	Held(ctx context.Context, ids []timesheet.ID) ([]timesheet.Held, error)
	// Store writes what the verdicts ask for, as one write of the change feed.
	Store(ctx context.Context, by string, run timesheet.ID, writing []Stored) error
}

// Completion is what a caller says when a run has brought everything.
type Completion struct {
	Cursor           string // for the source; "" leaves it where it is
	DistinctKeys     *int   // of a mirror: how many keys the caller sent; nil not to check
	MaxDeleteCount   int    // of a mirror
	MaxDeletePercent int    // of a mirror, of the live entries in its scope
	AllowEmpty       bool   // of a mirror
}

// Defaults of a Completion.
const (
	DefaultMaxDeleteCount   = 10
	DefaultMaxDeletePercent = 20
	maxCursor               = 1024 // characters
)

// Ending is the answer to a completion.
type Ending struct {
	Import
	DeletionsSkipped string // why a mirror deleted nothing; "" when it did what it should
}

// Complete ends a run that brought everything. A mirror deletes what its
// source no longer has; when one of its guards finds that suspicious, the run
// stays open and nothing is changed.
func (r *Runner) Complete(ctx context.Context, by identity.Principal, ref RunRef, c Completion) (Ending, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return Ending{}, err
	}
	if utf8.RuneCountInString(c.Cursor) > maxCursor {
		return Ending{}, fault.InField("/cursor", "length", "A cursor has at most %d characters.", maxCursor)
	}
	// The caller may have to come back with other limits: as after each call,
	// the lease is as long as ever.
	if _, err := r.runs.Renew(ctx, by.Organization, ref, Lease); err != nil {
		return Ending{}, err
	}
	var done Ending
	err := r.runs.End(ctx, by.Organization, ref, func(closing Closing) error {
		done = Ending{Import: closing.Run()}
		done.State, done.EndedAt, done.LeaseEnd, done.Cursor = Completed, r.now().UTC().Truncate(time.Microsecond), time.Time{}, ""
		if !done.DryRun {
			done.Cursor = c.Cursor
		}
		if done.Mode != Mirror {
			if c.DistinctKeys != nil {
				return fault.InField("/distinct_keys", "mirror_only", "Only a mirror counts its keys. Leave distinct_keys out.")
			}
			return closing.Finish(ctx, done.Import)
		}
		receipt := timesheet.Receipt{
			By: by.ID, Run: done.ID, Now: done.EndedAt, NewID: r.newID,
			Period: timesheet.Period{Today: timesheet.DayIn(done.EndedAt), LockBefore: r.lock},
		}
		missed, err := mirror(ctx, closing, c, receipt, &done)
		if err != nil {
			return err
		}
		if err := closing.Finish(ctx, done.Import); err != nil {
			return err
		}
		// Last of all, since it takes the organisation's counter.
		for some := range slices.Chunk(missed.unfounded, MaxRows) {
			if err := settleAbsent(ctx, closing, some, receipt); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(missed.absent, MaxRows) {
			held, err := closing.Held(ctx, some)
			if err != nil {
				return err
			}
			if err := settleAbsent(ctx, closing, held, receipt); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// mirror finds what the run did not bring and is to be deleted, or proposed to
// be, unless one of the guards finds that suspicious. Its workers are locked
// then. A dry run only counts.
func mirror(ctx context.Context, closing Closing, c Completion, receipt timesheet.Receipt, done *Ending) (surveyed, error) {
	keys, unreadable, err := closing.Brought(ctx)
	if err != nil {
		return surveyed{}, err
	}
	switch {
	case c.DistinctKeys != nil && *c.DistinctKeys != keys:
		return surveyed{}, fault.New(fault.Conflict, "incomplete", "The run brought %d different keys, not %d. Send what is missing, then complete it.", keys, *c.DistinctKeys)
	case done.Received == 0 && !c.AllowEmpty:
		return surveyed{}, fault.New(fault.Conflict, "nothing_brought", "The run brought nothing, which would delete everything in its scope. If that is meant, say allow_empty.")
	case unreadable > 0:
		done.DeletionsSkipped = "unreadable_key"
		return surveyed{}, nil
	}
	first, err := survey(ctx, closing, receipt)
	if err != nil {
		return surveyed{}, err
	}
	if first.deletions > c.MaxDeleteCount && first.deletions*100 > c.MaxDeletePercent*first.scope {
		return surveyed{}, fault.New(fault.Conflict, "too_many_deletions",
			"The run would delete %d of %d entries: more than %d, and more than %d percent. If that is meant, complete it with higher limits.",
			first.deletions, first.scope, c.MaxDeleteCount, c.MaxDeletePercent).
			With("deletions", strconv.Itoa(first.deletions)).With("in_scope", strconv.Itoa(first.scope))
	}
	if done.DryRun {
		done.Deleted = first.deletions
		return surveyed{}, nil
	}
	if len(first.workers) > 0 {
		if err := closing.Lock(ctx, first.workers); err != nil {
			return surveyed{}, err
		}
		// Nothing comes in, since only what is older than the run may go; what
		// others touched meanwhile stays.
		if first, err = survey(ctx, closing, receipt); err != nil {
			return surveyed{}, err
		}
	}
	done.Deleted = first.deletions
	return first, closing.Outdate(ctx)
}

// surveyed is what a mirror would do.
type surveyed struct {
	absent    []timesheet.ID   // to be deleted, or proposed to be
	unfounded []timesheet.Held // corrections that are at an end
	workers   []string         // whose they are, sorted
	deletions int
	scope     int // live entries in it
}

func survey(ctx context.Context, closing Closing, receipt timesheet.Receipt) (surveyed, error) {
	var s surveyed
	workers := make(map[string]bool)
	var err error
	s.scope, err = closing.Absent(ctx, func(e timesheet.Entry) {
		outcome := timesheet.JudgeAbsence(timesheet.Held{Entry: e, Exists: true}, receipt).Outcome
		if outcome == timesheet.OutcomeUnchanged {
			return
		}
		if outcome == timesheet.OutcomeDeleted {
			s.deletions++
		}
		s.absent = append(s.absent, e.ID())
		workers[e.Snapshot().Content.UserID] = true
	})
	if err != nil {
		return s, err
	}
	unfounded, err := closing.Unfounded(ctx)
	for i, c := range unfounded {
		if h := (timesheet.Held{Open: &unfounded[i]}); timesheet.JudgeAbsence(h, receipt).Writes() {
			s.unfounded = append(s.unfounded, h)
			workers[c.Content.UserID] = true
		}
	}
	s.workers = slices.Sorted(maps.Keys(workers))
	return s, err
}

// settleAbsent deletes entries that the source no longer has, or proposes it,
// and ends what is unfounded.
func settleAbsent(ctx context.Context, closing Closing, held []timesheet.Held, receipt timesheet.Receipt) error {
	var writing []Stored
	for _, h := range held {
		if v := timesheet.JudgeAbsence(h, receipt); v.Writes() {
			writing = append(writing, Stored{Before: h, Verdict: v})
		}
	}
	if len(writing) == 0 {
		return nil
	}
	return closing.Store(ctx, receipt.By, receipt.Run, writing)
}
