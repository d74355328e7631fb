// Package intake takes in what machines send: rows of hours from trackers,
// each judged by itself and answered with what became of it.
//
// Delivery is at-least-once: a client that got no answer sends the same rows
// again, and every hour is still counted once, because a row's key (source,
// external id) identifies its entry for good. One request is one transaction:
// all its rows are judged and stored, or, when it fails, none.
package intake

import (
	"context"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

// Way is that of work on a batch among what others want done.
type Way interface {
	// Yield lets what is more urgent go first, if there is any. It is called before
	// each row that something is computed for, with how many went before.
	Yield(ctx context.Context, done int)
}

// Ledger is where entries and imports are kept.
type Ledger interface {
	// Glance tells, for each key of the source, what was last received under
	// it, without locking anything: answers[i] is about keys[i].
	Glance(ctx context.Context, org identity.Organization, source string, keys []string) ([]Glimpse, error)

	// Resolve finds the workers that canonical refs stand for: answers[i] is the user id
	// for refs[i], "" when nobody is known by it.
	Resolve(ctx context.Context, org identity.Organization, refs []WorkerRef) ([]string, error)

	// Entry gives one entry; an unknown id is a fault.NotFound.
	Entry(ctx context.Context, org identity.Organization, id timesheet.ID) (timesheet.Entry, error)

	// Renew puts the end of a run's lease off, and gives the run; see Runs.
	Renew(ctx context.Context, org identity.Organization, ref RunRef, lease time.Duration) (Import, error)

	// Part gives what is recorded of a batch of a run, and its problem rows; nil
	// when there is nothing.
	Part(ctx context.Context, org identity.Organization, run timesheet.ID, part int) (*Part, []KeptRow, error)

	// Refused gives rows of the source that were refused with the code ("" for
	// every code) at the last receipt of their key, those first that were judged
	// least lately: at most limit of them, with at most room bytes of text. Rows
	// whose text was not kept are not among them.
	Refused(ctx context.Context, org identity.Organization, source, code string, limit, room int) ([]RefusedRow, error)

	// Atomically runs fn in one transaction, which is committed when fn
	// returns nil. fn may run more than once: when the database asks for it,
	// or when another writer was first to use a key. It must have no effect
	// but through its Book.
	Atomically(ctx context.Context, org identity.Organization, fn func(Book) error) error
}

// Book is the ledger within one transaction. Its methods are called in the
// order in which they stand here, each at most once.
type Book interface {
	// Enter holds the run so that it can neither end nor be taken over before
	// the transaction does, and gives what is recorded of the part, nil for
	// nothing. Faults are those of Runs.
	Enter(ctx context.Context, ref RunRef, part int) (*Part, error)
	// Insert writes new entries of one source before anybody is locked, so that the
	// bulk of the work keeps nobody waiting. Whether they may stay is found out
	// under lock. Store makes them one write with what else it writes. It gives
	// what can be known now of the workers who will be locked, and of the days.
	Insert(ctx context.Context, entries []*timesheet.Entry, userIDs []string, days []timesheet.WorkerDay) (Forecast, error)
	// Ask locks the workers until the transaction ends, so that nobody else
	// changes their entries, and creates those that were never seen, with the
	// given kind; "" when there are none. It answers as of then, with what was
	// inserted. Nobody need be locked.
	Ask(ctx context.Context, userIDs []string, unseen worker.Kind, questions Questions) (Answers, error)
	// Spare takes back the creation of those of the workers whom Ask created.
	Spare(userIDs []string)
	// Around answers about weeks and days that turned out to be concerned, too.
	Around(ctx context.Context, weeks []timesheet.WorkerWeek, days []timesheet.WorkerDay) (map[timesheet.WorkerWeek]timesheet.WeekState, map[timesheet.WorkerDay]int, error)
	// StillRefused tells whether each of the rows is still the last receipt of
	// its key, and keeps it so until the transaction ends.
	StillRefused(ctx context.Context, source string, rows []RefusedRow) (bool, error)
	// Kept tells how many problem rows a run has, and how many bytes of their
	// text are kept. Nobody adds to them until the transaction ends.
	Kept(ctx context.Context, run Import) (rows, text int, err error)
	// Recorded tells which of the problems were recorded by an earlier import
	// of the source that was no dry run.
	Recorded(ctx context.Context, source string, problems []KeptRow) ([]bool, error)
	// Refusals remembers the rows whose keys were refused by the run, one a key,
	// for a retry, and forgets what it remembered under the keys in settled,
	// until the run is taken back; and, when all else is done, what others have
	// remembered meanwhile under those in judged, which it was not told of. Of
	// what was inserted Store does so.
	Refusals(ctx context.Context, source string, run timesheet.ID, refused []KeptRow, settled, judged []string) error
	// Keep writes the record of an import that is at its end, and its rows.
	Keep(ctx context.Context, record Import, rows []KeptRow) error
	// KeepPart writes the record of one batch of a run, its problem rows and,
	// when the run is a mirror, the keys that it brought.
	KeepPart(ctx context.Context, run Import, part Part, rows []KeptRow, keys []string) error
	// Store writes what the verdicts ask for, in the given order, as one write
	// of the change feed.
	Store(ctx context.Context, by string, run timesheet.ID, writing []Stored) error
}

// Questions are what a judgement has to know. Each may be empty.
type Questions struct {
	Source string
	Known  []string // keys: what is held under each?
	Fresh  []string // keys: is there a correction under one of them, open or dismissed?
	// Alone says that new entries of the source are stored after this, once
	// workers are locked. That waits until no transaction is left that has inserted
	// some before, and lets none begin: they would wait for each other's keys and
	// locks for ever.
	Alone bool
	Weeks []timesheet.WorkerWeek
	// Forecast is what days came to before the workers were locked. What others
	// did since is looked up.
	Forecast Forecast
}

// Forecast is what can be known while others may still change it.
type Forecast struct {
	Unseen bool  // some of the workers were never seen
	After  int64 // the organisation's last write that is part of Totals
	Totals map[timesheet.WorkerDay]int
}

// Answers are those to Questions.
type Answers struct {
	Held      []timesheet.Held // by Known
	Corrected bool             // one of Fresh
	// Weeks has the states of those of the weeks that are submitted or approved.
	// Store raises the versions of submitted ones that it changes.
	Weeks map[timesheet.WorkerWeek]timesheet.WeekState
	// Totals has the seconds that count on each of the forecast's days.
	Totals map[timesheet.WorkerDay]int
}

// Glimpse is what a quick look at a key shows.
type Glimpse struct {
	ID       timesheet.ID // of the entry; zero when the key was never used
	UserID   string       // whose entry it is
	Received timesheet.Received
	Open     bool // a correction is open under the key
	Refused  bool // a row of the key was refused, and is kept: the last that was received, or the one before
}

// Stored is one verdict that writes something, with what was held before it.
type Stored = timesheet.Stored

// WorkerRef names a worker by what a tracker calls them, or by e-mail: exactly
// one of the two. Source, id and address are bounded as user ids are.
type WorkerRef struct {
	Source string // with ID
	ID     string
	Email  string
}

// canonical gives the reference in the spelling in which workers are kept.
func (r WorkerRef) canonical() WorkerRef {
	r.Email = worker.CanonicalEmail(r.Email)
	return r
}

// plausible tells whether anybody can be known by the reference: who cannot is
// not looked for, since no column can hold what the reference may hold.
func (r WorkerRef) plausible() bool {
	if r.Email != "" {
		return r.Source == "" && r.ID == "" && identity.CheckUserID(r.Email) == nil
	}
	return timesheet.CheckSource(r.Source) == nil && identity.CheckUserID(r.ID) == nil
}
