package importing

import (
	"time"

	"timesheets/domain/timesheet"
)

// Counts says what became of rows.
type Counts struct{ Created, Updated, Unchanged, Conflicts, Rejected int }

// Sum is the number of rows that have a verdict.
func (c Counts) Sum() int {
	return c.Created + c.Updated + c.Unchanged + c.Conflicts + c.Rejected
}

func (c *Counts) add(o Counts) {
	c.Created += o.Created
	c.Updated += o.Updated
	c.Unchanged += o.Unchanged
	c.Conflicts += o.Conflicts
	c.Rejected += o.Rejected
}

// Summary is what a run did; when it failed, how far it came. Its size is
// bounded whatever the tracker held.
type Summary struct {
	Source string
	Window Window
	Mode   Mode
	DryRun bool

	// Import is the run's id in the API; "" when none was started.
	Import string
	// CursorBefore and Cursor are how far the source had been read before the
	// run, and has been after it. They are equal unless the run is complete.
	CursorBefore, Cursor string

	// Read counts the rows that went to the API, those of a window that was read
	// again included: Read = Sum() + Unanswered().
	Read int
	Counts

	// Deleted counts entries that a mirror deleted, or would delete, because
	// they are gone from the tracker. DeletionsSkipped says why it deleted none
	// although it may have had to; "" for no reason.
	Deleted          int
	DeletionsSkipped string

	// Of the conflicts and rejected rows, those that the API had not recorded
	// before, and those that it had.
	NewProblems, KnownProblems int
	// Codes counts the problems by code, at most maxCodes of them.
	Codes map[string]int
	// Problems are the new ones, of a dry run also those known before, at most
	// maxLines of them.
	Problems []Change
	// Changes are the rows that a dry run would create or update, at most
	// maxLines of them.
	Changes []Change

	// Running counts entries that were not sent because their timer still runs.
	Running int
	// Unreadable counts what could not be sent because it is no entry at all;
	// UnreadableTexts says of the first maxLines why.
	Unreadable      int
	UnreadableTexts []string

	// Hours are of the rows that landed: created, updated or unchanged. They are
	// sorted by worker and week.
	Hours []WorkerWeek

	Pages   int // pages of the tracker that were read
	Reread  int // windows that were read again because entries moved
	Batches int // requests that the API answered with a report
	Retries int // waits before something was tried again

	Took Took
}

// Unanswered counts rows that have no verdict, since the run ended early. They
// may have landed; the next run finds out.
func (s Summary) Unanswered() int { return s.Read - s.Sum() }

// Took says where the time of a run went.
type Took struct {
	Tracker time.Duration // waiting for the tracker
	API     time.Duration // waiting for the API with nothing left to read or no room to read on
	Total   time.Duration
}

// Change is what became, or would become, of one row.
type Change struct {
	ExternalID string
	Worker     string
	Date       string
	Project    string
	Seconds    int
	Outcome    Outcome
	Code       string // stable; "" for most
	Text       string // one sentence; "" for most
	Known      bool   // a problem that was recorded before
}

// WorkerWeek is the time of one worker in one ISO week.
type WorkerWeek struct {
	Worker  string
	Week    timesheet.Week
	Entries int
	Seconds int
}

// Bounds of a summary.
const (
	maxLines       = 200
	maxCodes       = 50
	maxWorkerWeeks = 10_000
)

// Others stands, in WorkerWeek and Codes, for all that a bounded summary has
// no room for.
const Others = "(others)"

// Progress is how far a run is.
type Progress struct {
	Window  Window // the part of the run's window that is being read
	Part    int    // its number, from 1
	Parts   int
	Read    int           // rows read so far
	Landed  int           // rows that have a verdict
	Waiting time.Duration // not 0: the run pauses for so long, because of Reason
	Reason  error
}
