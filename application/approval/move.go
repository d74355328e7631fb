package approval

import (
	"context"
	"errors"
	"slices"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Mover brings weeks from one state to the next. Each of its methods gives the
// week as it is then; a move into the state that the week is in already changes
// nothing, and is no fault.
type Mover struct {
	weeks  Weeks
	reader *WeekReader
	lock   timesheet.Day
	newID  func() timesheet.ID
	now    func() time.Time
}

// NewMover makes a Mover. Weeks that lie before lock stay as they are; a zero
// lock closes none.
func NewMover(weeks Weeks, reader *WeekReader, lock timesheet.Day, newID func() timesheet.ID, now func() time.Time) *Mover {
	return &Mover{weeks, reader, lock, newID, now}
}

// Seen is nil when a week's present tag is one that the caller means.
type Seen func(tag string) error

// Submit hands in one's own week. A worker who was never seen may hand in an
// empty one.
func (m *Mover) Submit(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, seen Seen) (Week, error) {
	return m.byWorker(ctx, by, of, seen, func(s timesheet.Sheet) (timesheet.Sheet, error) {
		return s.Submit(by.ID, m.now())
	})
}

// Withdraw takes one's own submitted week back.
func (m *Mover) Withdraw(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, seen Seen) (Week, error) {
	return m.byWorker(ctx, by, of, seen, func(s timesheet.Sheet) (timesheet.Sheet, error) { return s.Withdraw(by.ID, m.now()) })
}

// Known is nil when there is the worker for the principal to move a week of: only
// then what is wrong with a move is told. Their own weeks everybody has; of others
// it tells approvers alone.
func (m *Mover) Known(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek) error {
	of.UserID = m.reader.userIDs.Canonical(of.UserID)
	if !by.Sees(of.UserID) {
		return errNoWeek
	}
	if !by.Holds(identity.ApproveTimesheets) || by.ID == of.UserID {
		return nil
	}
	return m.weeks.Known(ctx, by.Organization, of.UserID)
}

func (m *Mover) byWorker(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, seen Seen, step func(timesheet.Sheet) (timesheet.Sheet, error)) (Week, error) {
	if err := by.Require(identity.CreateTimesheets); err != nil {
		return Week{}, err
	}
	of.UserID = m.reader.userIDs.Canonical(of.UserID)
	if !by.Sees(of.UserID) {
		return Week{}, errNoWeek
	}
	if err := by.MayHandIn(of.UserID); err != nil {
		return Week{}, err
	}
	return m.move(ctx, by, of, seen, worker.Employee, func(_ WeekTx, s timesheet.Sheet, _ []timesheet.Entry) (timesheet.Sheet, []timesheet.Entry, error) {
		after, err := step(s)
		return after, nil, err
	})
}

// Approve approves a week with all its entries, and seals it.
func (m *Mover) Approve(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, seen Seen) (Week, error) {
	return m.byApprover(ctx, by, of, seen, func(tx WeekTx, s timesheet.Sheet, entries []timesheet.Entry) (timesheet.Sheet, []timesheet.Entry, error) {
		removed, err := tx.RemovedBy(ctx, s.Of, by.ID)
		if err != nil {
			return s, nil, err
		}
		return s.Approve(by.ID, entries, removed, m.now())
	})
}

// Reject sends a submitted week back, for a reason that its worker will read.
func (m *Mover) Reject(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, reason string, seen Seen) (Week, error) {
	return m.byApprover(ctx, by, of, seen, func(_ WeekTx, s timesheet.Sheet, _ []timesheet.Entry) (timesheet.Sheet, []timesheet.Entry, error) {
		after, err := s.Reject(by.ID, reason, m.now())
		return after, nil, err
	})
}

// Reopen takes a week's approval back, for a reason. Late changes that waited
// are judged as if they came now.
func (m *Mover) Reopen(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, reason string, seen Seen) (Week, error) {
	return m.byApprover(ctx, by, of, seen, func(_ WeekTx, s timesheet.Sheet, entries []timesheet.Entry) (timesheet.Sheet, []timesheet.Entry, error) {
		return s.Reopen(by.ID, reason, entries, m.now())
	})
}

// step gives a week's next state, and the next states of those of its entries
// that change with it.
type step func(WeekTx, timesheet.Sheet, []timesheet.Entry) (timesheet.Sheet, []timesheet.Entry, error)

func (m *Mover) byApprover(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, seen Seen, step step) (Week, error) {
	if err := by.Require(identity.ApproveTimesheets); err != nil {
		return Week{}, err
	}
	of.UserID = m.reader.userIDs.Canonical(of.UserID)
	return m.move(ctx, by, of, seen, "", step)
}

func (m *Mover) today() timesheet.Day { return timesheet.DayIn(m.now().UTC()) }

// maxStarts bounds how often a move, or a decision, starts over because it
// concerns a worker who is not locked.
const maxStarts = 5

// unlocked says that workers are concerned who are not locked.
type unlocked struct{ userIDs []string }

func (unlocked) Error() string { return "workers are concerned who are not locked" }

// revise runs fn in a transaction with the workers locked, and again with more
// of them when fn finds that others are concerned. Those were named by an upload
// and need not have been seen before.
func revise(ctx context.Context, weeks Weeks, org identity.Organization, userIDs []string, unseen worker.Kind, fn func(tx WeekTx, locked []string) error) error {
	for range maxStarts {
		slices.Sort(userIDs)
		userIDs = slices.Compact(userIDs)
		err := weeks.Revise(ctx, org, func(tx WeekTx) error {
			if err := tx.Lock(ctx, userIDs, unseen); err != nil {
				return err
			}
			return fn(tx, userIDs)
		})
		more, again := errors.AsType[unlocked](err)
		if !again {
			return err
		}
		userIDs, unseen = append(userIDs, more.userIDs...), worker.Contractor
	}
	return fault.New(fault.Unavailable, "busy", "The same entries are being moved between workers again and again. Send the same request once more.").After(time.Second)
}

// move makes one step of a week, and gives the week as it is then.
func (m *Mover) move(ctx context.Context, by identity.Principal, of timesheet.WorkerWeek, seen Seen, unseen worker.Kind, step step) (Week, error) {
	if err := inRange(of.Week); err != nil {
		return Week{}, err
	}
	if latest := m.today().Add(timesheet.DaysAhead); of.Week.Monday().After(latest) {
		return Week{}, fault.InField("/week", "week_out_of_range", "The week has not begun on %s, the last day that may have entries.", latest)
	}
	err := revise(ctx, m.weeks, by.Organization, []string{of.UserID}, unseen, func(tx WeekTx, locked []string) error {
		before, entries, err := tx.Sheet(ctx, of)
		if err != nil {
			return err
		}
		after, changed, err := step(tx, before, entries)
		if err != nil {
			return err
		}
		var overtaken error
		if seen != nil {
			overtaken = seen(before.Tag(entries))
		}
		if after.Version == before.Version {
			// Who repeats their own move need not have seen its result, nor what was
			// amended since.
			if arrival := before.Arrival(); overtaken != nil && arrival.Kind != "" && arrival.By != by.ID {
				return before.Overtaken()
			}
			return nil
		}
		if overtaken != nil {
			return overtaken
		}
		if err := m.open(of.Week, changed); err != nil {
			return err
		}
		var late late
		if after.State == timesheet.WeekOpen && before.State == timesheet.WeekApproved {
			if late, err = m.rejudge(ctx, tx, by, of, locked, changed); err != nil {
				return err
			}
		}
		if err := tx.Save(ctx, before, after); err != nil {
			return err
		}
		return m.store(ctx, tx, by, entries, changed, late)
	})
	if err != nil {
		return Week{}, err
	}
	// It had no more entries than one may have, and as many more as waited for it.
	return m.reader.read(ctx, by, of, 0)
}

// open is nil when the week may still move and the entries change.
func (m *Mover) open(w timesheet.Week, changed []timesheet.Entry) error {
	days := make([]timesheet.Day, 0, len(changed)+1)
	days = append(days, w.Sunday())
	for _, e := range changed {
		days = append(days, e.Snapshot().Content.Day)
	}
	return timesheet.Period{LockBefore: m.lock}.CheckOpen(days...)
}

// store writes the entries' changes, then what became of late changes, as one
// write: the same entry may have both.
func (m *Mover) store(ctx context.Context, tx WeekTx, by identity.Principal, entries, changed []timesheet.Entry, late late) error {
	was := make(map[timesheet.ID]timesheet.Entry, len(entries))
	for _, e := range entries {
		was[e.ID()] = e
	}
	writing := make([]timesheet.Stored, 0, len(changed))
	for _, e := range changed {
		writing = append(writing, timesheet.Stored{Before: timesheet.Held{Entry: was[e.ID()], Exists: true}, Verdict: timesheet.Verdict{Entry: e}})
	}
	if len(late.obsolete) > 0 {
		if err := tx.Obsolete(ctx, late.obsolete, by.ID, "reopened", instant(m.now())); err != nil {
			return err
		}
	}
	if writing = append(writing, late.writing...); len(writing) == 0 {
		return nil
	}
	return tx.Store(ctx, by.ID, writing)
}

// late is what becomes of late changes when their week is reopened.
type late struct {
	obsolete []timesheet.Correction
	writing  []timesheet.Stored
}

// rejudge judges the open corrections that concern a week as if they came now
// that it is open again, with its entries changed.
func (m *Mover) rejudge(ctx context.Context, tx WeekTx, by identity.Principal, of timesheet.WorkerWeek, locked []string, changed []timesheet.Entry) (late, error) {
	held, err := tx.Concerning(ctx, of)
	if err != nil || len(held) == 0 {
		return late{}, err
	}
	now := make(map[timesheet.ID]timesheet.Entry, len(changed))
	for _, e := range changed {
		now[e.ID()] = e
	}
	var others []string
	var weeks []timesheet.WorkerWeek
	for i := range held {
		h := &held[i]
		if e, ok := now[h.Entry.ID()]; ok {
			h.Entry = e
		}
		whose := []timesheet.Content{h.Open.Content}
		if h.Exists {
			whose = append(whose, h.Entry.Snapshot().Content)
		}
		for _, c := range whose {
			if c.UserID == "" {
				continue
			}
			weeks = append(weeks, timesheet.WeekOf(c))
			if _, ok := slices.BinarySearch(locked, c.UserID); !ok {
				others = append(others, c.UserID)
			}
		}
	}
	if len(others) > 0 {
		return late{}, unlocked{others}
	}
	states, err := tx.States(ctx, weeks)
	if err != nil {
		return late{}, err
	}
	delete(states, of) // it is about to be open
	at := timesheet.Receipt{By: by.ID, Now: m.now(), Period: timesheet.Period{Today: m.today(), LockBefore: m.lock}, Sealed: sealed(states), NewID: m.newID}
	judged := make([]timesheet.Stored, len(held))
	for i, h := range held {
		judged[i] = timesheet.Stored{Before: h, Verdict: timesheet.Rejudge(h, at)}
	}
	if judged, err = fitting(ctx, tx, judged); err != nil {
		return late{}, err
	}
	var l late
	for _, j := range judged {
		if !j.Verdict.Writes() {
			continue
		}
		if j.Verdict.Obsolete {
			j.Verdict.Obsolete = false
			l.obsolete = append(l.obsolete, *j.Before.Open)
		}
		if j.Verdict.Writes() {
			l.writing = append(l.writing, j)
		}
	}
	return l, nil
}

// sealed picks the approved weeks.
func sealed(states map[timesheet.WorkerWeek]timesheet.WeekState) map[timesheet.WorkerWeek]bool {
	weeks := make(map[timesheet.WorkerWeek]bool)
	for w, state := range states {
		if state == timesheet.WeekApproved {
			weeks[w] = true
		}
	}
	return weeks
}

// fitting leaves out what no day has too little room for.
func fitting(ctx context.Context, tx WeekTx, judged []timesheet.Stored) ([]timesheet.Stored, error) {
	var shifts []timesheet.Shift
	var of []int
	for i, j := range judged {
		if o := j.Verdict.Outcome; o == timesheet.OutcomeCreated || o == timesheet.OutcomeUpdated {
			shifts, of = append(shifts, timesheet.ShiftOf(j.Before.Entry, j.Verdict.Entry)), append(of, i)
		}
	}
	if len(shifts) == 0 {
		return judged, nil
	}
	totals, err := tx.Totals(ctx, timesheet.DaysOf(shifts))
	if err != nil {
		return nil, err
	}
	over := make(map[int]bool)
	for _, o := range timesheet.Overflows(totals, shifts) {
		over[of[o.Index]] = true
	}
	fit := judged[:0]
	for i, j := range judged {
		if !over[i] {
			fit = append(fit, j)
		}
	}
	return fit, nil
}

// closed gives the correction at its end.
func closed(c timesheet.Correction, state timesheet.CorrectionState, by, reason string, now time.Time) timesheet.Correction {
	c.State, c.ClosedBy, c.Reason, c.ClosedAt = state, by, reason, instant(now)
	return c
}

// instant is a time as it is kept.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
