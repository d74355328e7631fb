package timekeeping

import (
	"context"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Recorder makes and changes entries by hand.
type Recorder struct {
	entries Entries
	userIDs identity.UserIDs
	lock    timesheet.Day
	newID   func() timesheet.ID
	now     func() time.Time
}

// NewRecorder makes a Recorder. Days before lock are closed; a zero lock
// closes none.
func NewRecorder(entries Entries, userIDs identity.UserIDs, lock timesheet.Day, newID func() timesheet.ID, now func() time.Time) *Recorder {
	return &Recorder{entries, userIDs, lock, newID, now}
}

// Settle makes, of a new entry, the answer that is kept under the claim of its
// request.
type Settle func(timesheet.Entry) (replay.Claim, replay.Answer)

// Record makes an entry. From a person content.UserID may be empty and is
// their own then; another's needs approve:timesheets. settle may be nil.
func (r *Recorder) Record(ctx context.Context, by identity.Principal, content timesheet.Content, settle Settle) (timesheet.Entry, error) {
	if err := by.Require(identity.CreateTimesheets); err != nil {
		return timesheet.Entry{}, err
	}
	if content.UserID == "" && by.IsPerson() {
		content.UserID = by.ID
	}
	content.UserID = r.userIDs.Canonical(content.UserID)
	if err := by.MayRecord(content.UserID); err != nil {
		return timesheet.Entry{}, err
	}
	if err := r.check(content); err != nil {
		return timesheet.Entry{}, err
	}
	entry := timesheet.Record(r.newID(), content, by.ID, r.now())
	touched := touchedBy(timesheet.Entry{}, entry)
	err := r.entries.Atomically(ctx, by.Organization, func(tx Tx) error {
		states, totals, err := tx.LockAround(ctx, content.UserID, kindOf(by, content.UserID), touched.weeks, touched.days())
		if err != nil {
			return err
		}
		if err := touched.allowed(states, totals); err != nil {
			return err
		}
		if settle != nil {
			claim, answer := settle(entry)
			if err := tx.Settle(ctx, claim, answer); err != nil {
				return err
			}
		}
		return tx.Store(ctx, by.ID, timesheet.Entry{}, entry)
	})
	return entry, err
}

// kindOf a worker who was never seen: an employee when it is the caller.
func kindOf(by identity.Principal, userID string) worker.Kind {
	if by.IsPerson() && by.ID == userID {
		return worker.Employee
	}
	return worker.Contractor
}

// check holds content against the rules of a single entry and of its day.
func (r *Recorder) check(content timesheet.Content) error {
	if wrong := content.Check(); len(wrong) > 0 {
		f := fault.New(fault.Invalid, "invalid_entry", "The entry breaks a rule: see errors.")
		f.Fields = wrong
		return f
	}
	period := r.period()
	if err := period.Check(content.Day); err != nil {
		return err
	}
	if period.Closed(content.Day) {
		return fault.InField("/date", "period_closed", "Everything before %s is closed: choose a later date, or ask whoever closes the books.", r.lock)
	}
	return nil
}

func (r *Recorder) period() timesheet.Period {
	return timesheet.Period{Today: timesheet.DayIn(r.now().UTC()), LockBefore: r.lock}
}

// touch is what a change of an entry by hand has to do with.
type touch struct {
	weeks  []timesheet.WorkerWeek
	shifts []timesheet.Shift
}

// touchedBy tells what the change from before (zero for a new entry) to after
// touches.
func touchedBy(before, after timesheet.Entry) touch {
	weeks := []timesheet.WorkerWeek{timesheet.WeekOf(after.Snapshot().Content)}
	if !before.ID().IsZero() {
		weeks = append(weeks, timesheet.WeekOf(before.Snapshot().Content))
	}
	return touch{weeks, []timesheet.Shift{timesheet.ShiftOf(before, after)}}
}

func (t touch) days() []timesheet.WorkerDay { return timesheet.DaysOf(t.shifts) }

// allowed is nil when the weeks may be changed by hand, and the change fits into
// its day.
func (t touch) allowed(states map[timesheet.WorkerWeek]timesheet.WeekState, totals map[timesheet.WorkerDay]int) error {
	for _, w := range t.weeks {
		if err := states[w].CheckHand(w.Week); err != nil {
			return err
		}
	}
	for _, o := range timesheet.Overflows(totals, t.shifts) {
		return fault.InField("/hours", timesheet.DayOver24h, "%s", o)
	}
	return nil
}
