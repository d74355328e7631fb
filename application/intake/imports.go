package intake

import (
	"time"

	"timesheets/domain/timesheet"
)

// Mode is what a run declares: that its rows are to be added or updated, or
// that they are all that there is.
type Mode string

// The modes of a run.
const (
	Upsert Mode = "upsert"
	Mirror Mode = "mirror"
)

// State is where a run stands.
type State string

// The states of a run.
const (
	Open      State = "open"
	Completed State = "completed"
	Aborted   State = "aborted"
	Expired   State = "expired"
	Reverted  State = "reverted"
)

// Kind is how an import came about.
type Kind string

// The kinds of imports.
const (
	KindRequest Kind = "request" // one upload, a run of its own
	KindRun     Kind = "run"     // many uploads between a start and an end
	KindRevert  Kind = "revert"  // the undoing of another import
	KindRetry   Kind = "retry"   // kept rows, judged again
)

// Import is the record of one load of rows.
type Import struct {
	ID        timesheet.ID
	Source    string
	Mode      Mode
	Kind      Kind
	State     State
	DryRun    bool
	Scope     Scope
	Fence     int64     // 0 unless it is a run
	LeaseEnd  time.Time // zero unless it is a live run
	Cursor    string    // what the run earned by completing; "" for none
	Reverts   timesheet.ID
	CreatedBy string
	StartedAt time.Time
	EndedAt   time.Time // zero while it is open
	Counts
}

// Scope is what a run says it is about: days, both inclusive, and workers.
type Scope struct {
	From, To timesheet.Day // zero for all
	UserIDs  []string      // nil for all
}

// Bounds of what is kept of refused and conflicting rows: the original text.
// Key, code and digest are kept always.
const (
	MaxKeptText    = 16 << 10 // bytes a row
	MaxKeptTextRun = 10 << 20 // bytes a run
	MaxProblems    = 100_000  // rows a run; a request that would go beyond is refused
)

// DryRunKept is how long the record of a dry run is kept, at least.
const DryRunKept = 24 * time.Hour

// KeptRow is a row that was refused or is in conflict, as it is kept.
type KeptRow struct {
	Part   int // the batch of the run; 0 for a run of one request
	Source string
	Digest timesheet.Digest // of the content, or of the text when it has none
	Day    timesheet.Day    // of the content, as far as it could be read
	UserID string           // likewise
	At     time.Time
	Again  bool // it was received by an earlier import, and judged again
	Result
	Text          []byte // as received; nil when TextTruncated
	TextTruncated bool
}
