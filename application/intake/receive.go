package intake

import (
	"context"
	"errors"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Receiver takes in uploads. It is safe for concurrent use.
type Receiver struct {
	ledger  Ledger
	way     Way
	userIDs identity.UserIDs
	lock    timesheet.Day // LOCK_BEFORE; zero for none
	newID   func() timesheet.ID
	now     func() time.Time
}

// NewReceiver makes a Receiver. Days before lock are closed; a zero lock
// closes none.
func NewReceiver(ledger Ledger, way Way, userIDs identity.UserIDs, lock LockBefore, newID func() timesheet.ID, now func() time.Time) *Receiver {
	return &Receiver{ledger, way, userIDs, timesheet.Day(lock), newID, now}
}

// LockBefore is the first day that is still open; zero when every day is.
type LockBefore timesheet.Day

// Upload is one request: rows of one source.
type Upload struct {
	Source string // as the query names it; "" to leave it to the rows
	Rows   []Row  // at most MaxRows; the receiver's from here on, who writes the workers' ids into them
	DryRun bool   // judge, and write nothing but the record of it
}

// Receive judges the rows and stores what follows, all in one transaction, as
// a run of its own. A bad row never spoils its neighbours: it is refused in
// the report, and kept. Faults: insufficient_scope, machines_only,
// too_many_rows, not_a_source, source_reserved.
func (r *Receiver) Receive(ctx context.Context, by identity.Principal, u Upload) (Report, error) {
	if err := check(by, u); err != nil {
		return Report{}, err
	}
	b, err := r.prepare(ctx, by, u)
	if err != nil {
		return Report{}, err
	}
	return r.conclude(ctx, b, KindRequest, nil)
}

// conclude settles a batch that is an import of its own, unless still, if any,
// says in the same transaction that it may no longer be.
func (r *Receiver) conclude(ctx context.Context, b *batch, kind Kind, still func(Book) error) (Report, error) {
	b.run = r.newID()
	if err := b.settle(ctx, r.ledger, nil, func(book Book) error {
		if still != nil {
			if err := still(book); err != nil {
				return err
			}
		}
		kept, _, err := b.keep(ctx, book, MaxKeptTextRun)
		if err != nil {
			return err
		}
		if err := b.remember(ctx, book, kept); err != nil {
			return err
		}
		return book.Keep(ctx, Import{
			ID: b.run, Source: b.source, Mode: Upsert, Kind: kind, State: Completed, DryRun: b.dryRun,
			CreatedBy: b.by.ID, StartedAt: b.at, EndedAt: b.at, Counts: b.report().Counts,
		}, kept)
	}); err != nil {
		return Report{}, err
	}
	report := b.report()
	report.ImportID, report.DryRun = b.run, b.dryRun
	return report, nil
}

func check(by identity.Principal, u Upload) error {
	if err := by.Require(identity.BatchUpload); err != nil {
		return err
	}
	if len(u.Rows) > MaxRows {
		return fault.New(fault.TooLarge, "too_many_rows", "A request carries at most %d rows: split it.", MaxRows)
	}
	return nil
}

// ReceiveOne judges a single row and, unless it is a dry run, stores what
// follows, without making a run. It gives the entry as it is then, and whether
// it was created, updated or is unchanged. A refused row is a fault.Invalid, a
// conflict a fault.Conflict with Extra["correction_id"]; what an approver has
// dismissed, and has no entry to show, is one too (correction_dismissed).
func (r *Receiver) ReceiveOne(ctx context.Context, by identity.Principal, source string, row Row, dryRun bool) (timesheet.Entry, timesheet.Outcome, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return timesheet.Entry{}, "", err
	}
	b, err := r.prepare(ctx, by, Upload{Source: source, Rows: []Row{row}, DryRun: dryRun})
	if err != nil {
		return timesheet.Entry{}, "", err
	}
	if err := b.glanceRefused(ctx, r.ledger); err != nil {
		return timesheet.Entry{}, "", err
	}
	var note func(Book) error
	if (len(b.refusedBefore) > 0 || len(b.open) > 0) && !dryRun {
		note = func(book Book) error { return b.remember(ctx, book, nil) }
	}
	if err := b.settle(ctx, r.ledger, nil, note); err != nil {
		return timesheet.Entry{}, "", err
	}
	switch result := b.results[0]; result.Outcome {
	case timesheet.OutcomeRejected:
		f := fault.New(fault.Invalid, result.Code, "%s", result.Problem.Detail)
		if result.Problem.Field != "" {
			f.Fields = []fault.Field{{Pointer: result.Problem.Field, Code: result.Code, Text: result.Problem.Detail}}
		}
		return timesheet.Entry{}, result.Outcome, f
	case timesheet.OutcomeConflict:
		f := fault.New(fault.Conflict, result.Code, "%s", result.Problem.Detail)
		if !result.CorrectionID.IsZero() {
			f = f.With("correction_id", result.CorrectionID.String())
		}
		return timesheet.Entry{}, result.Outcome, f
	case timesheet.OutcomeUnchanged:
		if result.ID.IsZero() && result.Code == string(timesheet.Stale) {
			return timesheet.Entry{}, result.Outcome, fault.New(fault.Conflict, result.Code,
				"A newer revision of this entry was received already, of which an approver decides. Send the newest one.")
		}
		if result.ID.IsZero() {
			return timesheet.Entry{}, result.Outcome, fault.New(fault.Conflict, "correction_dismissed",
				"An approver has decided against this entry: there is none, and nothing changed. Ask an approver.")
		}
		entry, err := r.ledger.Entry(ctx, by.Organization, result.ID)
		return entry, result.Outcome, err
	case timesheet.OutcomeDeleted:
		// What arrives is never deleted.
	case timesheet.OutcomeCreated, timesheet.OutcomeUpdated:
		return b.last, result.Outcome, nil
	}
	return timesheet.Entry{}, "", fault.New(fault.Internal, "internal", "The row was not judged.")
}

// prepare does all that needs no lock: every row that can be judged by itself,
// or by a glance at what was last received, has its result afterwards. What is
// known of rows beforehand comes first.
func (r *Receiver) prepare(ctx context.Context, by identity.Principal, u Upload, known ...func(*batch)) (*batch, error) {
	source, err := sourceOf(u.Source, u.Rows)
	if err != nil {
		return nil, err
	}
	now := r.now().UTC().Truncate(time.Microsecond)
	b := &batch{
		source: source, dryRun: u.DryRun, by: by, at: now, newID: r.newID, way: r.way,
		period:  timesheet.Period{Today: timesheet.DayIn(now), LockBefore: r.lock},
		rows:    u.Rows,
		results: make([]Result, len(u.Rows)),
		digests: make([]timesheet.Digest, len(u.Rows)),

		refusedBefore: make(map[string]bool),
	}
	b.identify(ctx)
	for _, say := range known {
		say(b)
	}
	if err := b.resolve(ctx, r.ledger); err != nil {
		return nil, err
	}
	b.check(ctx, r.userIDs)
	b.supersede()
	if err := b.glance(ctx, r.ledger); err != nil {
		return nil, err
	}
	return b, nil
}

// moved says that an entry belongs to a worker who is not locked: another
// writer was faster. The batch starts over with that worker locked too.
type moved struct{ userID string }

func (m moved) Error() string { return "an entry moved to a worker who is not locked" }

// settle judges what is left under lock and stores what follows, in the same
// transaction with first, before that, and with note, before what follows is
// stored: that takes the organisation's counter, for which all others wait.
// When nothing is to be written at all no transaction is begun.
func (b *batch) settle(ctx context.Context, ledger Ledger, first, note func(Book) error) error {
	if len(b.open) == 0 && first == nil && note == nil {
		return nil
	}
	ahead := b.insertsAhead()
	for range maxStarts {
		err := ledger.Atomically(ctx, b.by.Organization, func(book Book) error {
			// Who loses a race has to look at what the winner wrote.
			early := ahead
			ahead, b.inserted = false, 0
			if first != nil {
				if err := first(book); err != nil {
					return err
				}
			}
			writing, err := b.judge(ctx, book, early)
			if err != nil {
				return err
			}
			if note != nil {
				if err := note(book); err != nil {
					return err
				}
			}
			if len(writing) == 0 && b.inserted == 0 {
				return nil
			}
			return book.Store(ctx, b.by.ID, b.run, writing)
		})
		m, again := errors.AsType[moved](err)
		switch {
		case again:
			b.lockToo = append(b.lockToo, m.userID)
		case !errors.Is(err, errContested):
			return err
		}
	}
	return fault.New(fault.Unavailable, "busy", "The same entries are being moved between workers again and again. Send the same request once more.").After(time.Second)
}

// maxStarts bounds how often a batch starts over because of a moved entry.
const maxStarts = 5

// kind of the workers that an upload names for the first time.
const unseenKind worker.Kind = worker.Contractor
